#include "device/kernel_files.h"

#include <cstdint>
#include <cstdio>

#include "base/cache.h"

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

std::string name_of(const std::string& key) { return "kernels/" + digest(key) + digest("second " + key); }

// mark, checksum of the binary, key's length, key, binary.
std::string head_of(const std::string& key, const std::string& binary) {
  return mark + digest(binary) + "\n" + std::to_string(key.size()) + "\n" + key;
}

}  // namespace

std::optional<std::string> read_kernel_file(const std::string& key) {
  const std::optional<std::string> all = read_cache(name_of(key));
  const size_t head = head_of(key, "").size();
  if (!all || all->size() < head) return std::nullopt;
  std::string binary = all->substr(head);
  if (all->compare(0, head, head_of(key, binary)) != 0) return std::nullopt;
  return binary;
}

void write_kernel_file(const std::string& key, const std::string& binary) {
  write_cache(name_of(key), head_of(key, binary) + binary);
}

}  // namespace mixnet
