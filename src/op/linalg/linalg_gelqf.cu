// _linalg_gelqf on GPUs, a group of threads per matrix; see linalg_gelqf.cc.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/wide.h"
#include "op/linalg/matrices.h"
#include "op/linalg/reflections.h"

namespace mixnet::op::linalg_gelqf {
namespace {

template <class T>
struct Factor {
  const T* a;
  T *work, *q, *l;
  int64_t rows, columns;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t item, const G& group) const {
    const int64_t area = rows * columns;
    T* own = work + item * (area + rows);
    for (int64_t e = group.rank(); e < area; e += group.size()) own[e] = a[item * area + e];
    group.wait();
    lq_factor(own, own + area, q + item * area, l + item * rows * rows, rows, columns, group);
  }
};

void forward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_gelqf", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    gpu::for_each_row(*r.context.stream, m.count, m.columns,
                      Factor<T>{r.in[0].as<T>(), static_cast<T*>(r.context.workspace), r.out[0].as<T>(),
                                r.out[1].as<T>(), m.rows, m.columns});
  });
}
size_t scratch(const PrepareContext& c) {
  const Matrices m(c.inputs[0].shape);
  return static_cast<size_t>(m.count * m.rows * (m.columns + 1)) * sizeof(double);
}

}  // namespace

void register_gpu(Registry& registry) { gpu::wide<NoParams>(registry, "_linalg_gelqf", forward, scratch); }

}  // namespace mixnet::op::linalg_gelqf
