# Errors and warnings of the evaluation, and the remedies in their texts.
{ pkgs, home }:
let
  inherit (pkgs) lib;
  inherit (home) both claudeCode outOfStore;

  # home-manager throws where an assertion fails, and would hide the messages of the others; warnings it would print.
  looking =
    { lib, ... }:
    {
      options.warnings = lib.mkOption { apply = _: [ ]; };
      options.assertions = lib.mkOption {
        apply = map (one: {
          inherit (one) message;
          assertion = true;
          holds = one.assertion;
        });
      };
    };
  evaluate = module: home.evaluate "refusals" (both looking module);
  failed =
    module: map (one: one.message) (lib.filter (one: !one.holds) (evaluate module).config.assertions);
  warnings = module: lib.concatLists (evaluate module).options.warnings.definitions;
  isTyped = module: (builtins.tryEval (evaluate module).activationPackage.drvPath).success;

  has = word: module: { inherit word module; };
  via = way: { programs.claude-langfuse.hook.via = way; };
  variable = name: value: { programs.claude-langfuse.environment.${name} = value; };
  settings = settings: {
    imports = [ claudeCode ];
    programs.claude-code.settings = settings;
  };
  storeLink = both home.storeLink;
  stop = lib.importJSON ./claude/python-hook.json;
  script = "python3 ~/.claude/hooks/langfuse_hook.py";
  plugin = "langfuse-observability@langfuse-observability";
  oldClaude = pkgs.writeShellScriptBin "claude" "" // {
    version = "2.1.100";
  };

  # Refused by an assertion.
  asserted = {
    needed = has "programs.claude-code.enable" (via "claude-code");
    generated = has "remove hook.via" (both (settings { model = "opus"; }) (via "merge"));
    skills = has "set home.file.\".claude/skills\".recursive = true" (storeLink {
      home.file.".claude/skills".source = ./claude;
    });
    skills-out-of-store = has "one by one" (storeLink (outOfStore ".claude/skills"));
    folder = has "set home.file.\".claude\".recursive = true" {
      home.file.".claude".source = ./claude;
    };
    unknown-folder = has "set it to the folder" {
      home.sessionVariables.CLAUDE_CONFIG_DIR = "$X/claude";
    };
    secret = has "claude-langfuse.secretKeyFile" (variable "LANGFUSE_SECRET_KEY" "sk-lf-1234");
    secret-as-public-key = has "secretKeyFile" { programs.claude-langfuse.publicKey = "sk-lf-1234"; };
    secret-of-a-project = has "projects.\"~/x\".secretKeyFile" {
      programs.claude-langfuse.projects."~/x".environment.CC_LANGFUSE_METADATA.key = "sk-lf-1234";
    };
    key-file-in-the-store = has "world-readable" (variable "LANGFUSE_SECRET_KEY_FILE" "${./home.sh}");
  };
  # Refused by the type of an option.
  mistyped = lib.mapAttrs (_: settings: { programs.claude-langfuse = settings; }) {
    path-literal.secretKeyFile = ./home.sh;
    file-in-the-store.secretKeyFile = "${./home.sh}";
    key-itself.secretKeyFile = "sk-lf-1234";
    unknown-way.hook.via = "magic";
    unknown-consent.projects."~/x".allow = true;
  };
  # Accepted with a warning.
  warned = {
    script = has script (settings stop);
    script-in-a-file = has "remove \"${script}\" from" {
      home.file.".claude/settings.json".source = ./claude/python-hook.json;
    };
    plugin = has plugin (settings {
      enabledPlugins.${plugin} = true;
    });
    old-claude-code = has "2.1.157" (storeLink {
      programs.claude-code.enable = true;
      programs.claude-code.package = oldClaude;
    });
  };
  # Accepted without a warning.
  accepted = {
    nothing = { };
    users-day = storeLink { };
    script-that-nothing-runs.home.file.".claude/hooks/langfuse_hook.py".text = "";
    settings-of-a-module-that-is-off.programs.claude-code.settings = stop;
    plugin-that-is-off = settings { enabledPlugins.${plugin} = false; };
    no-module-for-claude-code.disabledModules = [ "programs/claude-code" ];
    script-instead-of-the-hook = both (settings stop) (via "none");
  };

  each = judge: table: lib.concatLists (lib.mapAttrsToList judge table);
  tells = word: lib.any (lib.hasInfix word);
  faults =
    each (
      what:
      { word, module }:
      lib.optional (!tells word (failed module)) "${what} is not refused: ${toString (failed module)}"
      ++ lib.optional (tells "1234" (failed module)) "${what}: the message shows the key"
    ) asserted
    ++ each (what: module: lib.optional (isTyped module) "${what} is not refused") mistyped
    ++ each (
      what: { word, module }: lib.optional (!tells word (warnings module)) "no warning of ${what}"
    ) warned
    ++ each (
      what: module: map (message: "${what}: ${message}") (failed module ++ warnings module)
    ) accepted;
in
assert lib.assertMsg (faults == [ ]) (lib.concatLines faults);
pkgs.runCommandLocal "check-refusals" { } "touch $out"
