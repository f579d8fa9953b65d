# `programs.claude-code.mutableSettings` for releases of home-manager without it: merges declared settings into a file at
# activation; declared arrays replace those of the file.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  file = ".claude/settings.json";
  inherit (config.programs.claude-code) settings;
in
{
  options.programs.claude-code.mutableSettings = lib.mkOption { default = true; };
  config = {
    home.file."${config.home.homeDirectory}/${file}".enable = lib.mkForce false;
    home.file.${file}.enable = lib.mkForce false;
    home.activation.claudeCodeSettings = lib.hm.dag.entryAfter [ "linkGeneration" ] ''
      if [[ ! -v DRY_RUN ]]; then
        mkdir -p "$HOME/.claude"
        before=$(cat "$HOME/${file}" 2>/dev/null || echo '{}')
        after=$(${lib.getExe pkgs.jq} ${lib.escapeShellArg ". * ${builtins.toJSON settings}"} <<<"$before")
        [[ "$after" == "$before" ]] || echo "$after" >"$HOME/${file}"
      fi
    '';
  };
}
