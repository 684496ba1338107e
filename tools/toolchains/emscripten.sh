#!/usr/bin/env bash
# emscripten and node, from Debian. Compile with `NODE_PATH=/usr/share/nodejs em++ ... -s SINGLE_FILE=1`: node does not load the WebAssembly
# of Debian's emscripten from a file beside the script. One line at the end; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

need=()
have em++ || need+=(emscripten)
have node || need+=(nodejs)
if [ ${#need[@]} -gt 0 ]; then install emscripten "${need[@]}"; fi
export NODE_PATH=/usr/share/nodejs
unset EM_CACHE
said=$(em++ --version 2>/dev/null) || broken emscripten "em++ --version fails"
version=${said%%$'\n'*}
have node || broken emscripten "there is no node"
ready emscripten "$(sed -E 's/[^0-9]*([0-9.]+[0-9]).*/\1/' <<<"$version"), node $(node --version)"
