# Changes of `hook.via` never register the hook twice.
{ pkgs, home }:
let
  inherit (pkgs) lib;

  name = "transitions";
  via =
    way: more:
    (home.evaluate name (home.both more { programs.claude-langfuse.hook.via = way; }))
    .activationPackage;
  inherit (home.evaluate name { }) config;
in
{
  home-transitions = home.check name { } ''
    hook_settings=${lib.escapeShellArg (builtins.toJSON config.programs.claude-langfuse.hookSettings)}
    merge=${via "merge" { }} plugin=${via "plugin" { }} none=${via "none" { }}
    generated=${via "claude-code" home.claudeCode}

    fresh_home mutable
    for other in "$plugin" "$none"; do
      activate "$merge" || fail merge
      same_entries "$settings"
      [ ! -e "$HOME/.claude/skills/langfuse-traces" ] || fail "the settings are registered beside the plugin"
      activate "$other" || fail "$other"
      [ "$(registered "$settings")" = '[]' ] || fail "the entries stayed"
      jq -e '.model == "opus" and .hooks.Stop[0].hooks[0].command == "true"' "$settings" >/dev/null || fail "something was lost"
    done

    # Entries of users stay: only an entry made by `merge` is removed.
    fresh_home absent
    jq -n --argjson hooks "$hook_settings" '{$hooks}' >"$settings"
    activate "$none" || fail none
    same_entries "$settings"

    # With a backup extension, home-manager may replace the file.
    ! activate "$generated" || fail "a file was replaced"
    activate "$generated" HOME_MANAGER_BACKUP_EXT=old || fail "the backup was refused"
    same_entries "$settings"
    [ -e "$settings.old" ] || fail "the backup is missing"

    # A broken file is not changed, and does not fail the switch.
    fresh_home absent
    echo '{ // mine' >"$settings"
    activate "$merge" || fail "a broken file fails the switch"
    [ "$(cat "$settings")" = '{ // mine' ] || fail "a broken file was changed"
    grep -q 'could not parse' "$HOME.log" || fail "no message names the broken file"
  '';
}
