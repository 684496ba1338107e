// Files in which compiled kernels wait for the next program: kernels/ of the cache folder (base/cache.h), one file per source.
//
// A file says what it was made of, whole, and a checksum: damaged ones, and those of other sources, are as none. No file is ever removed.
#pragma once
#include <optional>
#include <string>

namespace mixnet {

std::optional<std::string> read_kernel_file(const std::string& key);
// Nothing happens where it cannot be written: it only saves time.
void write_kernel_file(const std::string& key, const std::string& binary);

}  // namespace mixnet
