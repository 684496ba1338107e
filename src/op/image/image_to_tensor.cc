// _image_to_tensor: bytes with channels last to floats in [0, 1] with channels first.
#include "op/core/builder.h"

namespace mixnet::op::image_to_tensor {
namespace {

void forward(const NoParams&, const RunContext& r) {
  const Shape& s = r.in[0].shape;
  const int n = s.ndim();
  const int64_t channels = s[n - 1], area = s[n - 3] * s[n - 2], images = n == 4 ? s[0] : 1;
  dispatch_all(r.in[0].dtype, "image_to_tensor", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = r.in[0].as<T>();
    parallel_for(images * channels, 1, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const T* from = x + k / channels * area * channels + k % channels;
        float* to = r.out[0].as<float>() + k * area;
        for (int64_t i = 0; i < area; ++i)
          to[i] = static_cast<float>(static_cast<accumulator_t<T>>(from[i * channels])) / 255.0f;
      }
    });
  });
}
void infer(InferShape& c) {
  c.expect_ndim(0, 3, 4);
  if (!c.in[0].ndim_known()) return;
  const Shape& s = c.in[0];
  c.set_out(0, s.ndim() == 3 ? Shape{s[2], s[0], s[1]} : Shape{s[0], s[3], s[1], s[2]});
}
void infer_type(InferType& c) { c.set_out(0, DType::f32); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_image_to_tensor");
  op.input("data", "(H, W, C) or (N, H, W, C), values from 0 to 255.")
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward);
  op.no_gradient("takes bytes");
  //[full
  op.doc("Images as tensors: divided by 255, channels first, float32.");
  op.sample({{2, 3, 3}}).range(0, 255);
  op.sample({{2, 2, 1, 3}}).range(0, 255);
  op.sample({{1, 1, 1}}).range(0, 255);
  op.sample({{0, 2, 2, 3}});
  //]
}

}  // namespace mixnet::op::image_to_tensor
