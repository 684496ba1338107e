#include "device/kernel_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/environment.h"

namespace mixnet {
namespace {

constexpr char mark[] = "mixnet kernel 1\n";

// FNV-1a.
std::string digest(const std::string& text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

std::string path_of(const std::string& folder, const std::string& key) {
  return folder + "/" + digest(key) + digest("second " + key);
}

// mark, checksum of the binary, key's length, key, binary.
std::string head_of(const std::string& key, const std::string& binary) {
  return mark + digest(binary) + "\n" + std::to_string(key.size()) + "\n" + key;
}

// It and what it lies in.
void make_folder(const std::string& folder) {
  for (size_t at = folder.find('/', 1); at != std::string::npos; at = folder.find('/', at + 1))
    mkdir(folder.substr(0, at).c_str(), 0700);
  mkdir(folder.c_str(), 0700);
}

}  // namespace

std::string kernel_folder() {
  const std::string own = environment_string("KERNEL_CACHE", "-");
  if (own == "0") return {};
  if (own != "-" && !own.empty()) return own;
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache == '/') return std::string(cache) + "/mixnet/kernels";
  return home && *home == '/' ? std::string(home) + "/.cache/mixnet/kernels" : "";
}

std::optional<std::string> read_kernel_file(const std::string& key) {
  const std::string folder = kernel_folder();
  if (folder.empty()) return std::nullopt;
  std::ifstream file(path_of(folder, key), std::ios::binary);
  if (!file) return std::nullopt;
  const std::string all{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t head = head_of(key, "").size();
  if (all.size() < head) return std::nullopt;
  std::string binary = all.substr(head);
  if (all.compare(0, head, head_of(key, binary)) != 0) return std::nullopt;
  return binary;
}

void write_kernel_file(const std::string& key, const std::string& binary) {
  const std::string folder = kernel_folder();
  if (folder.empty()) return;
  make_folder(folder);
  static std::atomic<int> count{0};
  const std::string path = path_of(folder, key);
  const std::string fresh = path + "." + std::to_string(getpid()) + "." + std::to_string(count.fetch_add(1));
  bool written = false;
  {
    std::ofstream file(fresh, std::ios::binary);
    file << head_of(key, binary) << binary;
    file.close();
    written = static_cast<bool>(file);
  }
  // Whoever reads sees the old file, the new one or none.
  if (!written || std::rename(fresh.c_str(), path.c_str()) != 0) std::remove(fresh.c_str());
}

}  // namespace mixnet
