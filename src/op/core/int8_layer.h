// What _contrib_quantized_conv and _contrib_quantized_fully_connected have in common besides the product: ranges and bias.
//
// Inputs: data, weight, (bias,) and a minimum and a maximum for each. The result is int32; its step is that of data times that of the
// weights, which may have one per output channel. A bias in int8 is brought to that step; one in float32 (which MXNet does not have)
// is rounded to it, and its range is not looked at.
#pragma once
#include "op/core/quantized.h"

namespace mixnet {

// Steps and bias of the channels of a result.
struct Int8Steps {
  quantized::Ranges data, weight, bias_range;
  const void* biases;  // null: there are none
  DType data_type, bias_type;
  MIXNET_ON_DEVICE float step(int64_t channel) const {
    return data.step(0, data_type) * weight.step(channel, DType::i8);
  }
  // In steps of the result.
  MIXNET_ON_DEVICE int32_t bias(int64_t channel) const {
    const float unit = step(channel);
    if (!biases || unit == 0) return 0;
    const float value = bias_type == DType::f32 ? static_cast<const float*>(biases)[channel]
                                                : static_cast<float>(static_cast<const int8_t*>(biases)[channel]) *
                                                      bias_range.step(0, DType::i8);
    return quantized::saturate<int32_t>(value / unit);
  }
  MIXNET_ON_DEVICE static int32_t add(int32_t sum, int32_t bias) {
    const int64_t all = int64_t{sum} + bias;
    return static_cast<int32_t>(all < -2147483648LL ? -2147483648LL : all > 2147483647LL ? 2147483647LL : all);
  }
};

struct Int8Layer {
  bool biased;
  size_t ranges;  // the first input that is a limit
  explicit Int8Layer(bool no_bias) : biased(!no_bias), ranges(no_bias ? 2 : 3) {}

  quantized::Ranges of(const RunContext& r, size_t input) const {
    return {r.in[ranges + 2 * input], r.in[ranges + 2 * input + 1]};
  }
  Int8Steps steps(const RunContext& r) const {
    const quantized::Ranges data = of(r, 0);
    return {data,
            of(r, 1),
            biased ? of(r, 2) : data,
            biased ? r.in[2].data : nullptr,
            r.in[0].dtype,
            biased ? r.in[2].dtype : DType::i8};
  }
  // Sets the range of the result, of one number or of one per channel.
  void set_ranges(const RunContext& r) const {
    const Int8Steps s = steps(r);
    for (int64_t c = 0; c < s.weight.count; ++c) {
      const float all = s.step(c) * quantized::levels(DType::i32);
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
