# Tools that the checks need besides cargo and a C compiler. Sourced by the scripts of this folder.
# shellcheck shell=bash

tools=${CARGO_TARGET_DIR:-$PWD/target}/tools
PATH=$tools/python/bin:$tools/bin:$PATH

# need NAME TEST INSTALL BY_HAND: succeeds if TEST does. In CI it installs a missing tool, and fails the run if that fails,
# so that no check is skipped. On a person's machine it only names the tool, and the caller skips the check.
need() {
  local name=$1 test=$2 install=$3 by_hand=$4
  if eval "$test" >/dev/null 2>&1; then
    return 0
  fi
  if [ "${CI:-}" != true ]; then
    printf 'missing: %s. Install: %s\n' "$name" "$by_hand"
    return 1
  fi
  printf 'installing %s\n' "$name"
  # `set -e` has no effect within a function that is called in a condition, so this needs its own `if` or `||`.
  if ! (eval "$install") >"$tools.log" 2>&1; then
    cat "$tools.log"
    printf '%s could not be installed\n' "$name"
    exit 1
  fi
  hash -r
  if ! eval "$test" >/dev/null 2>&1; then
    printf '%s is installed and does not work: %s\n' "$name" "$test"
    exit 1
  fi
}

apt_install() {
  local as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  $as_root apt-get install --yes -qq "$@"
}

# Our own virtual environment, so that the machine's Python is not changed.
python_install() {
  python3 -m venv "$tools/python" || { apt_install python3-venv && python3 -m venv "$tools/python"; }
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check --requirement .ci/requirements.txt
}

cargo_install() {
  cargo install --quiet --locked --root "$tools" "$1"
}
