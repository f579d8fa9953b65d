# Registers the hook in Claude Code, exactly once.
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
  claudeCode = import ./claude-code.nix { inherit config lib options; };
  linksAt = import ./linked-files.nix { inherit config lib; };
  settingsFile = "${cfg.configDir}/settings.json";
  pluginFolder = "${cfg.configDir}/skills/langfuse-traces";
  # The same bytes as from `claude-langfuse install`, because Claude Code runs identical commands once. The path is in the
  # profile, because a store path would dangle one day. The command does nothing if the program is missing.
  program = "${config.home.profileDirectory}/bin/claude-langfuse";
  quoted = "'${lib.replaceStrings [ "'" ] [ "'\\''" ] program}'";
  entry.type = "command";
  entry.command = "[ -x ${quoted} ] && exec ${quoted} hook; :";

  generates = claudeCode.generatesFrom claudeCode.settings;
  via =
    if cfg.hook.via != "auto" then
      cfg.hook.via
    else if generates then
      "claude-code"
    else if lib.any (link: link.isInStore) (linksAt settingsFile pluginFolder) then
      "plugin"
    else
      "merge";
  # Added to other definitions. It must not depend on `via`, which depends on all definitions.
  isAsked = way: isBest: cfg.enable && (cfg.hook.via == way || cfg.hook.via == "auto" && isBest);
  added =
    settings:
    lib.optionalAttrs (isAsked "claude-code" (claudeCode.generatesFrom settings)) cfg.hookSettings
    # Declared events replace those of the file, so that `merge` would add the hook again at every activation.
    // lib.optionalAttrs (claudeCode.mergesSettings && isAsked "merge" true) (
      lib.intersectAttrs (settings.hooks or { }) cfg.hookSettings
    );
  withHook =
    settings:
    let
      hooks = settings.hooks or { };
      beside = event: groups: hooks.${event} or [ ] ++ lib.subtractLists (hooks.${event} or [ ]) groups;
      ours = lib.mapAttrs beside (added settings);
    in
    settings // lib.optionalAttrs (ours != { }) { hooks = hooks // ours; };

  json = (pkgs.formats.json { }).generate;
  # Names that begin with "claude-" are Anthropic's.
  manifest = json "plugin.json" {
    name = "langfuse-traces";
    description = "Sends every session to Langfuse";
    version = lib.getVersion cfg.package;
  };
  plugin = pkgs.runCommandLocal "claude-langfuse-plugin" { } ''
    install -D -m 444 ${manifest} $out/.claude-plugin/plugin.json
    install -D -m 444 ${json "hooks.json" { hooks = cfg.hookSettings; }} $out/hooks/hooks.json
  '';

  # In a dry run it shows the difference. A broken settings.json does not fail the switch, because Claude Code ignores it too.
  claudeLangfuse = command: ''
    CLAUDE_CONFIG_DIR=${lib.escapeShellArg cfg.configDir} ${lib.getExe cfg.package} ${command} \
      --program ${lib.escapeShellArg program} ''${DRY_RUN+--dry-run} >"''${DRY_RUN_NULL:-/dev/null}" \
      || warnEcho "claude-langfuse: Claude Code's settings were not changed"
  '';
  # Users may have added the same entry themselves, so only entries made by `merge` are removed.
  unregister = lib.hm.dag.entryAfter [ "linkGeneration" ] ''
    if [[ -v oldGenPath && -e "$oldGenPath/claude-langfuse-merged" ]]; then
      ${claudeLangfuse "uninstall"}
    fi
  '';
  # Activation can't choose another `via`; only evaluation can.
  refuseStore = ''
    claudeLangfuseSettings=$newGenPath/home-files/${lib.escapeShellArg (lib.removePrefix "${config.home.homeDirectory}/" settingsFile)}
    [[ -e "$claudeLangfuseSettings" ]] || claudeLangfuseSettings=${lib.escapeShellArg settingsFile}
    if [[ "$(readlink "$claudeLangfuseSettings")" != ${builtins.storeDir}/*-home-manager-files/* \
      && "$(readlink -m "$claudeLangfuseSettings")" == ${builtins.storeDir}/* ]]; then
      errorEcho "claude-langfuse: "${lib.escapeShellArg settingsFile}" lies in the Nix store, so no hook can be added. Set ${option}.hook.via = \"plugin\""
      exit 1
    fi
  '';
  refuseUnless = assertion: message: {
    inherit assertion;
    message = "${option}.${message}";
  };
  refuseFolder =
    link:
    refuseUnless (
      via != "plugin" || !link.isWhole
    ) "hook: the plugin must be in the folder that ${link.option} links as a whole; ${link.remedy}";
  # With another exporter each turn and its cost arrive twice. A script without a hook entry sends nothing.
  exporter = lib.match ''.*command"? ?[:=] ?(".*langfuse_hook[^"]*"?).*|.*("langfuse-observability@[^"]*" ?[:=] ?true).*'';
  warnOfExporters =
    place: text:
    map (
      entry:
      "${option}: each turn arrives in Langfuse twice, because another exporter sends it too; remove ${entry} from ${place}"
    ) (lib.remove null (lib.flatten (map exporter (lib.splitString "\n" text))));
  warnOfLink = link: warnOfExporters link.option link.text;
  version = if claudeCode.package or null == null then "9999" else lib.getVersion claudeCode.package;
in
{
  # An `apply` sees other definitions of any priority, and does not change priorities.
  options.programs.claude-code.settings = lib.mkOption { apply = withHook; };
  options.programs.claude-langfuse.hookSettings = lib.mkOption {
    type = lib.types.attrs;
    readOnly = true;
    default.Stop = [ { hooks = [ entry ]; } ];
    # Only a settings file can raise the limit of 1.5 seconds for SessionEnd.
    default.SessionEnd = [ { hooks = [ (entry // { timeout = 10; }) ]; } ];
    defaultText = lib.literalMD "the entries for Stop and SessionEnd";
    description = "The value of `hooks` in {file}`settings.json`, for people who generate that file themselves.";
  };

  config = lib.mkIf cfg.enable {
    home.packages = [ cfg.package ];
    assertions = [
      (refuseUnless (
        cfg.hook.via == "claude-code" -> claudeCode.enable
      ) "hook.via = \"claude-code\" needs programs.claude-code.enable; set that, or remove hook.via")
      (refuseUnless (cfg.hook.via == "merge" -> !generates)
        "hook.via = \"merge\" can't change the settings.json that programs.claude-code generates; remove hook.via"
      )
      (refuseUnless (lib.match "/[^$]*" cfg.configDir != null)
        "configDir = \"${cfg.configDir}\" is not an absolute path; set it to the folder that CLAUDE_CONFIG_DIR names"
      )
    ]
    ++ map refuseFolder (linksAt pluginFolder pluginFolder);
    warnings = lib.optionals (cfg.hook.via != "none") (
      warnOfExporters "programs.claude-code.settings" (lib.generators.toPretty { } claudeCode.settings)
      ++ lib.concatMap warnOfLink (linksAt settingsFile pluginFolder)
      ++
        lib.optional (via == "plugin" && lib.versionOlder version "2.1.157")
          "${option}: a plugin needs Claude Code 2.1.157 or later, and programs.claude-code.package is ${version}"
    );

    # A conditional definition would depend on all other files, so only `enable` depends on `via`.
    home.file.${pluginFolder} = {
      enable = via == "plugin";
      source = plugin;
    };
    home.activation =
      {
        claude-code = { };
        merge.claudeLangfuseStore = lib.hm.dag.entryBefore [ "checkLinkTargets" ] refuseStore;
        merge.claudeLangfuse = lib.hm.dag.entryAfter [ "linkGeneration" "claudeCodeSettings" ] (
          claudeLangfuse "install"
        );
        plugin.claudeLangfuse = unregister;
        none.claudeLangfuse = unregister;
      }
      .${via};
    home.extraBuilderCommands = lib.mkIf (via == "merge") "touch $out/claude-langfuse-merged";
  };
}
