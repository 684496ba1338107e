#include "device/library.h"

#ifdef __linux__
#include <link.h>
#endif

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/environment.h"
#include "base/error.h"

namespace mixnet {
namespace {

// The folders of Python's packages that something is already loaded from, such as this library or numpy: with their slash.
std::vector<std::string> package_folders() {
  std::vector<std::string> folders;
#ifdef __linux__
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* all) {
        auto& found = *static_cast<std::vector<std::string>*>(all);
        for (const char* name : {"/site-packages/", "/dist-packages/"}) {
          const char* const at = std::strstr(info->dlpi_name, name);
          if (!at) continue;
          const std::string folder(info->dlpi_name, at + std::strlen(name));
          if (std::find(found.begin(), found.end(), folder) == found.end()) found.push_back(folder);
        }
        return 0;
      },
      &folders);
#endif
  return folders;
}

}  // namespace

std::unique_ptr<SystemLibrary> open_gpu_library(const GpuLibrary& which, std::string* why) {
  const std::string setting = concat("MIXNET_", which.setting), given = environment_string(which.setting, "");
  if (given == "0") {
    if (why) *why = concat("[gpu] ", which.title, ": turned off by ", setting);
    return nullptr;
  }
  if (!given.empty()) {
    const std::string wanted = setting + " to be a library's path";
    return std::make_unique<SystemLibrary>("gpu", which.title, given, std::vector<const char*>{}, wanted.c_str());
  }
  std::vector<std::string> paths{which.file};
  for (const std::string& folder : package_folders())
    paths.push_back(folder + "nvidia/" + which.package + "/lib/" + which.file);
  paths.push_back(std::string("/usr/local/cuda/lib64/") + which.file);
  std::vector<const char*> names;
  for (const std::string& path : paths) names.push_back(path.c_str());
  try {
    return std::make_unique<SystemLibrary>("gpu", which.title, "", names, which.file);
  } catch (const Error& error) {
    if (why) *why = error.what();
    return nullptr;
  }
}

}  // namespace mixnet
