# Sourced by the scripts beside it: what they share.
#
#   have COMMAND            is it there
#   install NAME PACKAGE... installs Debian packages, or says why not and ends with 3
#   ready NAME TEXT         the last line of a script that succeeded
#
# Ending codes: 0 the toolchain is there and works, 3 it cannot be installed here, 4 it is installed and does not work.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }
ready() { echo "$1: ready ($2)"; }
unavailable() { echo "$1: cannot be installed: $2"; exit 3; }
broken() { echo "$1: installed, but does not work: $2"; exit 4; }

install() {
  local name=$1 log
  shift
  have apt-get || unavailable "$name" "this is no Debian system (no apt-get)"
  [ "$(id -u)" = 0 ] || unavailable "$name" "needs root to install $*"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # The lock waits for other installations; lists that are out of date are renewed once.
  local apt=(apt-get -o DPkg::Lock::Timeout=300)
  if ! "${apt[@]}" install -y -qq --no-install-recommends "$@" >"$log" 2>&1; then
    "${apt[@]}" update -qq >"$log" 2>&1 || true
    if ! "${apt[@]}" install -y -qq --no-install-recommends "$@" >"$log" 2>&1; then
      local reason
      reason=$(grep -m1 '^E:' "$log" || tail -1 "$log")
      rm -f "$log"
      unavailable "$name" "$reason"
    fi
  fi
  rm -f "$log"
}
