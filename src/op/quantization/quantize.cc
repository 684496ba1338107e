// _contrib_quantize, _contrib_quantize_v2: float32 values become 8-bit whole numbers with a range (op/core/quantized.h).
// _contrib_quantize_asym: x becomes x scale + shift in uint8, scale = 255 / (max - min), shift = 255 - max scale.
#include "op/quantization/quantize.h"

namespace mixnet::op::quantize {
namespace {

void to_bytes(const TensorView& x, float per_step, const TensorView& y) {
  q::dispatch_bytes(y.dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    const float* from = x.as<float>();
    Q* to = y.as<Q>();
    parallel_for(x.size(), 16384, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) to[i] = q::saturate<Q>(from[i] * per_step);
    });
  });
}
void into_range(const RunContext& r, float low, float high) {
  const DType t = r.out[0].dtype;
  to_bytes(r.in[0], q::per_step(low, high, t), r.out[0]);
  const auto [min, max] = q::reported(low, high, t);
  q::set_range(r, min, max);
}

void forward(const Params&, const RunContext& r) { into_range(r, r.in[1].as<float>()[0], r.in[2].as<float>()[0]); }
void forward_v2(const ParamsV2& p, const RunContext& r) {
  if (p.known()) return into_range(r, static_cast<float>(*p.low), static_cast<float>(*p.high));
  const auto [low, high] = q::extremes(r.in[0].as<float>(), r.in[0].size());
  into_range(r, low, high);
}
void forward_asym(const q::Calibrated& p, const RunContext& r) {
  auto [low, high] = q::extremes(r.in[0].as<float>(), r.in[0].size());
  if (p.known()) {
    low = static_cast<float>(*p.low);
    high = static_cast<float>(*p.high);
  }
  const float scale = high > low ? 255 / (high - low) : 1, shift = 255 - high * scale;
  const float* x = r.in[0].as<float>();
  uint8_t* y = r.out[0].as<uint8_t>();
  parallel_for(r.in[0].size(), 16384, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) y[i] = q::saturate<uint8_t>(x[i] * scale + shift);
  });
  q::set_range(r, scale, shift);
}

template <int Ranges>
void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  for (int i = 1; i <= Ranges; ++i) c.set_in(i, Shape{1});
  for (int i = 1; i <= 2; ++i) c.set_out(i, Shape{1});
}
void infer_type(InferType& c) {
  q::float_from(c, 0);
  c.set_out(0, c.params<Params>().type == ByteType::int8 ? DType::i8 : DType::u8);
  q::float_ranges(c);
}
void infer_type_v2(InferType& c) {
  q::float_from(c, 0);
  c.set_out(0, q::out_dtype(c.params<ParamsV2>().type, c.params<ParamsV2>()));
  q::float_ranges(c);
}
void infer_type_asym(InferType& c) {
  q::float_from(c, 0);
  c.set_out(0, DType::u8);
  q::float_ranges(c);
}
void check_v2(const ParamsV2& p) { q::check_calibrated(p); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_quantize");
  op.param("out_type", &Params::type, {"int8", "uint8"}).doc("Dtype of the result.");
  op.input("data", "Any shape, float32.")
      .input("min_range", "(1,): the lowest value that is held.")
      .input("max_range", "(1,): the highest value that is held.")
      .outputs({"output", "min_output", "max_output"})
      .infer_shape(infer<2>)
      .infer_type(infer_type)
      .kernel(forward);

  OpBuilder<ParamsV2> v2(registry, "_contrib_quantize_v2");
  v2.param("out_type", &ParamsV2::type, {"auto", "int8", "uint8"})
      .doc("Dtype of the result; auto: uint8 where the calibrated range has nothing below zero, else int8.");
  q::add_calibrated(v2);
  v2.check(check_v2)
      .input("data", "Any shape, float32.")
      .outputs({"output", "min_output", "max_output"})
      .infer_shape(infer<0>)
      .infer_type(infer_type_v2)
      .kernel(forward_v2)
      .optional_outputs();

  OpBuilder<q::Calibrated> asym(registry, "_contrib_quantize_asym");
  q::add_calibrated(asym);
  asym.check(q::check_calibrated)
      .input("data", "Any shape, float32.")
      .outputs({"output", "scale", "shift"})
      .infer_shape(infer<0>)
      .infer_type(infer_type_asym)
      .kernel(forward_asym)
      .optional_outputs();
  //[full
  op.doc(
      "Quantises data: nearest(x levels / reach), reach = max(|min_range|, |max_range|), levels 127 of int8 and 255 of "
      "uint8, "
      "saturating. Gives the numbers and the range that they stand for.");
  op.zero_gradient();
  op.sample({{2, 3}, {1}, {1}}, {{"out_type", "int8"}});
  op.sample({{1}, {1}, {1}}, {{"out_type", "uint8"}});
  op.sample({{0, 2}, {1}, {1}});
  v2.doc("As quantize, for the calibrated range, or for that of data when there is none.");
  v2.zero_gradient();
  for (const char* type : {"auto", "int8", "uint8"}) {
    v2.sample({{2, 3}}, {{"out_type", type}});
    v2.sample({{5}}, {{"out_type", type}, {"min_calib_range", 0.0}, {"max_calib_range", 0.5}});
  }
  v2.sample({{1}});
  v2.sample({{0, 3}});
  asym.doc("Quantises data to uint8 with a zero of its own: x scale + shift, of the calibrated range or that of data.");
  asym.zero_gradient();
  asym.sample({{2, 3}});
  asym.sample({{4}}, {{"min_calib_range", -0.5}, {"max_calib_range", 0.5}});
  asym.sample({{1}});
  asym.sample({{0}});
  //]
}

}  // namespace mixnet::op::quantize
