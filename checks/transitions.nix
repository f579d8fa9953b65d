# From one way of registering to another: never registered twice.
{ pkgs, home }:
let
  inherit (pkgs) lib;

  name = "transitions";
  via =
    way: more:
    home.evaluate name (
      [
        {
          programs.claude-langfuse = {
            enable = true;
            hook.via = way;
          };
        }
      ]
      ++ more
    );
  merge = via "merge" [ ];
  plugin = via "plugin" [ ];
  generated = via "claude-code" [ home.claudeCode ];
in
{
  home-transitions = home.check name ''
    hook_settings=${lib.escapeShellArg (builtins.toJSON merge.config.programs.claude-langfuse.hookSettings)}

    fresh_home mutable
    activate ${merge.activationPackage} || fail merge
    same_entries "$settings"
    activate ${plugin.activationPackage} || fail plugin
    [ "$(registered "$settings")" = '[]' ] || fail "the plugin is registered beside the settings"
    activate ${merge.activationPackage} || fail merge
    [ ! -e "$HOME/.claude/skills/langfuse-traces" ] || fail "the settings are registered beside the plugin"
    same_entries "$settings"

    # An entry that somebody made by hand becomes the module's.
    fresh_home absent
    echo '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "claude-langfuse hook"}]}]}}' >"$settings"
    activate ${merge.activationPackage} || fail merge
    same_entries "$settings"

    # A backup was asked for, so what is in the way may go.
    ! activate ${generated.activationPackage} || fail "a file was replaced"
    activate ${generated.activationPackage} HOME_MANAGER_BACKUP_EXT=old || fail "the backup was refused"
    same_entries "$settings"
    [ -e "$settings.old" ] || fail "there is no backup"

    # A broken file is left alone, and does not fail the switch.
    fresh_home absent
    echo '{ // mine' >"$settings"
    activate ${merge.activationPackage} || fail "a broken file fails the switch"
    [ "$(cat "$settings")" = '{ // mine' ] || fail "a broken file was changed"
    grep -q 'could not parse' "$HOME.log" || fail "no message names the broken file"
  '';
}
