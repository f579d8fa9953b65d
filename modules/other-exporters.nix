# Other exporters of the same turns: with both, each turn arrives twice and its cost counts twice.
{
  config,
  lib,
  options,
  ...
}:
let
  cfg = config.programs.claude-langfuse;
  inherit (import ./claude-code.nix { inherit config options; }) plugins settings;

  settingsText = builtins.toJSON settings;
  scripts = lib.filter (lib.hasSuffix "langfuse_hook.py") (
    lib.mapAttrsToList (_: file: file.target) config.home.file
  );

  exporters =
    lib.optional (lib.hasInfix "langfuse_hook.py" settingsText) "the hook langfuse_hook.py in programs.claude-code.settings"
    ++ map (target: "the hook that home.file puts at ~/${target}") scripts
    ++ lib.optional (
      lib.hasInfix "\"langfuse-observability@" settingsText
      || lib.isAttrs plugins && plugins ? langfuse-observability
    ) "the plugin langfuse-observability of programs.claude-code";
in
{
  config = lib.mkIf cfg.enable {
    warnings = map (
      exporter:
      "programs.claude-langfuse: ${exporter} sends turns to Langfuse too, so each would arrive twice. Remove it"
    ) exporters;
  };
}
