#!/usr/bin/env bash
# The aarch64 cross compiler and qemu-user, from Debian. One line at the end; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

if ! have aarch64-linux-gnu-g++ || ! have qemu-aarch64-static; then
  install aarch64 g++-aarch64-linux-gnu qemu-user-static
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int main() { return 42; }' >"$folder/answer.cc"
aarch64-linux-gnu-g++ -static "$folder/answer.cc" -o "$folder/answer" 2>/dev/null || broken aarch64 "cannot link a static program"
code=0
qemu-aarch64-static "$folder/answer" || code=$?
[ "$code" = 42 ] || broken aarch64 "qemu-aarch64-static ended with $code, expected 42"
ready aarch64 "$(aarch64-linux-gnu-g++ -dumpfullversion), $(qemu-aarch64-static --version | head -1 | cut -d' ' -f3)"
