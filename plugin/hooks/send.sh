#!/bin/sh
# Runs the program as a hook, with the plugin's options. Without the program, prints once a day how to install it.
program=$(command -v claude-langfuse || true)
for place in "$HOME/.local/bin" "$HOME/.cargo/bin" "$HOME/.nix-profile/bin" "/etc/profiles/per-user/${USER:-}/bin"; do
  [ -n "$program" ] || ! [ -x "$place/claude-langfuse" ] || program=$place/claude-langfuse
done
# The other program of this name (crates.io) has no allow command.
if [ -n "$program" ] && "$program" allow --help >/dev/null 2>&1; then
  # An empty option counts as unset, so that the shell and config.json apply.
  if [ -n "${CLAUDE_PLUGIN_OPTION_LANGFUSE_PUBLIC_KEY:-}" ] && [ -n "${CLAUDE_PLUGIN_OPTION_LANGFUSE_SECRET_KEY:-}" ]; then
    export CC_LANGFUSE_PUBLIC_KEY="$CLAUDE_PLUGIN_OPTION_LANGFUSE_PUBLIC_KEY"
    export CC_LANGFUSE_SECRET_KEY="$CLAUDE_PLUGIN_OPTION_LANGFUSE_SECRET_KEY"
    [ -z "${CLAUDE_PLUGIN_OPTION_LANGFUSE_BASE_URL:-}" ] || export CC_LANGFUSE_BASE_URL="$CLAUDE_PLUGIN_OPTION_LANGFUSE_BASE_URL"
  fi
  [ "${CLAUDE_PLUGIN_OPTION_TRACE_TO_LANGFUSE:-}" != true ] || export TRACE_TO_LANGFUSE="${TRACE_TO_LANGFUSE:-true}"
  exec "$program" hook
fi
said=${CLAUDE_PLUGIN_DATA:-}/said-$(date +%F)
if [ "${1:-}" = Stop ] && [ -d "${CLAUDE_PLUGIN_DATA:-}" ] && ! [ -e "$said" ]; then
  rm -f "$CLAUDE_PLUGIN_DATA"/said-*
  : >"$said" && printf '%s\n' '{"systemMessage": "The plugin langfuse-traces sends nothing: its program is missing. Install it: curl -fsSL https://github.com/claude-langfuse/claude-langfuse/releases/latest/download/install.sh | sh"}'
fi
exit 0
