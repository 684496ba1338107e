/// Threads of OpenMP that sleep instead of spinning while they have nothing to do: kernels of oneDNN and the library's own share the cores.
///
/// OpenMP reads its environment when it is loaded, before main. This therefore starts the program anew, once, with
/// OMP_WAIT_POLICY=PASSIVE and GOMP_SPINCOUNT=5000, unless OMP_WAIT_POLICY is set already. Call it first in main. Linux only; elsewhere it
/// does nothing. Cost: a millisecond.
#pragma once

#include <cstdlib>

#ifdef __linux__
#include <unistd.h>
#endif

namespace mixnet {

inline void quiet_threads(char** argv) {
#ifdef __linux__
  if (std::getenv("OMP_WAIT_POLICY")) return;
  setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  setenv("GOMP_SPINCOUNT", "5000", 0);
  execv("/proc/self/exe", argv);  // when it fails, the program goes on as it is
#else
  static_cast<void>(argv);
#endif
}

}  // namespace mixnet
