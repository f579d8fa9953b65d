# A timer that sends turns which hooks could not send.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.programs.claude-langfuse;
  inherit (cfg.flush) interval;
  inherit (pkgs.stdenv.hostPlatform) isDarwin isLinux;
  command = "${lib.getExe cfg.package} flush --quiet";
  # systemd reads a JSON string as one word, except for its specifiers.
  quoted = text: lib.replaceStrings [ "%" ] [ "%%" ] (builtins.toJSON text);
  Unit.Description = "Send unsent Claude Code turns to Langfuse";
in
{
  config = lib.mkIf (cfg.enable && interval != null) {
    systemd.user = lib.mkIf isLinux {
      services.claude-langfuse-flush = {
        inherit Unit;
        Service = {
          Type = "oneshot";
          # `flush` finds sessions in Claude Code's folder, and a timer has no shell that sets it.
          Environment = quoted "CLAUDE_CONFIG_DIR=${cfg.configDir}";
          ExecStart = command;
          # 4: offline. The next run retries.
          SuccessExitStatus = 4;
        };
      };
      timers.claude-langfuse-flush = {
        inherit Unit;
        Timer.OnStartupSec = "${toString interval}min";
        Timer.OnUnitInactiveSec = "${toString interval}min";
        Install.WantedBy = [ "timers.target" ];
      };
    };

    launchd.agents.claude-langfuse-flush = lib.mkIf isDarwin {
      enable = true;
      config = {
        ProgramArguments = lib.splitString " " command;
        EnvironmentVariables.CLAUDE_CONFIG_DIR = cfg.configDir;
        StartInterval = interval * 60;
        ProcessType = "Background";
      };
    };
  };
}
