#!/bin/sh
# Installs the newest release of claude-langfuse for this user, after its checksum was verified:
#
#   curl -fsSL https://github.com/claude-langfuse/claude-langfuse/releases/latest/download/install.sh | sh
#
# CLAUDE_LANGFUSE_BIN: folder of the program (~/.local/bin). CLAUDE_LANGFUSE_VERSION: another release, as 0.1.0.
# CLAUDE_LANGFUSE_DOWNLOADS and CLAUDE_LANGFUSE_ARCHIVE: another place and archive, for mirrors and tests.
set -eu

fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

target() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-amd64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    *) fail "no release for $(uname -s) on $(uname -m); help: cargo install --locked --git https://github.com/claude-langfuse/claude-langfuse" ;;
  esac
}

fetch() {
  if command -v curl >/dev/null 2>&1; then curl -fsSL "$1" -o "$2"
  elif command -v wget >/dev/null 2>&1; then wget -q "$1" -O "$2"
  else fail 'neither curl nor wget is there'
  fi || fail "could not download $1"
}

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 "$1"
  else fail 'neither sha256sum nor shasum is there, so the download can not be verified'
  fi | cut -d ' ' -f 1
}

main() {
  releases=https://github.com/claude-langfuse/claude-langfuse/releases
  if [ -n "${CLAUDE_LANGFUSE_VERSION:-}" ]; then from=$releases/download/v$CLAUDE_LANGFUSE_VERSION
  else from=$releases/latest/download
  fi
  from=${CLAUDE_LANGFUSE_DOWNLOADS:-$from}
  bin=${CLAUDE_LANGFUSE_BIN:-$HOME/.local/bin}
  share=${XDG_DATA_HOME:-$HOME/.local/share}
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  fetch "$from/SHA256SUMS" "$work/SHA256SUMS"
  target=$(target)
  archive=${CLAUDE_LANGFUSE_ARCHIVE:-$(sed -n "s/^[0-9a-f]*  \(claude-langfuse-.*-$target\.tar\.gz\)$/\1/p" "$work/SHA256SUMS")}
  [ -n "$archive" ] || fail "the release has no archive for $target"
  expected=$(sed -n "s/^\([0-9a-f]*\)  $archive$/\1/p" "$work/SHA256SUMS")
  fetch "$from/$archive" "$work/$archive"
  [ "$(sha256 "$work/$archive")" = "$expected" ] || fail "the checksum of $archive is wrong: nothing was installed"

  tar -xzf "$work/$archive" -C "$work"
  unpacked=$work/${archive%.tar.gz}
  mkdir -p "$bin" "$share/man/man1" "$share/bash-completion/completions" "$share/fish/vendor_completions.d" "$share/zsh/site-functions"
  # Beside the old one and then in its place: a hook may run it now.
  cp "$unpacked/claude-langfuse" "$bin/.claude-langfuse.new"
  chmod 755 "$bin/.claude-langfuse.new"
  mv -f "$bin/.claude-langfuse.new" "$bin/claude-langfuse"
  cp "$unpacked"/man/*.1 "$share/man/man1/"
  cp "$unpacked/completions/claude-langfuse.bash" "$share/bash-completion/completions/claude-langfuse"
  cp "$unpacked/completions/claude-langfuse.fish" "$share/fish/vendor_completions.d/claude-langfuse.fish"
  cp "$unpacked/completions/claude-langfuse.zsh" "$share/zsh/site-functions/_claude-langfuse"

  printf 'installed: %s\n' "$("$bin/claude-langfuse" --version)"
  case ":$PATH:" in
    *":$bin:"*) printf 'next: claude-langfuse setup\n' ;;
    *) printf 'next: %s/claude-langfuse setup\n(%s is not in PATH)\n' "$bin" "$bin" ;;
  esac
}

main
