#include "base/cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/environment.h"

namespace mixnet {
namespace {

// Empty: none.
std::filesystem::path file_of(const std::string& name) {
  const std::string given = environment_string("CACHE", "");
  if (given == "0") return {};
  if (!given.empty()) return std::filesystem::path(given) / name;
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache) return std::filesystem::path(cache) / "mixnet" / name;
  if (home && *home) return std::filesystem::path(home) / ".cache" / "mixnet" / name;
  return {};
}

// It and what it lies in.
void make_folder(const std::filesystem::path& folder) {
  std::filesystem::path made;
  for (const std::filesystem::path& part : folder) mkdir((made /= part).c_str(), 0700);
}

}  // namespace

std::optional<std::string> read_cache(const std::string& name) {
  const std::filesystem::path path = file_of(name);
  if (path.empty()) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  return bytes;
}

void write_cache(const std::string& name, const std::string& bytes) {
  static std::atomic<int> number{0};
  const std::filesystem::path path = file_of(name);
  if (path.empty()) return;
  std::error_code failed;
  make_folder(path.parent_path());
  std::filesystem::path part = path;
  part += "." + std::to_string(getpid()) + "." + std::to_string(number++) + ".part";
  std::ofstream file(part, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) std::filesystem::rename(part, path, failed);
  if (!file || failed) std::filesystem::remove(part, failed);
}

}  // namespace mixnet
