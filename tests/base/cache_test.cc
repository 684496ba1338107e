#include "base/cache.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mixnet::test {
namespace {

// Variables for as long as this lives.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("mixnet-cache-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    set("MIXNET_CACHE", path_.string());
  }
  ~Folder() {
    std::filesystem::remove_all(path_);
    unsetenv("MIXNET_CACHE");
    if (!cache_home_.empty()) setenv("XDG_CACHE_HOME", cache_home_.c_str(), 1);
    else unsetenv("XDG_CACHE_HOME");
  }
  void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
  const std::string cache_home_ = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
};

}  // namespace

TEST_CASE("cache: what was written is read, whole, from the folder that the settings name") {
  Folder folder;
  CHECK(!read_cache("a/b"));
  write_cache("a/b", std::string("one\0two", 7));
  CHECK(read_cache("a/b") == std::string("one\0two", 7));
  write_cache("a/b", "");
  CHECK(read_cache("a/b") == "");
  CHECK(std::filesystem::exists(folder.path() / "a" / "b"));
  CHECK(std::filesystem::status(folder.path() / "a").permissions() == std::filesystem::perms::owner_all);
  // Nothing else is left there.
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
    files += entry.is_regular_file();
  CHECK(files == 1);
  unsetenv("MIXNET_CACHE");
  folder.set("XDG_CACHE_HOME", folder.path().string());
  CHECK(!read_cache("a/b"));
  write_cache("c", "three");
  CHECK(std::filesystem::exists(folder.path() / "mixnet" / "c"));
  CHECK(read_cache("c") == "three");
}

TEST_CASE("cache: 0 keeps nothing, and a folder that cannot be is no error") {
  Folder folder;
  folder.set("MIXNET_CACHE", "0");
  write_cache("a", "one");
  CHECK(!read_cache("a"));
  CHECK(!std::filesystem::exists(folder.path()));
  folder.set("MIXNET_CACHE", folder.path().string());
  std::ofstream(folder.path()) << "a file";
  write_cache("a", "one");
  CHECK(!read_cache("a"));
}

}  // namespace mixnet::test
