#include "kvstore/mpi/job.h"

#include <dlfcn.h>

#include <mutex>

#include "base/environment.h"
#include "base/error.h"

namespace mixnet::mpi {
namespace {

std::string plugin_path() {
  const std::string named = environment_string("MPI_PLUGIN", "");
  if (!named.empty()) return named;
  const char* name = "libmixnet_mpi.so";
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&job), &info) || !info.dli_fname) return name;
  const std::string library = info.dli_fname;
  const size_t slash = library.rfind('/');
  return slash == std::string::npos ? name : library.substr(0, slash + 1) + name;
}

const Plugin& open_plugin() {
  const std::string path = plugin_path();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* reason = dlerror();
    fail(Code::unsupported, "[mpi] cannot open the MPI plug-in (", reason ? reason : path,
         "): install MPI with its C headers (Debian: ",
         "openmpi-bin and libopenmpi-dev) and build mixnet again, or name a plug-in with MIXNET_MPI_PLUGIN");
  }
  using Entry = const Plugin* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, plugin_symbol));
  MIXNET_CHECK(entry, unsupported, "[mpi] ", path, ": expected a plug-in of mixnet, got a library without ",
               plugin_symbol);
  const Plugin* plugin = entry();
  MIXNET_CHECK(plugin && plugin->version == Plugin::current_version, unsupported, "[mpi] ", path, ": expected version ",
               Plugin::current_version, " of the plug-in, got ", plugin ? plugin->version : 0);
  return *plugin;
}

}  // namespace

void check(const Plugin& plugin, int32_t code, const char* what) {
  if (code == 0) return;
  char text[512] = "";
  plugin.explain(code, text, sizeof text);
  fail(Code::net, "[mpi] ", what, ": ", text);
}

const Job& job() {
  static std::mutex mutex;
  static Job made;
  std::lock_guard<std::mutex> lock(mutex);
  if (made.plugin) return made;
  const Plugin& plugin = open_plugin();
  int32_t rank = 0, size = 0;
  check(plugin, plugin.start(&rank, &size), "MPI does not start");
  made = {&plugin, rank, size};
  return made;
}

}  // namespace mixnet::mpi
