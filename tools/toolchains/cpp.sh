#!/usr/bin/env bash
# What the tests of the C and C++ programs need beside a compiler: doctest and valgrind. Codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

{ have valgrind && [ -e /usr/include/doctest/doctest.h ]; } || install cpp doctest-dev valgrind
valgrind -q true 2>/dev/null || broken cpp "valgrind does not run"
ready cpp "$(c++ -dumpversion), $(valgrind --version)"
