// amp_scale_gradient: the identity whose gradient is multiplied by a number that is an input, the loss scale of float16 training.
#include <cstring>

#include "device/stream.h"
#include "op/core/builder.h"

namespace mixnet::op::amp_scale_gradient {
namespace {

void kernel(const NoParams&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data && r.in[0].size() > 0)
    std::memcpy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
}
void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  c.set_in(1, Shape{1});
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  c.set_in(1, DType::f32);
}

//[full
void copy_on_gpu(const NoParams&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data && r.in[0].size() > 0)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
}

void backward(const NoParams&, const RunContext& r) {
  const float scale = *r.in[1].as<float>();
  dispatch_float(r.in[0].dtype, "amp_scale_gradient", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* dy = r.in[0].as<T>();
    T* dx = r.out[0].as<T>();
    parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) dx[i] = static_cast<T>(static_cast<accumulator_t<T>>(dy[i]) * scale);
    });
  });
}
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_amp_scale_gradient", {g.output_grad(0), g.input(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "amp_scale_gradient");
  op.input("data", "Any shape, float.").input("scale", "(1,), float32.");
  op.inplace(0, 0).same_bytes(0, 0).infer_shape(infer).infer_type(infer_type).kernel(kernel);
  //[full
  op.gpu_kernel(copy_on_gpu);
  op.doc("data as it is; the gradient of data is the output's times scale. No gradient flows to scale.")
      .gradient(gradient);
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0}}) op.sample({shape, {1}}).not_differentiable();
  OpBuilder<> back(registry, "_backward_amp_scale_gradient");
  back.hidden().input("output_grad").input("scale").inplace(0, 0);
  back.infer_shape(infer)
      .infer_type(infer_type)
      .kernel(backward)
      .no_gradient("the scale of a loss is no part of the function");
  //]
}

}  // namespace mixnet::op::amp_scale_gradient
