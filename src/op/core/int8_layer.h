// What _contrib_quantized_conv and _contrib_quantized_fully_connected have in common besides the product: ranges and bias.
//
// Inputs: data, weight, (bias,) and a minimum and a maximum for each. The result is int32; its step is that of data times that of the
// weights, which may have one per output channel. A bias in int8 is brought to that step; one in float32 (which MXNet does not have)
// is rounded to it, and its range is not looked at.
#pragma once
#include "op/core/quantized.h"

namespace mixnet {

struct Int8Layer {
  bool biased;
  size_t ranges;  // the first input that is a limit
  explicit Int8Layer(bool no_bias) : biased(!no_bias), ranges(no_bias ? 2 : 3) {}

  quantized::Ranges of(const RunContext& r, size_t input) const {
    return {r.in[ranges + 2 * input], r.in[ranges + 2 * input + 1]};
  }
  float step(const RunContext& r, const quantized::Ranges& data, const quantized::Ranges& weight,
             int64_t channel) const {
    return data.step(0, r.in[0].dtype) * weight.step(channel, DType::i8);
  }
  // The bias of a channel in steps of the result.
  int32_t bias(const RunContext& r, int64_t channel) const {
    const float unit = step(r, of(r, 0), of(r, 1), channel);
    if (!biased || unit == 0) return 0;
    const size_t c = static_cast<size_t>(channel);
    const float value = r.in[2].dtype == DType::f32
                            ? r.in[2].as<float>()[c]
                            : static_cast<float>(r.in[2].as<int8_t>()[c]) * of(r, 2).step(0, DType::i8);
    return quantized::saturate<int32_t>(value / unit);
  }
  static int32_t add(int32_t sum, int32_t bias) {
    return static_cast<int32_t>(std::clamp<int64_t>(int64_t{sum} + bias, -2147483648LL, 2147483647LL));
  }
  // Sets the range of the result, of one number or of one per channel.
  void set_ranges(const RunContext& r) const {
    const quantized::Ranges data = of(r, 0), weight = of(r, 1);
    for (int64_t c = 0; c < weight.count; ++c) {
      const float all = step(r, data, weight, c) * quantized::levels(DType::i32);
      if (r.out[1].data) r.out[1].as<float>()[c] = -all;
      if (r.out[2].data) r.out[2].as<float>()[c] = all;
    }
  }

  static std::vector<std::string> names(bool no_bias) {
    std::vector<std::string> all{"data", "weight"};
    if (!no_bias) all.push_back("bias");
    for (size_t i = 0, n = all.size(); i < n; ++i) {
      all.push_back("min_" + all[i]);
      all.push_back("max_" + all[i]);
    }
    return all;
  }
  void infer(InferShape& c, int64_t channels) const {
    const int first = static_cast<int>(ranges);
    quantized::infer_range(c, first);
    quantized::infer_range(c, first + 2, channels);
    if (biased) quantized::infer_range(c, first + 4, channels);
    for (int i : {1, 2}) c.set_out(i, c.in[ranges + 2]);
  }
  void infer_type(InferType& c) const {
    quantized::expect_bytes(c, 0);
    c.set_in(1, DType::i8);
    if (biased && c.in[2] == DType::unknown) c.set_in(2, DType::i8);
    if (biased && c.in[2] != DType::i8 && c.in[2] != DType::f32)
      c.fail(Code::type, concat("bias: expected int8 or float32, got ", c.in[2]));
    quantized::float_from(c, static_cast<int>(ranges));
    c.set_out(0, DType::i32);
    quantized::float_ranges(c);
  }

  template <class P>
  static void describe(OpBuilder<P>& op) {
    op.input("data", "int8 or uint8.").input("weight", "int8.").input("bias", "int8, or float32.");
    op.input("min_data", "(1,).").input("max_data", "(1,).");
    op.input("min_weight", "(1,), or one per output channel.").input("max_weight", "As min_weight.");
    op.input("min_bias", "(1,).").input("max_bias", "(1,).");
    op.outputs({"output", "min_output", "max_output"}).optional_outputs().zero_gradient();
  }
};

}  // namespace mixnet
