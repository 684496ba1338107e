#!/usr/bin/env bash
# A Java compiler with jni.h, from Debian. One line at the end; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

header() { echo "$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")/include/jni.h"; }
if ! have javac || [ ! -e "$(header)" ]; then install java openjdk-17-jdk-headless; fi
[ -e "$(header)" ] || broken java "there is no jni.h beside javac"
ready java "$(javac -version 2>&1)"
