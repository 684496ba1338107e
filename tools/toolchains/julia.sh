#!/bin/sh
# Julia 1.5.3 on Debian 12, which has none of its own: Debian 11's package, with Debian 11's libunwind beside it (with the newer one every
# exception thrown from compiled code crashes), started by a wrapper /usr/local/bin/julia. The wrapper also puts libgcc first: libunwind has
# functions of the same names, and with those an exception inside a C++ library ends the process. Safe to repeat; quick when Julia is there.
# A private package index is used, so that the machine's own sources stay as they are. Exit code 3 with one line when it cannot be installed.
set -e
sources=/etc/apt/sources.list.d/debian.sources
compat=/opt/julia-compat
wrapper=/usr/local/bin/julia
check='using Libdl; f(x) = x > 1 ? error("x") : 1; raise(l) = dlsym(l, :_Unwind_RaiseException)
try f(2) catch; raise(dlopen("")) == raise(dlopen("libgcc_s.so.1")) && println("ok") end'

cannot() {
  echo "julia: $1"
  exit 3
}

works() { command -v julia >/dev/null && [ "$(timeout 60 julia --startup-file=no -e "$check" 2>/dev/null)" = ok ]; }

if works; then
  exit 0
fi
[ "$(id -u)" = 0 ] || cannot "not installed, and installing it needs root"
command -v apt-get >/dev/null || cannot "not installed, and there is no apt-get to install it with"
[ -f "$sources" ] || cannot "not installed, and $sources, from which Debian 11's source is derived, does not exist"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/sources" "$work/preferences" "$work/lists/partial" "$work/packages"
chmod -R 755 "$work"
cp "$sources" "$work/sources/"
sed -n '1,/^$/p' "$sources" | sed -e '/^#/d' -e 's/^Suites:.*/Suites: bullseye/' >"$work/sources/older.sources"
printf 'Package: *\nPin: release n=bullseye\nPin-Priority: 100\n' >"$work/preferences/older"

apt() {
  command="$1"
  shift
  DEBIAN_FRONTEND=noninteractive apt-get "$command" -qq -o DPkg::Lock::Timeout=300 -o Dir::Etc::sourcelist=/dev/null \
    -o Dir::Etc::sourceparts="$work/sources" -o Dir::Etc::preferencesparts="$work/preferences" -o Dir::State::lists="$work/lists" \
    -o APT::Sandbox::User=root "$@" >"$work/log" 2>&1 || cannot "apt-get $command failed: $(grep -E '^E:' "$work/log" | head -1)"
}

apt update
apt install -y --no-install-recommends julia
(cd "$work/packages" && apt download libunwind8/bullseye)
dpkg -x "$work"/packages/libunwind8_*.deb "$compat"
folder=$(dirname "$(find "$compat" -name 'libunwind.so.8' | head -1)")
cat >"$wrapper" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$folder\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} LD_PRELOAD=libgcc_s.so.1\${LD_PRELOAD:+:\$LD_PRELOAD}
exec /usr/bin/julia "\$@"
END
chmod 755 "$wrapper"
works || cannot "installed, but an exception does not come through"
