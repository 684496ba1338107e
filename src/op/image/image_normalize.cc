// _image_normalize: takes off a mean and divides by a standard deviation, channel by channel.
#include "op/image/image_normalize.h"

#include "op/core/wide.h"

namespace mixnet::op::image_normalize {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("mean", &Params::mean).doc("The mean of each channel, or one for all.");
  op.param("std", &Params::std).doc("The standard deviation of each channel, or one for all.");
  op.check([](const Params& p) {
    MIXNET_CHECK(!p.mean.empty() && !p.std.empty(), invalid, "mean and std: expected at least one number each");
    for (double s : p.std) MIXNET_CHECK(s != 0, invalid, "std: expected numbers other than 0, got 0");
  });
}

// f(value, mean, std) for every element.
template <class F>
void each(const Params& p, const RunContext& r, F f) {
  dispatch_wide(r.in[0].dtype, "image_normalize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t area = s.size(s.ndim() - 2, s.ndim()), channels = s[s.ndim() - 3];
    for (int64_t k = 0; k < s.size(0, s.ndim() - 2); ++k) {
      const T mean = static_cast<T>(Params::of(p.mean, k % channels)),
              std = static_cast<T>(Params::of(p.std, k % channels));
      for (int64_t i = k * area; i < (k + 1) * area; ++i) r.out[0].as<T>()[i] = f(r.in[0].as<T>()[i], mean, std);
    }
  });
}
void forward(const Params& p, const RunContext& r) {
  each(p, r, [](auto x, auto mean, auto std) { return (x - mean) / std; });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 3, 4);
  c.all_same();
  const Shape& s = c.in[0];
  if (!s.ndim_known()) return;
  for (const std::vector<double>* list : {&p.mean, &p.std}) {
    const int64_t given = static_cast<int64_t>(list->size());
    if (given != 1 && s[s.ndim() - 3] > given)
      c.fail(Code::invalid, concat("expected a mean and a std for each channel of ", s, ", got ", given));
  }
}

//[full
void backward(const Params& p, const RunContext& r) {
  each(p, r, [](auto dy, auto, auto std) { return dy / std; });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_image_normalize", {g.output_grad(0)})[0]); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_image_normalize");
  add_params(op);
  op.input("data", "(C, H, W) or (N, C, H, W), float.").inplace(0, 0).infer_shape(infer).prepare(prepare);
  //[full
  op.doc("(data - mean) / std, channel by channel.").gradient(gradient);
  const std::vector<double> mean{0.1, 0.2, 0.3}, std{2, 0.5, 3};
  op.sample({{3, 2, 2}}, {{"mean", mean}, {"std", std}});
  op.sample({{2, 2, 1, 3}}, {{"mean", std::vector<double>{0.5}}, {"std", std}});
  op.sample({{1, 1, 1}});
  op.sample({{0, 3, 2, 2}});
  OpBuilder<Params> grad(registry, "_backward_image_normalize");
  add_params(grad);
  grad.hidden().input("output_grad").inplace(0, 0).prepare(prepare_backward).no_gradient("linear");
  //]
}

}  // namespace mixnet::op::image_normalize
