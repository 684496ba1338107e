#include "kvstore/mpi/job.h"

#include <mutex>

#include "base/error.h"
#include "base/plugin_library.h"

namespace mixnet::mpi {
namespace {

constexpr PluginLibrary library{
    "mpi",         "the MPI plug-in", "libmixnet_mpi.so",
    plugin_symbol, "MPI_PLUGIN",      "MPI with its C headers (Debian: openmpi-bin and libopenmpi-dev)"};

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
  const Plugin& plugin = open_plugin<Plugin>(library);
  int32_t rank = 0, size = 0;
  check(plugin, plugin.start(&rank, &size), "MPI does not start");
  made = {&plugin, rank, size};
  return made;
}

}  // namespace mixnet::mpi
