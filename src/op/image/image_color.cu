// Colours of images on GPUs; see image_color.cc.
#include "op/image/image_color.h"

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/scratch.h"

namespace mixnet::op::image_color {
namespace {

template <class T>
struct MeanGray {
  const T* x;
  double* mean;
  int64_t pixels, channels;
  template <class Group>
  MIXNET_ON_DEVICE void operator()(int64_t, const Group& group) const {
    double sum = 0;
    for (int64_t i = group.rank(); i < pixels; i += group.size()) sum += gray_of(x, i, channels);
    sum = group.reduce(sum, gpu::Plus());
    if (group.rank() == 0) *mean = sum / static_cast<double>(pixels);
  }
};

struct There : OnGpu {
  template <class T>
  static const double* mean_gray(const RunContext& r, const T* x, int64_t pixels, int64_t channels, double*) {
    double* mean = static_cast<double*>(r.context.workspace);
    gpu::for_each_row(*r.context.stream, 1, pixels, MeanGray<T>{x, mean, pixels, channels});
    return mean;
  }
};
size_t one_number(const PrepareContext&) { return sizeof(double); }

}  // namespace

void register_gpu(Registry& registry) {
  using C = Change;
  gpu::kernel<Params>(registry, "_image_random_brightness", random_change<There, C::brightness>);
  gpu::kernel<Params>(registry, "_image_random_contrast", random_change<There, C::contrast>, one_number);
  gpu::kernel<Params>(registry, "_image_random_saturation", random_change<There, C::saturation>);
  gpu::kernel<Params>(registry, "_image_random_hue", random_change<There, C::hue>);
  gpu::kernel<Params>(registry, "_image_random_color_jitter", jitter<There>, one_number);
  gpu::kernel<Params>(registry, "_image_adjust_lighting", adjust_lighting<There>);
  gpu::kernel<Params>(registry, "_image_random_lighting", random_lighting<There>);
}

}  // namespace mixnet::op::image_color
