// The gradient of SVMOutput on GPUs; see svm_output.cc.
#include "op/loss/svm_output.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::svm_output {
namespace {

template <class T>
struct Backward {
  const T *x, *label;
  T* dx;
  int64_t classes;
  Params p;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const int64_t row = i / classes, wanted = static_cast<int64_t>(static_cast<A>(label[row]));
    dx[i] = static_cast<T>(slope(p, static_cast<A>(x[i]), i - row * classes == wanted));
  }
};
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "SVMOutput", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t classes = r.in[0].shape.size(1, r.in[0].ndim());
    gpu::map(*r.context.stream, r.out[0].size(),
             Backward<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.out[0].as<T>(), classes, p});
  });
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_backward_SVMOutput", backward); }

}  // namespace mixnet::op::svm_output
