# How the hook gets into Claude Code's settings, and never twice.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.programs.claude-langfuse;
  option = "programs.claude-langfuse";

  claudeCode = import ./claude-code.nix { inherit config options; };
  inherit (claudeCode) configDir;
  settingsFile = "${configDir}/settings.json";

  # The text is that of `claude-langfuse install`, byte for byte: Claude Code runs identical commands once. It names the
  # profile, because a store path would dangle one day, and does nothing where the program is gone.
  program = "${config.home.profileDirectory}/bin/claude-langfuse";
  quote = text: "'${lib.replaceStrings [ "'" ] [ "'\\''" ] text}'";
  entry = {
    type = "command";
    command = "[ -x ${quote program} ] && exec ${quote program} hook; :";
  };

  # Whether the other module makes a settings.json without us. Read off the definitions, because the value of the option
  # depends on the answer.
  definesSettings = definition: definition.file != toString ./hook.nix && definition.value != { };
  generatesSettings =
    claudeCode.enable
    && (
      claudeCode.marketplaces != { }
      || lib.any definesSettings options.programs.claude-code.settings.definitionsWithLocations
    );

  via =
    if cfg.hook.via != "auto" then
      cfg.hook.via
    else if generatesSettings then
      "claude-code"
    else
      "merge";

  isGenerated =
    event:
    lib.any (group: lib.any (hook: hook.command or null == entry.command) group.hooks) (
      claudeCode.settings.hooks.${event} or [ ]
    );

  json = (pkgs.formats.json { }).generate;
  plugin =
    let
      manifest = json "plugin.json" {
        # Names that begin with "claude-" are Anthropic's.
        name = "langfuse-traces";
        description = "Sends every session to Langfuse";
        version = lib.getVersion cfg.package;
      };
      hooks = json "hooks.json" { hooks = cfg.hookSettings; };
    in
    pkgs.runCommandLocal "claude-langfuse-plugin" { } ''
      install -D -m 444 ${manifest} $out/.claude-plugin/plugin.json
      install -D -m 444 ${hooks} $out/hooks/hooks.json
    '';

  # In a dry run it shows the difference; it must never fail a switch.
  register = command: ''
    CLAUDE_CONFIG_DIR=${lib.escapeShellArg configDir} ${lib.getExe cfg.package} ${command} ''${DRY_RUN+--dry-run} \
      || warnEcho "claude-langfuse: Claude Code's settings are as they were"
  '';

  # home-manager's own message would be true, but would not tell of the way that keeps the file.
  refuseCollision =
    let
      generated = "home-files/${lib.removePrefix "${config.home.homeDirectory}/" settingsFile}";
    in
    ''
      claudeLangfuseCollision() {
        local settings=${lib.escapeShellArg settingsFile}
        [[ -e "$settings" || -L "$settings" ]] || return 0
        [[ "$(readlink "$settings")" == ${builtins.storeDir}/*-home-manager-files/* ]] && return 0
        [[ ! -L "$settings" && -n "''${HOME_MANAGER_BACKUP_EXT:-}''${HOME_MANAGER_BACKUP_COMMAND:-}" ]] && return 0
        cmp -s "$newGenPath/${generated}" "$settings" && return 0
        errorEcho "claude-langfuse: $settings is there already, and programs.claude-code.settings would generate it."
        errorEcho "Either move what it says into programs.claude-code.settings, and the file away (home-manager switch -b backup),"
        errorEcho "or remove programs.claude-code.settings and set ${option}.hook.via = \"merge\", which keeps your file."
        return 1
      }
      claudeLangfuseCollision || exit 1
    '';
in
{
  config = lib.mkMerge [
    {
      programs.claude-langfuse.hookSettings = {
        Stop = [ { hooks = [ entry ]; } ];
        # Only a settings file can ask for more than 1.5 seconds here.
        SessionEnd = [ { hooks = [ (entry // { timeout = 10; }) ]; } ];
      };
    }

    (lib.mkIf cfg.enable {
      assertions = [
        {
          assertion = cfg.hook.via == "claude-code" -> claudeCode.enable;
          message = "${option}.hook.via = \"claude-code\" needs programs.claude-code.enable; set that, or hook.via = \"merge\"";
        }
        {
          assertion = cfg.hook.via == "merge" -> !generatesSettings;
          message = "${option}.hook.via = \"merge\" can't change the settings.json that programs.claude-code.settings generates; set hook.via = \"claude-code\", or remove those settings";
        }
        {
          assertion =
            via == "claude-code" && claudeCode.enable -> isGenerated "Stop" && isGenerated "SessionEnd";
          message = "a definition of programs.claude-code.settings of a higher priority (mkForce) takes the hook of claude-langfuse away; merge config.${option}.hookSettings into the hooks of that definition";
        }
      ];
    })

    (lib.optionalAttrs claudeCode.exists (
      lib.mkIf cfg.enable {
        # The condition stands below `settings`, where `generatesSettings` does not look.
        programs.claude-code.settings.hooks = lib.mkIf (via == "claude-code") cfg.hookSettings;
      }
    ))

    (lib.mkIf (cfg.enable && via == "claude-code" && !(config.home.file.${settingsFile}.force or false))
      {
        home.activation.claudeLangfuseCollision = lib.hm.dag.entryBefore [
          "checkLinkTargets"
        ] refuseCollision;
      }
    )

    (lib.mkIf (cfg.enable && via == "merge") {
      home.activation.claudeLangfuse = lib.hm.dag.entryAfter [ "linkGeneration" ] (
        register "install --program ${lib.escapeShellArg program}"
      );
    })

    (lib.mkIf (cfg.enable && via == "plugin") {
      home.file."${configDir}/skills/langfuse-traces".source = plugin;
      # An entry of an earlier `merge` would run beside the plugin's.
      home.activation.claudeLangfuse = lib.hm.dag.entryAfter [ "linkGeneration" ] (register "uninstall");
    })
  ];
}
