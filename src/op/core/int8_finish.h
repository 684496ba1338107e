// What a layer on 8-bit numbers does with its int32 sums before it stores them, for the layers that pass/int8_layers joins:
// y = acc scale[channel] + bias[channel] (+ summand sum_step), relu, then y as float32 or y / out_step as int8 or uint8.
#pragma once
#include "op/core/int8_product.h"
#include "op/core/quantized.h"

namespace mixnet {

struct Int8Finish {
  bool relu = false;
  double sum_step = 0, out_step = 1;  // sum_step 0: there is no summand
  DType out_type = DType::f32;
};

inline void check_int8_depth(int64_t depth) {
  MIXNET_CHECK(depth <= int8_product_depth, unsupported, "[int8] expected sums of at most ", int8_product_depth,
               " products, got ", depth);
}

template <class P>
void add_int8_finish(OpBuilder<P>& op) {
  op.param("relu", &P::relu).doc("Applies relu before storing.");
  op.param("sum_step", &P::sum_step).range(0).doc("Step of the 8-bit summand; 0: there is none.");
  op.param("out_step", &P::out_step).range(0).doc("Step of an 8-bit result.");
  op.param("out_type", &P::out_type).doc("float32, int8 or uint8.");
}
inline void check_int8_finish(const Int8Finish& p) {
  MIXNET_CHECK(p.out_type == DType::f32 || p.out_type == DType::i8 || p.out_type == DType::u8, invalid,
               "out_type: expected float32, int8 or uint8, got ", p.out_type);
}

// Inputs: data, weight, scale and, where there are some, bias and summand.
template <class P>
std::vector<std::string> int8_inputs(const P& p) {
  std::vector<std::string> names{"data", "weight", "scale"};
  if (!p.no_bias) names.push_back("bias");
  if (p.sum_step > 0) names.push_back("summand");
  return names;
}
template <class P>
size_t int8_summand(const P& p) {
  return p.no_bias ? 3 : 4;
}

template <class P>
void infer_int8_type(InferType& c) {
  const P& p = c.params<P>();
  quantized::expect_bytes(c, 0);
  c.set_in(1, DType::i8);
  c.set_in(2, DType::f32);
  if (!p.no_bias) c.set_in(3, DType::f32);
  if (p.sum_step > 0) quantized::expect_bytes(c, static_cast<int>(int8_summand(p)));
  c.set_out(0, p.out_type);
}

// Stores n sums of one channel; `step` is the distance of their results, `at` the first one's place.
class Int8Store {
 public:
  template <class P>
  Int8Store(const P& p, const RunContext& r)
      : finish_(p),
        scale_(r.in[2].as<float>()),
        bias_(p.no_bias ? nullptr : r.in[3].as<float>()),
        sum_(p.sum_step > 0 ? &r.in[int8_summand(p)] : nullptr),
        out_(r.out[0]) {}

  void operator()(int64_t channel, int64_t at, int64_t n, int64_t step, const int32_t* acc) const {
    const float scale = scale_[channel], bias = bias_ ? bias_[channel] : 0;
    if (!sum_) return store(at, n, step, [=](int64_t i) { return static_cast<float>(acc[i]) * scale + bias; });
    const float unit = static_cast<float>(finish_.sum_step);
    quantized::dispatch_bytes(sum_->dtype, [&](auto tag) {
      const auto* more = sum_->as<typename decltype(tag)::type>() + at;
      store(at, n, step, [=](int64_t i) {
        return static_cast<float>(acc[i]) * scale + bias + static_cast<float>(more[i * step]) * unit;
      });
    });
  }

 private:
  template <class F>
  void store(int64_t at, int64_t n, int64_t step, F value) const {
    const float low = finish_.relu ? 0.f : -std::numeric_limits<float>::infinity();
    if (out_.dtype == DType::f32) {
      float* y = out_.as<float>() + at;
      for (int64_t i = 0; i < n; ++i) y[i * step] = std::max(value(i), low);
      return;
    }
    const float per_step = finish_.out_step > 0 ? static_cast<float>(1 / finish_.out_step) : 0.f;
    quantized::dispatch_bytes(out_.dtype, [&](auto tag) {
      using Q = typename decltype(tag)::type;
      Q* y = out_.as<Q>() + at;
      for (int64_t i = 0; i < n; ++i) y[i * step] = quantized::saturate<Q>(std::max(value(i), low) * per_step);
    });
  }

  const Int8Finish& finish_;
  const float *scale_, *bias_;
  const TensorView* sum_;
  const TensorView& out_;
};

}  // namespace mixnet
