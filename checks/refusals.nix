# What the module refuses, with the words that tell what to do, and what it warns of.
{ pkgs, home }:
let
  inherit (pkgs) lib;

  evaluate =
    settings: modules:
    (home.evaluate "refusals" (
      [
        {
          programs.claude-langfuse = settings // {
            enable = true;
          };
        }
      ]
      ++ modules
    )).config;

  keys = {
    publicKey = "pk-lf-1";
    secretKeyFile = "/run/agenix/langfuse";
  };

  # By an assertion: its message holds these words.
  asserted = {
    "a way that needs what is not there" = {
      settings.hook.via = "claude-code";
      words = [ "programs.claude-code.enable" ];
    };
    "a file that is generated, and was to be merged into" = {
      settings.hook.via = "merge";
      module = {
        imports = [ home.claudeCode ];
        programs.claude-code.settings.model = "opus";
      };
      words = [ "hook.via = \"claude-code\"" ];
    };
    "settings that take the hook away" = {
      settings = { };
      module = {
        imports = [ home.claudeCode ];
        programs.claude-code.settings = lib.mkForce { model = "opus"; };
      };
      words = [ "hookSettings" ];
    };
    "a misspelt variable" = {
      settings.environment.LANGFUSE_PUBLIC = "x";
      words = [ "did you mean LANGFUSE_PUBLIC_KEY?" ];
    };
    "a secret key among the variables" = {
      settings.environment = {
        LANGFUSE_PUBLIC_KEY = "pk-lf-1";
        LANGFUSE_SECRET_KEY = "sk-lf-1234";
      };
      words = [ "secretKeyFile" ];
    };
    "a secret key in the place of the public one" = {
      settings = keys // {
        publicKey = "sk-lf-1234";
      };
      words = [ "holds a secret" ];
    };
    "a secret of one project" = {
      settings.projects."~/x".environment.CC_LANGFUSE_METADATA.key = "sk-lf-1234";
      words = [
        "projects.\"~/x\""
        "holds a secret"
      ];
    };
    "a key file in the store, by a variable" = {
      settings.environment = {
        LANGFUSE_PUBLIC_KEY = "pk-lf-1";
        LANGFUSE_SECRET_KEY_FILE = "${./refusals.nix}";
      };
      words = [ "in the Nix store" ];
    };
    "half a pair" = {
      settings.publicKey = "pk-lf-1";
      words = [ "secretKeyFile together" ];
    };
    "half a pair in a project" = {
      settings = keys // {
        projects."~/x".publicKey = "pk-lf-2";
      };
      words = [ "projects.\"~/x\": one of the two keys" ];
    };
    "two public keys" = {
      settings = keys // {
        publicKeyFile = "/run/agenix/public";
      };
      words = [ "keep one" ];
    };
    "a host without a scheme" = {
      settings.host = "cloud.langfuse.com";
      words = [ "https://" ];
    };
    "a project's host with the keys to another" = {
      settings = keys // {
        projects."~/x".host = "https://elsewhere.example";
      };
      words = [ "publicKey and secretKeyFile here too" ];
    };
    "a project's path that is not whole" = {
      settings.projects."code/app" = { };
      words = [ "must be whole" ];
    };
  };

  # By the type of an option.
  mistyped = {
    "a path literal" = {
      secretKeyFile = ./refusals.nix;
    };
    "a file in the store" = {
      secretKeyFile = "${./refusals.nix}";
    };
    "the key itself" = {
      secretKeyFile = "sk-lf-1234";
    };
    "a public key's file in the store" = {
      publicKeyFile = "${./refusals.nix}";
    };
    "a way of registering that does not exist" = {
      hook.via = "magic";
    };
  };

  # By a warning.
  warned = {
    "the script in the settings" = {
      programs.claude-code.settings.hooks.Stop = [
        {
          hooks = [
            {
              type = "command";
              command = "uv run ~/.claude/hooks/langfuse_hook.py";
            }
          ];
        }
      ];
    };
    "the script as a file" = {
      home.file.".claude/hooks/langfuse_hook.py".text = "";
    };
    "the plugin in the settings" = {
      programs.claude-code.settings.enabledPlugins."langfuse-observability@langfuse-observability" = true;
    };
  };
  # What must be let through.
  accepted = {
    "the hook in settings that are forced" = [
      home.claudeCode
      (
        { config, lib, ... }:
        {
          programs.claude-code.settings = lib.mkForce {
            hooks = config.programs.claude-langfuse.hookSettings;
          };
        }
      )
    ];
    "a home-manager that has no module for Claude Code" = [
      { disabledModules = [ "programs/claude-code" ]; }
    ];
  };

  # home-manager throws where an assertion fails, and would hide the messages of the others.
  looking =
    { lib, ... }:
    {
      options.assertions = lib.mkOption {
        apply = map (
          { assertion, message, ... }:
          {
            inherit message;
            assertion = true;
            holds = assertion;
          }
        );
      };
    };
  failed =
    settings: module:
    map (assertion: assertion.message) (
      lib.filter (assertion: !assertion.holds)
        (evaluate settings [
          looking
          module
        ]).assertions
    );
  isWritten =
    settings: modules:
    (builtins.tryEval
      (evaluate settings modules).xdg.configFile."claude-langfuse/config.json".source.drvPath
    ).success;
  # Read off the definitions, or home-manager would print them here.
  warnings =
    module:
    lib.concatLists
      (home.evaluate "refusals" [
        home.claudeCode
        { options.warnings = lib.mkOption { apply = _: [ ]; }; }
        { programs.claude-langfuse.enable = true; }
        module
      ]).options.warnings.definitions;
  tells =
    words: messages: lib.any (message: lib.all (word: lib.hasInfix word message) words) messages;

  faults = lib.flatten [
    (lib.mapAttrsToList (
      what:
      {
        settings,
        words,
        module ? { },
      }:
      let
        messages = failed settings module;
      in
      [
        (lib.optional (!tells words messages) "${what} is not refused: ${toString messages}")
        (lib.optional (lib.any (lib.hasInfix "1234") messages) "${what}: the message shows the key")
      ]
    ) asserted)
    (lib.mapAttrsToList (
      what: settings: lib.optional (isWritten settings [ ]) "${what} is not refused"
    ) mistyped)
    (lib.mapAttrsToList (
      what: module: lib.optional (!tells [ "twice" ] (warnings module)) "no warning names ${what}"
    ) warned)
    (lib.optional (warnings { } != [ ]) "there is a warning of nothing")
    (lib.mapAttrsToList (
      what: modules: lib.optional (!isWritten keys modules) "${what}: it is refused"
    ) accepted)
  ];
in
assert lib.assertMsg (faults == [ ]) (lib.concatLines faults);
pkgs.runCommandLocal "check-refusals" { } "touch $out"
