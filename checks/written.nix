# What the module writes: the configuration file in the program's own language, and the timer.
{ pkgs, home }:
let
  inherit (pkgs) lib;

  enabled =
    settings:
    home.evaluate "written" [
      {
        programs.claude-langfuse = settings // {
          enable = true;
        };
      }
    ];
  file = settings: (enabled settings).config.xdg.configFile."claude-langfuse/config.json".source;

  written = {
    "nothing" = {
      settings = { };
      expected = {
        env = { };
        projects = { };
      };
    };
    "everything, in the program's language" = {
      settings = {
        host = "https://us.cloud.langfuse.com";
        publicKeyFile = "/run/secrets/langfuse-public";
        # agenix in home-manager, and on macOS.
        secretKeyFile = "\${XDG_RUNTIME_DIR}/agenix/langfuse";
        traceAllProjects = true;
        environment = {
          CC_LANGFUSE_TRACE_TAGS = [ "team:search" ];
          CC_LANGFUSE_METADATA = {
            cost_centre = 7;
          };
          CC_LANGFUSE_DEBUG = true;
          CC_LANGFUSE_HOOK_BUDGET = 2.5;
          LANGFUSE_USER_ID = null;
        };
        projects = {
          "~/private".enable = false;
          "/srv/client" = {
            host = "https://langfuse.client.example";
            publicKey = "pk-lf-2";
            secretKeyFile = "$(getconf DARWIN_USER_TEMP_DIR)/agenix/client";
            environment.LANGFUSE_TRACING_ENVIRONMENT = "client";
          };
        };
      };
      expected = {
        env = {
          LANGFUSE_BASE_URL = "https://us.cloud.langfuse.com";
          LANGFUSE_PUBLIC_KEY_FILE = "/run/secrets/langfuse-public";
          LANGFUSE_SECRET_KEY_FILE = "\${XDG_RUNTIME_DIR}/agenix/langfuse";
          TRACE_TO_LANGFUSE = "true";
          CC_LANGFUSE_TRACE_TAGS = "[\"team:search\"]";
          CC_LANGFUSE_METADATA = "{\"cost_centre\":7}";
          CC_LANGFUSE_DEBUG = "true";
          CC_LANGFUSE_HOOK_BUDGET = "2.5";
        };
        projects = {
          "~/private".env.TRACE_TO_LANGFUSE = "false";
          "/srv/client".env = {
            LANGFUSE_BASE_URL = "https://langfuse.client.example";
            LANGFUSE_PUBLIC_KEY = "pk-lf-2";
            LANGFUSE_SECRET_KEY_FILE = "$(getconf DARWIN_USER_TEMP_DIR)/agenix/client";
            LANGFUSE_TRACING_ENVIRONMENT = "client";
            TRACE_TO_LANGFUSE = "true";
          };
        };
      };
    };
  };

  timed = (enabled { flush.interval = 15; }).config;
  isTimed =
    if pkgs.stdenv.hostPlatform.isDarwin then
      timed.launchd.agents.claude-langfuse-flush.config.StartInterval == 900
    else
      timed.systemd.user.timers.claude-langfuse-flush.Timer.OnUnitInactiveSec == "15min";
in
assert lib.assertMsg isTimed "the timer does not run every 15 minutes";
pkgs.runCommandLocal "check-written" { nativeBuildInputs = [ pkgs.jq ]; } ''
  ${lib.concatLines (
    lib.mapAttrsToList (
      what:
      { settings, expected }:
      ''
        echo ${lib.escapeShellArg what}
        diff <(jq -S . ${file settings}) <(jq -S . <<<${lib.escapeShellArg (builtins.toJSON expected)})
      ''
    ) written
  )}
  touch $out
''
