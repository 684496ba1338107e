#!/usr/bin/env bash
# Sets up what building and testing need, in a private environment (.venv); with the argument docs, what the documentation
# needs too, with test, the compilers of other targets. Safe to repeat; quick when nothing is missing.
# Debian packages are installed only when something is missing and we are root.
set -euo pipefail
cd "$(dirname "$0")/.."

need=()
command -v g++ >/dev/null || need+=(g++)
command -v cmake >/dev/null || need+=(cmake)
command -v ninja >/dev/null || need+=(ninja-build)
command -v ccache >/dev/null || need+=(ccache)
command -v pkg-config >/dev/null || need+=(pkg-config)
[ -e /usr/include/doctest/doctest.h ] || need+=(doctest-dev)
[ -e /usr/share/datasets/fashion-mnist ] || need+=(dataset-fashion-mnist)
command -v openssl >/dev/null || need+=(openssl)
ldconfig -p 2>/dev/null | grep -q 'libcurl.*\.so\.4' || need+=(libcurl4)
ldconfig -p 2>/dev/null | grep -q libgomp.so.1 || need+=(libgomp1)
[ -e /usr/include/jpeglib.h ] || need+=(libjpeg62-turbo-dev)
[ -e /usr/include/png.h ] || need+=(libpng-dev)
python3 -c 'import venv, ensurepip' 2>/dev/null || need+=(python3-venv)
if [ ${#need[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing ${need[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || true
    for package in "${need[@]}"; do
      apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "setup: $package could not be installed"
    done
  else
    echo "setup: missing ${need[*]}; install them, or run as root on Debian or Ubuntu"
  fi
fi

# Installs a list of requirements once per version of the list.
require() {
  local stamp sum
  stamp=.venv/$(echo "$1" | tr / -).sum
  sum=$(sha256sum "$1" | cut -d' ' -f1)
  if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$sum" ]; then
    echo "setup: installing $1"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -r "$1"
    echo "$sum" > "$stamp"
  fi
}
require tools/requirements.txt
# .venv/bin/python knows the package of the checkout.
for site in .venv/lib/python3*/site-packages; do echo "$PWD/bindings/python" > "$site/mixnet-checkout.pth"; done
if [ "${1:-}" = docs ]; then require docs/requirements.txt; fi

# Compilers of other targets and languages; where one cannot be installed, its tests are skipped with the reason.
if [ "${1:-}" = test ]; then
  for script in tools/toolchains/*.sh; do [ "$script" = tools/toolchains/apt.sh ] || bash "$script" || true; done
fi
