// The MPI job this process is part of: the plug-in (plugin.h), opened and started when it is first asked for.
//
// The plug-in is libmixnet_mpi.so beside the library, or what MIXNET_MPI_PLUGIN names. It is never closed: MPI cannot be started twice.
#pragma once
#include <string>

#include "kvstore/mpi/plugin.h"

namespace mixnet::mpi {

struct Job {
  const Plugin* plugin = nullptr;
  int rank = 0;
  int size = 0;
};

// Throws Code::unsupported when there is no plug-in or it finds no MPI, saying what to install; Code::net when MPI does not start.
const Job& job();

// Throws Code::net: "[mpi] what: MPI's own text" unless the code is 0.
void check(const Plugin& plugin, int32_t code, const char* what);

}  // namespace mixnet::mpi
