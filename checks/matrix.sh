# One cell of the matrix: cell STATE OUTCOME.

cell() {
  echo "settings.json $1: $2"
  fresh_home "$1"
  ln -s "$profile" "$HOME/.nix-profile"
  local before after
  before=$(snapshot)

  activate "$with" DRY_RUN=1 || [ "$2" = refused ] || [ "$2" = collision ] || fail "the dry run failed"
  [ "$(snapshot)" = "$before" ] || fail "the dry run changed something"
  [ "$2" != merged ] || grep -q '^+++ ' "$HOME.log" || fail "the dry run does not show what would change"

  case $2 in
  refused)
    ! activate "$with" || fail "it was not refused"
    grep -q 'hook.via = "merge"' "$HOME.log" || fail "the refusal does not tell what to do"
    [ "$(snapshot)" = "$before" ] || fail "the refusal changed something"
    return
    ;;
  collision)
    ! activate "$with" || fail "it was not refused"
    grep -q 'would be clobbered' "$HOME.log" || fail "it was refused for another reason"
    [ "$(snapshot)" = "$before" ] || fail "the refusal changed something"
    return
    ;;
  esac

  activate "$with" || fail "activation failed"
  outcome_"$2" "$1"
  after=$(snapshot)
  activate "$with" || fail "the second activation failed"
  [ "$(snapshot)" = "$after" ] || fail "the second activation changed something"

  # The module is gone, and with it the program.
  rm "$HOME/.nix-profile"
  activate "$without" || fail "activation without the module failed"
  [ ! -e "$HOME/.config/claude-langfuse/config.json" ] || fail "the configuration stayed"
  [ ! -e "$HOME/.claude/skills/langfuse-traces" ] || fail "the plugin stayed"
  [ ! -e "$settings" ] || inert "$settings"
}

# What is left says nothing and succeeds.
inert() {
  local command said
  registered "$1" | jq -r '.[].hook.command' | while read -r command; do
    said=$(sh -c "$command" </dev/null 2>&1) || fail "the entry that is left fails"
    [ -z "$said" ] || fail "the entry that is left says: $said"
  done
}

outcome_merged() {
  same_entries "$settings"
  case $1 in
  absent) ;;
  *) jq -e '.model == "opus" and .hooks.Stop[0].hooks[0].command == "true"' "$settings" >/dev/null || fail "something was lost" ;;
  esac
  case $1 in
  link) [ "$(readlink "$settings")" = "$own" ] || fail "the link was replaced" ;;
  *) [ ! -L "$settings" ] || fail "it has become a link" ;;
  esac
}

outcome_generated() {
  same_entries "$settings"
  [ -L "$settings" ] || fail "it is no link"
}

outcome_left-alone() {
  [ "$(readlink "$settings")" = "$in_store" ] || fail "the link was replaced"
  grep -q 'hook.via = "claude-code"' "$HOME.log" || fail "no message says what to do"
  grep -q hookSettings "$HOME.log" || fail "no message says what to do"
}

outcome_plugin() {
  same_entries "$HOME/.claude/skills/langfuse-traces/hooks/hooks.json"
  jq -e '.name == "langfuse-traces"' "$HOME/.claude/skills/langfuse-traces/.claude-plugin/plugin.json" >/dev/null
  [ ! -e "$settings" ] || [ "$(registered "$settings")" = '[]' ] || fail "it is registered twice"
  [ "$1" != mutable ] || [ "$(cat "$settings")" = "$of_a_user" ] || fail "the settings were changed"
}

outcome_unregistered() {
  [ "$(registered "$settings")" = '[]' ] || fail "it is registered"
}

outcome_untouched() {
  case $1 in
  absent) [ ! -e "$settings" ] || fail "a file was made" ;;
  store) [ "$(readlink "$settings")" = "$in_store" ] || fail "the link was replaced" ;;
  *) [ "$(cat "$settings")" = "$of_a_user" ] || fail "the settings were changed" ;;
  esac
}
