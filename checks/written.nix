# Files that the module writes: the configuration file, which the program checks, and the timer.
{ pkgs, home }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) isLinux;

  configuration =
    settings:
    (home.evaluate "written" { programs.claude-langfuse = settings; })
    .config.xdg.configFile."claude-langfuse/config.json" or null;
  compare =
    what:
    { settings, expected }:
    ''
      echo ${lib.escapeShellArg what}
      diff <(jq -S . ${(configuration settings).source}) <(jq -S . <<<${lib.escapeShellArg (builtins.toJSON expected)})
    '';
  refuse =
    what:
    { settings, refused }:
    ''
      echo ${lib.escapeShellArg what}
      ! (out=$TMPDIR/config.json; ${(configuration settings).source.buildCommand}) >said 2>&1
      grep -q ${lib.escapeShellArg refused} said || { cat said; exit 1; }
    '';
  judge = what: case: (if case ? expected then compare else refuse) what case;

  timed =
    (home.evaluate "written" {
      programs.claude-langfuse.configDir = "/home/50% of a/claude code";
      programs.claude-langfuse.flush.interval = 15;
    }).config;
  unit = kind: timed.xdg.configFile."systemd/user/claude-langfuse-flush.${kind}".source;
  verifyUnits = ''
    echo "systemd accepts the units"
    cp ${unit "service"} claude-langfuse-flush.service
    cp ${unit "timer"} claude-langfuse-flush.timer
    said=$(XDG_RUNTIME_DIR=$PWD systemd-analyze verify --user claude-langfuse-flush.* 2>&1) || { echo "$said"; exit 1; }
    ! grep claude-langfuse <<<"$said"
    grep -qxF 'Environment="CLAUDE_CONFIG_DIR=/home/50%% of a/claude code"' claude-langfuse-flush.service
    grep -qxF OnUnitInactiveSec=15min claude-langfuse-flush.timer
  '';
in
assert lib.assertMsg (configuration { } == null) "an empty configuration makes a file";
assert isLinux || timed.launchd.agents.claude-langfuse-flush.config.StartInterval == 900;
pkgs.runCommandLocal "check-written"
  { nativeBuildInputs = [ pkgs.jq ] ++ lib.optional isLinux pkgs.systemd; }
  ''
    ${lib.concatLines (lib.mapAttrsToList judge (lib.importJSON ./written.json))}
    ${lib.optionalString isLinux verifyUnits}
    touch $out
  ''
