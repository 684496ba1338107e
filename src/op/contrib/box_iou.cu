// _contrib_box_iou on GPUs; see box_iou.cc.
#include "op/contrib/box_iou.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::box_iou {
namespace {

template <class T>
struct Overlap {
  const T *a, *b;
  T* y;
  int64_t columns;
  BoxFormat format;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    y[e] = box_overlap(load_box(a + e / columns * 4, format), load_box(b + e % columns * 4, format));
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_iou", [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Overlap<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), r.in[1].size() / 4, p.format});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::wide<Params>(registry, "_contrib_box_iou", forward); }

}  // namespace mixnet::op::box_iou
