// Libraries of our own that are opened at run time, since what they link is not on every machine.
//
// Such a library lies beside this one, or where a setting says; it is opened by the first who needs it and never closed. It exports one C function
// that gives a struct of functions, whose first member is its version.
#pragma once
#include <cstdint>

namespace mixnet {

struct PluginLibrary {
  const char* place;    // of errors: "mpi"
  const char* noun;     // what it is, in errors: "the MPI plug-in"
  const char* file;     // "libmixnet_mpi.so"
  const char* symbol;   // "mixnet_mpi_plugin"
  const char* setting;  // which variable, after MIXNET_, names another file: "MPI_PLUGIN"
  const char* remedy;   // what to install before mixnet is built again
};

// The struct. Throws Code::unsupported: no such file, another library, another version.
const void* open_plugin_library(const PluginLibrary& library, int32_t version);

template <class Plugin>
const Plugin& open_plugin(const PluginLibrary& library) {
  return *static_cast<const Plugin*>(open_plugin_library(library, Plugin::current_version));
}

}  // namespace mixnet
