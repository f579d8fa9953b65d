# One cell of the matrix: cell STATE OUTCOME.

cell() {
  echo "settings.json $1: $2"
  fresh_home "$1"
  ln -s "$profile" "$HOME/.nix-profile"
  local before after
  before=$(snapshot)
  copy_settings before

  activate "$with" DRY_RUN=1 || [ "$2" = refused ] || [ "$2" = collision ] || fail "the dry run failed"
  [ "$(snapshot)" = "$before" ] || fail "the dry run changed something"
  [ "$2" != merged ] || grep -q '^+++ ' "$HOME.log" || fail "the dry run does not show the changes"

  case $2 in
  refused) refuses 'Set programs.claude-langfuse.hook.via = "plugin"' && return ;;
  collision) refuses 'would be clobbered' && return ;;
  esac

  activate "$with" || fail "activation failed"
  "outcome_$2" "$1"
  after=$(snapshot)
  activate "$with" || fail "the second activation failed"
  [ "$(snapshot)" = "$after" ] || fail "the second activation changed something"
  ! grep claude-langfuse: "$HOME.log" || fail "the second activation prints something"
  copy_settings on

  # Without the module the program is gone too.
  rm "$HOME/.nix-profile"
  activate "$without" || fail "activation without the module failed"
  [ ! -e "$HOME/.config/claude-langfuse/config.json" ] || fail "the configuration stayed"
  [ ! -e "$HOME/$folder/skills/langfuse-traces" ] || fail "the plugin stayed"
  [ ! -e "$settings" ] || inert "$settings"

  fresh_home "$1"
  activate "$without" || fail "activation without the module failed in a fresh home"
  copy_settings off
  differs_by_ours "$HOME.on" "$HOME.off"
}

copy_settings() {
  cat "$settings" >"$HOME.$1" 2>/dev/null || echo '{}' >"$HOME.$1"
}

# refuses WORDS: activation fails with these words and changes nothing.
refuses() {
  ! activate "$with" || fail "it was not refused"
  grep -q "$1" "$HOME.log" || fail "it was refused for another reason"
  [ "$(snapshot)" = "$before" ] || fail "the refusal changed something"
}

# Remaining entries print nothing and succeed.
inert() {
  local command said
  registered "$1" | jq -r '.[].hook.command' | while read -r command; do
    said=$(sh -c "$command" </dev/null 2>&1) || fail "the remaining entry fails"
    [ -z "$said" ] || fail "the remaining entry prints: $said"
  done
}

# differs_by_ours ON OFF: both are equal except for our two entries, and the schema of a file that home-manager makes for them.
differs_by_ours() {
  local others='map_values(map(select(tostring | contains("claude-langfuse") | not))) | with_entries(select(.value != []))'
  diff <(jq -S "del(.\"\$schema\") | .hooks |= (. // {} | $others)" "$1") <(jq -S 'del(."$schema") | .hooks |= (. // {})' "$2") ||
    fail "more than our entries differs"
}

outcome_merged() {
  same_entries "$settings"
  [ "$1" != link ] || [ "$(readlink "$settings")" = "$own" ] || fail "the link was replaced"
  [ "$1" = link ] || [ ! -L "$settings" ] || fail "it has become a link"
  [ "$1" != absent ] || [ "$(stat -c %a "$settings")" = 600 ] || fail "others can read it"
}

outcome_registered() {
  same_entries "$settings"
  [ -L "$settings" ] || fail "it is not a link"
}


outcome_plugin() {
  local plugin=$HOME/$folder/skills/langfuse-traces
  [ -L "$plugin" ] || fail "the plugin is not one link"
  same_entries "$plugin/hooks/hooks.json"
  jq -e '.name == "langfuse-traces"' "$plugin/.claude-plugin/plugin.json" >/dev/null
  [ ! -e "$settings" ] || [ "$(registered "$settings")" = '[]' ] || fail "it is registered twice"
  [ "$1" != mutable ] || [ "$(cat "$settings")" = "$of_a_user" ] || fail "the settings were changed"
}

outcome_registered-in-file() {
  same_entries "$settings"
  [ ! -L "$settings" ] || fail "it is a link"
  [ "$1" = absent ] || jq -e '[.hooks.Stop[].hooks[].command] | any(. == "true")' "$settings" >/dev/null || fail "a hook was lost"
}

outcome_unregistered() { [ "$(registered "$settings")" = '[]' ] || fail "it is registered"; }

outcome_untouched() {
  [ "$1" != absent ] || [ ! -e "$settings" ] || fail "a file was made"
  [ "$1" = absent ] || cmp "$settings" "$HOME.before" || fail "the settings were changed"
  [ ! -e "$HOME/$folder/skills" ] || fail "there is a plugin"
}
