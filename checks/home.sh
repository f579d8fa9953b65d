# What checks do in a home. Sourced; HOME is the folder that the configurations were made for.

folder=.claude
own=$HOME/dotfiles/settings.json

# A user's settings, as no formatter of ours would write them.
of_a_user='{ "model" :   "opus", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}   }'

fail() {
  echo "FAILED: $*"
  [ ! -e "$HOME.log" ] || cat "$HOME.log"
  exit 1
}

# A home without anything in it, but what `settings` says: absent, mutable, link (out of the store), store (a link into it),
# or dotfiles (all of Claude Code's folder is to become a link there).
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

# activate GENERATION [VARIABLE=VALUE...]: as `home-manager switch` does.
activate() {
  local generation=$1 roots=$HOME/.local/state/home-manager/gcroots
  shift
  env SKIP_SANITY_CHECKS=1 "$@" "$generation/activate" --driver-version 1 >"$HOME.log" 2>&1 || return 1
  # By this the next activation knows what to clean up; it is Nix that makes it otherwise.
  [ "$*" = DRY_RUN=1 ] || { mkdir -p "$roots" && ln -sfn "$generation" "$roots/current-home"; }
}

# Every file that a person would miss, with its content.
snapshot() {
  (
    cd "$HOME"
    find . -path ./.local -prune -o \( -type l -printf '%p -> %l\n' \) -o -printf '%p %m\n' | sort
    find . -path ./.local -prune -o -type f -printf '%p %T@\n' -exec cat {} + | cksum
  )
}

# The entries of ours that Claude Code would find, as JSON.
registered() {
  jq -c '[.hooks // {} | to_entries[] | {event: .key, hook: .value[].hooks[] | select(.command | tostring | contains("claude-langfuse"))}]' "$1"
}

same_entries() {
  local have want
  have=$(registered "$1" | jq -cS sort) || fail "$1 is no JSON"
  want=$(registered <(jq -n --argjson hooks "$hook_settings" '{$hooks}') | jq -cS sort)
  [ "$have" = "$want" ] || fail "in $1: $have instead of $want"
}
