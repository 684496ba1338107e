// Files that only save time: what was found out or compiled once is read back by later processes.
//
// They lie in MIXNET_CACHE, or else in mixnet of the user's cache folder (XDG_CACHE_HOME, ~/.cache); MIXNET_CACHE=0 keeps nothing. Folders
// are made for their user alone: what lies there may be run. Whoever reads a file must take damage for absence. No call throws.
#pragma once
#include <optional>
#include <string>

namespace mixnet {

// `name` may have folders: "cudnn/91501-H200".
std::optional<std::string> read_cache(const std::string& name);
// Whole or not at all, and not at all where the folder cannot be written.
void write_cache(const std::string& name, const std::string& bytes);

}  // namespace mixnet
