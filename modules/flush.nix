# A timer for what could not be sent when it was written.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.programs.claude-langfuse;
  inherit (cfg.flush) interval;
  inherit (pkgs.stdenv.hostPlatform) isDarwin isLinux;

  # What is left is found by Claude Code's folder, and no shell tells a timer where that is.
  environment.CLAUDE_CONFIG_DIR = (import ./claude-code.nix { inherit config options; }).configDir;

  command = [
    (lib.getExe cfg.package)
    "flush"
    "--quiet"
  ];
in
{
  config = lib.mkIf (cfg.enable && interval != null) {
    systemd.user = lib.mkIf isLinux {
      services.claude-langfuse-flush = {
        Unit.Description = "Send to Langfuse what hooks of Claude Code left behind";
        Service = {
          Type = "oneshot";
          Environment = lib.mapAttrsToList (name: value: "${name}=${value}") environment;
          ExecStart = lib.escapeShellArgs command;
        };
      };
      timers.claude-langfuse-flush = {
        Unit.Description = "Send to Langfuse what hooks of Claude Code left behind";
        Timer = {
          OnStartupSec = "${toString interval}min";
          OnUnitInactiveSec = "${toString interval}min";
        };
        Install.WantedBy = [ "timers.target" ];
      };
    };

    launchd.agents.claude-langfuse-flush = lib.mkIf isDarwin {
      enable = true;
      config = {
        ProgramArguments = command;
        EnvironmentVariables = environment;
        StartInterval = interval * 60;
        ProcessType = "Background";
      };
    };
  };
}
