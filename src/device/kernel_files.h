// Files in which compiled kernels wait for the next program: a folder of one file per source, safe among processes.
//
// A file says what it was made of, whole, and a checksum: damaged ones, and those of other sources, are as none. MIXNET_KERNEL_CACHE names
// the folder, which is the user's own (mode 700): what lies in it is run. No file is ever removed.
#pragma once
#include <optional>
#include <string>

namespace mixnet {

// The folder, by the environment; empty: none.
std::string kernel_folder();

std::optional<std::string> read_kernel_file(const std::string& key);
// Nothing happens where it cannot be written: it only saves time.
void write_kernel_file(const std::string& key, const std::string& binary);

}  // namespace mixnet
