#include "base/plugin_library.h"

#include <dlfcn.h>

#include <string>

#include "base/environment.h"
#include "base/error.h"

namespace mixnet {
namespace {

std::string path_of(const PluginLibrary& library) {
  const std::string named = environment_string(library.setting, "");
  if (!named.empty()) return named;
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&open_plugin_library), &info) || !info.dli_fname) return library.file;
  const std::string own = info.dli_fname;
  const size_t slash = own.rfind('/');
  return slash == std::string::npos ? library.file : own.substr(0, slash + 1) + library.file;
}

}  // namespace

const void* open_plugin_library(const PluginLibrary& library, int32_t version) {
  const std::string path = path_of(library);
  void* opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!opened) {
    const char* reason = dlerror();
    fail(Code::unsupported, "[", library.place, "] cannot open ", library.noun, " (", reason ? reason : path,
         "): install ", library.remedy, " and build mixnet again, or name a plug-in with MIXNET_", library.setting);
  }
  using Entry = const void* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(opened, library.symbol));
  MIXNET_CHECK(entry, unsupported, "[", library.place, "] ", path,
               ": expected a plug-in of mixnet, got a library without ", library.symbol);
  const void* plugin = entry();
  const int32_t found = plugin ? *static_cast<const int32_t*>(plugin) : 0;
  MIXNET_CHECK(found == version, unsupported, "[", library.place, "] ", path, ": expected version ", version,
               " of the plug-in, got ", found);
  return plugin;
}

}  // namespace mixnet
