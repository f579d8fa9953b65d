# Functions of checks in a home. Sourced; HOME is the folder in the configurations.

folder=.claude
own=$HOME/dotfiles/settings.json

# A user's settings, in a format that our program would not write.
of_a_user='{ "model" :   "opus", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}   }'

fail() {
  echo "FAILED: $*"
  [ ! -e "$HOME.log" ] || cat "$HOME.log"
  exit 1
}

# An empty home with settings.json in one state: absent, mutable, link (out of the store), store (a link into it),
# or dotfiles (Claude Code's whole folder becomes a link into the store).
fresh_home() {
  settings=$HOME/$folder/settings.json
  chmod -R u+w "$HOME" 2>/dev/null || true
  rm -rf "$HOME" "$HOME.log"
  mkdir -p "$HOME/.local/state/nix/profiles" "$HOME/.config" "$HOME/dotfiles/claude"
  [ "$1" = dotfiles ] || mkdir -p "$HOME/$folder"
  case $1 in
  mutable) printf %s "$of_a_user" >"$settings" ;;
  link) printf %s "$of_a_user" >"$own" && ln -s "$own" "$settings" ;;
  store) ln -s "$in_store" "$settings" ;;
  esac
}

# activate GENERATION [VARIABLE=VALUE...]: like `home-manager switch`.
activate() {
  local generation=$1 roots=$HOME/.local/state/home-manager/gcroots
  shift
  env SKIP_SANITY_CHECKS=1 "$@" "$generation/activate" --driver-version 1 >"$HOME.log" 2>&1 || return 1
  # The next activation reads this link to clean up. Outside the check, Nix makes it.
  [ "$*" = DRY_RUN=1 ] || { mkdir -p "$roots" && ln -sfn "$generation" "$roots/current-home"; }
}

# Every file of the user, with its content.
snapshot() {
  (
    cd "$HOME"
    find . -path ./.local -prune -o \( -type l -printf '%p -> %l\n' \) -o -printf '%p %m\n' | sort
    find . -path ./.local -prune -o -type f -printf '%p %T@\n' -exec cat {} + | cksum
  )
}

# Our entries in the settings, as JSON.
registered() {
  jq -c '[.hooks // {} | to_entries[] | {event: .key, hook: .value[].hooks[] | select(.command | tostring | contains("claude-langfuse"))}]' "$1"
}

same_entries() {
  local have want
  have=$(registered "$1" | jq -cS sort) || fail "$1 is not JSON"
  want=$(registered <(jq -n --argjson hooks "$hook_settings" '{$hooks}') | jq -cS sort)
  [ "$have" = "$want" ] || fail "in $1: $have instead of $want"
}
