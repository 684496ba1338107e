// Our own loops inside oneDNN's kernels, on oneDNN's threads, so that no two sets of threads want the same cores.
//
// Only included by *.dnnl.cc files.
#pragma once
#include <dnnl_config.h>

#include "base/thread_pool.h"

namespace mixnet {

// Calls body(i) for all i of [0, n), in any order, in parallel. The body does not throw.
template <class Body>
void dnnl_parallel(int64_t n, const Body& body) {
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP && defined(_OPENMP)
#pragma omp parallel for schedule(dynamic, 1) if (n > 1)
  for (int64_t i = 0; i < n; ++i) body(i);
#else
  parallel_for(n, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) body(i);
  });
#endif
}

}  // namespace mixnet
