// _contrib_dequantize: 8-bit or 32-bit numbers with a range become float32. _contrib_requantize: 32-bit numbers become 8-bit ones.
//
// Data may have a range per channel (axis 1) where MXNet has one for all: results of layers whose weights have one per output channel.
#include "op/quantization/requantize.h"

namespace mixnet::op::requantize {
namespace {

void dequantize(const DequantizeParams&, const RunContext& r) {
  const q::Ranges ranges(r.in[1], r.in[2]);
  q::dispatch(r.in[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    const Q* x = r.in[0].as<Q>();
    float* y = r.out[0].as<float>();
    q::for_runs(r.in[0].shape, ranges, [&](int64_t channel, int64_t first, int64_t last) {
      const float step = ranges.step(channel, r.in[0].dtype);
      for (int64_t i = first; i < last; ++i) y[i] = static_cast<float>(x[i]) * step;
    });
  });
}

// The range of the values that x stands for.
std::pair<float, float> actual(const RunContext& r, const q::Ranges& ranges) {
  const Shape& shape = r.in[0].shape;
  const int32_t* x = r.in[0].as<int32_t>();
  const int64_t runs = ranges.count == 1 ? 1 : shape.size(0, 2), length = shape.size() / std::max<int64_t>(1, runs);
  std::pair<float, float> all(0, 0);
  for (int64_t i = 0; i < runs && length; ++i) {
    const auto [low, high] = q::extremes(x + i * length, length);
    const float step = ranges.step(i % ranges.count, DType::i32);
    all = {i ? std::min(all.first, static_cast<float>(low) * step) : static_cast<float>(low) * step,
           i ? std::max(all.second, static_cast<float>(high) * step) : static_cast<float>(high) * step};
  }
  return all;
}

void forward(const Params& p, const RunContext& r) {
  const q::Ranges ranges(r.in[1], r.in[2]);
  const DType t = r.out[0].dtype;
  auto [low, high] = p.known() ? std::pair<float, float>(*p.low, *p.high) : actual(r, ranges);
  // Nothing below zero is held.
  if (t == DType::u8) {
    low = std::max(low, 0.f);
    high = std::max(high, 0.f);
  }
  const float per_step = q::per_step(low, high, t);
  q::dispatch_bytes(t, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    const int32_t* x = r.in[0].as<int32_t>();
    Q* y = r.out[0].as<Q>();
    q::for_runs(r.in[0].shape, ranges, [&](int64_t channel, int64_t first, int64_t last) {
      const float factor = ranges.step(channel, DType::i32) * per_step;
      for (int64_t i = first; i < last; ++i) y[i] = q::saturate<Q>(static_cast<float>(x[i]) * factor);
    });
  });
  const auto [min, max] = q::reported(low, high, t);
  q::set_range(r, min, max);
}

void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  q::infer_range(c, 1, q::channels(c.in[0]));
  for (int i = 1; i < static_cast<int>(c.out.size()); ++i) c.set_out(i, Shape{1});
}
void infer_dequantize_type(InferType& c) {
  q::expect_bytes(c, 0, true);
  q::float_from(c, 1);
  c.set_out(0, DType::f32);
}
void infer_type(InferType& c) {
  c.set_in(0, DType::i32);
  q::float_from(c, 1);
  c.set_out(0, q::out_dtype(c.params<Params>().type, c.params<Params>()));
  q::float_ranges(c);
}
void check(const Params& p) { q::check_calibrated(p); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<DequantizeParams> back(registry, "_contrib_dequantize");
  back.param("out_type", &DequantizeParams::type, {"float32"}).doc("Dtype of the result.");
  back.input("data", "Any shape; int8, uint8 or int32.")
      .input("min_range", "(1,), or one per channel (axis 1 of data).")
      .input("max_range", "As min_range.")
      .infer_shape(infer)
      .infer_type(infer_dequantize_type)
      .kernel(dequantize);

  OpBuilder<Params> op(registry, "_contrib_requantize");
  op.param("out_type", &Params::type, {"auto", "int8", "uint8"})
      .doc("Dtype of the result; auto: uint8 where the calibrated range has nothing below zero, else int8.");
  q::add_calibrated(op);
  op.check(check)
      .input("data", "Any shape, int32.")
      .input("min_range", "(1,), or one per channel (axis 1 of data).")
      .input("max_range", "As min_range.")
      .outputs({"output", "min_output", "max_output"})
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward)
      .optional_outputs();
  //[full
  back.doc(
      "What quantised data stand for: q reach / levels, reach = max(|min_range|, |max_range|), levels 127 of int8, 255 "
      "of uint8 and 2^31 - 1 of int32.");
  back.zero_gradient();
  back.sample({{2, 3}, {1}, {1}}).range(-99, 99);
  back.sample({{2, 3, 2}, {3}, {3}}).range(-99, 99);
  back.sample({{1}, {1}, {1}});
  back.sample({{0}, {1}, {1}});
  op.doc(
      "Results of quantised layers as 8-bit numbers, for the calibrated range, or for that of data when there is "
      "none.");
  op.zero_gradient();
  for (const char* type : {"auto", "int8", "uint8"}) {
    op.sample({{2, 3}, {1}, {1}}, {{"out_type", type}}).range(-9999, 9999);
    op.sample({{2, 3, 2}, {3}, {3}}, {{"out_type", type}, {"min_calib_range", 0.0}, {"max_calib_range", 0.01}})
        .range(-9999, 9999);
  }
  op.sample({{1}, {1}, {1}});
  op.sample({{2, 0}, {1}, {1}});
  //]
}

}  // namespace mixnet::op::requantize
