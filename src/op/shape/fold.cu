// The gradient of repeating on GPUs; see fold.h.
#include "op/shape/fold.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"

namespace mixnet::op::fold {
namespace {

template <class T>
struct Sum {
  gpu::Strided<2> kept;
  gpu::Strided<1> copies;
  const T* grads;
  T* sums;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    int64_t at[2], copy[1];
    kept.at(i, at);
    A sum = 0;
    for (int64_t k = 0; k < copies.size; ++k) {
      copies.at(k, copy);
      sum += static_cast<A>(grads[at[1] + copy[0]]);
    }
    sums[at[0]] = static_cast<T>(sum);
  }
};

void run(const Fold& fold, Stream& stream, const TensorView& grads, const TensorView& sums) {
  dispatch_all(grads.dtype, "fold", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(stream, fold.kept.size(),
             Sum<T>{gpu::Strided<2>(fold.kept), gpu::Strided<1>(fold.copies), grads.as<T>(), sums.as<T>()});
  });
}

}  // namespace

void register_gpu(Registry&) { Fold::set_on_gpu(run); }

}  // namespace mixnet::op::fold
