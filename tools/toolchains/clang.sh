#!/usr/bin/env bash
# clang++ from Debian, with its sanitizers' runtime. Prints the compiler's path in its one line; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

find_clang() { for name in clang++-16 clang++ clang++-19 clang++-17 clang++-15 clang++-14; do command -v "$name" && return; done; return 1; }
clang=$(find_clang) || { install clang clang-16 libclang-rt-16-dev; clang=$(find_clang) || broken clang "installed, but not in PATH"; }
echo 'int main() {}' | "$clang" -x c++ -std=c++17 -fsyntax-only - 2>/dev/null || broken clang "$clang does not compile"
ready clang "$clang $("$clang" -dumpversion)"
