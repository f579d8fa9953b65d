# A timer for what could not be sent when it was written.
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
  # systemd reads a string of JSON as one word, but for its specifiers.
  quoted = text: lib.replaceStrings [ "%" ] [ "%%" ] (builtins.toJSON text);
  Unit.Description = "Send to Langfuse what hooks of Claude Code left behind";
in
{
  config = lib.mkIf (cfg.enable && interval != null) {
    systemd.user = lib.mkIf isLinux {
      services.claude-langfuse-flush = {
        inherit Unit;
        Service = {
          Type = "oneshot";
          # What is left is found by Claude Code's folder, and no shell tells a timer where that is.
          Environment = quoted "CLAUDE_CONFIG_DIR=${cfg.configDir}";
          ExecStart = command;
          # Offline; the next run tries again.
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
