// Dropout (Srivastava et al., 2014), inverted: kept elements are divided by the share that is kept.
#include "op/nn/dropout.h"

#include <cmath>

namespace mixnet::op::dropout {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("p", &Params::p).range(0, 1).doc("Share of elements set to zero.");
  op.param("mode", &Params::mode, {"always", "training"}).doc("Whether prediction drops too.");
  op.param("axes", &Params::axes).doc("Axes along which one draw serves all elements.");
  op.param("cudnn_off", &Params::cudnn_off).doc("Accepted for MXNet's files.");
}

template <class T, class F>
void with_mask(const RunContext& r, const Shape& shape, const Shape& mask, F f) {
  using A = accumulator_t<T>;
  if (shape == mask) {
    parallel_for(shape.size(), 8192, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        r.out[0].as<T>()[i] = static_cast<T>(static_cast<A>(r.in[0].as<T>()[i]) * f(i));
    });
    return;
  }
  for (int64_t i = 0; i < shape.size(); ++i) {
    int64_t rest = i, at = 0, stride = 1;
    for (int d = shape.ndim() - 1; d >= 0; --d) {
      at += (mask[d] == 1 ? 0 : rest % shape[d]) * stride;
      rest /= shape[d];
      stride *= mask[d];
    }
    r.out[0].as<T>()[i] = static_cast<T>(static_cast<A>(r.in[0].as<T>()[i]) * f(at));
  }
}

// Element i has word i % 4 of draw i / 4.
template <class T>
void draw_mask(const PhiloxKey& key, float p, accumulator_t<T> kept, T* mask, int64_t n) {
  using A = accumulator_t<T>;
  constexpr int64_t each = 64;
  // uniform_float(word) >= p in whole numbers, which compilers vectorise.
  const int32_t least = static_cast<int32_t>(std::ceil(static_cast<double>(p) * 0x1p24));
  parallel_for((n + each - 1) / each, 256, [=](int64_t first, int64_t last) {
    for (int64_t at = first * each; at < std::min(n, last * each); at += each) {
      // Words first: whether they are large enough is asked of many at once, and not guessed by a branch.
      uint32_t words[each];
      for (int64_t k = 0; k < each; k += 4) {
        const PhiloxBlock draw = philox(key, static_cast<uint64_t>((at + k) / 4));
        std::copy_n(draw.word, 4, words + k);
      }
      const A some = kept;
      const int32_t limit = least;
      A values[each];
      for (int64_t k = 0; k < each; ++k)
        values[k] = some * static_cast<A>(static_cast<int32_t>(words[k] >> 8) >= limit);
      const int64_t here = std::min<int64_t>(each, n - at);
      for (int64_t k = 0; k < here; ++k) mask[at + k] = static_cast<T>(values[k]);
    }
  });
}

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const bool active = (r.context.training || p.mode == Mode::always) && p.p > 0;
    T* mask = r.out[1].as<T>();
    const int64_t n = r.out[1].size();
    const A kept = p.p < 1 ? A(1) / static_cast<A>(1 - p.p) : A(0);
    if (active) draw_mask(r.context.random, static_cast<float>(p.p), kept, mask, n);
    else std::fill_n(mask, n, static_cast<T>(A(1)));
    with_mask<T>(r, r.in[0].shape, r.out[1].shape, [mask](int64_t i) { return static_cast<A>(mask[i]); });
  });
}
void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[0].known()) c.set_out(1, mask_shape(c.params<Params>(), c.in[0]));
}

//[full
void backward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* mask = r.in[1].as<T>();
    with_mask<T>(r, r.in[0].shape, r.in[1].shape, [mask](int64_t i) { return static_cast<accumulator_t<T>>(mask[i]); });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[0]); }
void gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_Dropout", {g.output_grad(0), g.output(1)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Dropout");
  add_params(op);
  op.input("data", "Any shape, float.")
      .outputs({"output", "mask"}, 1)
      .random([](const Params& p, bool training) { return p.p > 0 && (training || p.mode == Mode::always); })
      .uses_training()
      .infer_shape(infer)
      .kernel(forward);
  //[full
  op.doc("Sets a random share p of the elements to zero in training and divides the others by 1 - p.")
      .gradient(gradient);
  op.sample({{2, 3}}, {{"p", 0.4}});
  op.sample({{2, 3, 4}}, {{"p", 0.4}, {"axes", Shape{1}}});
  op.sample({{1}}, {{"mode", "always"}});
  op.sample({{0, 2}});
  OpBuilder<Params> grad(registry, "_backward_Dropout");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("mask")
      .infer_shape(infer_backward)
      .kernel(backward)
      .no_gradient("second order is not defined yet");
  //]
}

}  // namespace mixnet::op::dropout
