// _contrib_quantized_batch_norm: BatchNorm with its moving statistics on 8-bit data, into int8 of a calibrated range.
#include "op/nn/quantized_batch_norm.h"

namespace mixnet::op::quantized_batch_norm {
namespace {

namespace q = mixnet::quantized;

void forward(const Params& p, const RunContext& r) {
  const Shape& shape = r.in[0].shape;
  const int axis = normalize_axis(p.axis, shape.ndim(), "quantized_batch_norm");
  const int64_t channels = shape[axis], length = shape.size(axis + 1, shape.ndim());
  const float low = static_cast<float>(*p.low), high = static_cast<float>(*p.high);
  const float step = q::step(r.in[5].as<float>()[0], r.in[6].as<float>()[0], r.in[0].dtype),
              per_step = q::per_step(low, high, DType::i8);
  const auto statistic = [&](size_t i, int64_t c) { return r.in[i].as<float>()[c]; };
  q::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
    const auto* x = r.in[0].as<typename decltype(tag)::type>();
    int8_t* y = r.out[0].as<int8_t>();
    const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, length));
    parallel_for(shape.size(0, axis) * channels, grain, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const int64_t c = row % channels;
        const float s = (p.fix_gamma ? 1.f : statistic(1, c)) / std::sqrt(statistic(4, c) + static_cast<float>(p.eps));
        const float factor = s * step * per_step, shift = (statistic(2, c) - statistic(3, c) * s) * per_step;
        for (int64_t i = row * length; i < (row + 1) * length; ++i)
          y[i] = q::saturate<int8_t>(static_cast<float>(x[i]) * factor + shift);
      }
    });
  });
  const auto [min, max] = q::reported(low, high, DType::i8);
  q::set_range(r, min, max);
}

void infer(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  for (int i : {5, 6}) c.set_in(i, Shape{1});
  for (int i : {1, 2}) c.set_out(i, Shape{1});
  if (!c.in[0].ndim_known()) return;
  const int axis = normalize_axis(c.params<Params>().axis, c.in[0].ndim(), c.place().c_str());
  for (int i = 1; i < 5; ++i) c.set_in(i, Shape{c.in[0][axis]});
}
void infer_type(InferType& c) {
  q::expect_bytes(c, 0);
  q::float_from(c, 1);
  c.set_out(0, DType::i8);
  q::float_ranges(c);
}
void check(const Params& p) {
  q::check_calibrated(p);
  MIXNET_CHECK(p.known(), invalid, "min_calib_range: expected a calibrated range, which this operator needs");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_quantized_batch_norm");
  op.param("eps", &Params::eps).doc("Added to the variance.");
  op.param("momentum", &Params::momentum).doc("Accepted for MXNet's files.");
  op.param("fix_gamma", &Params::fix_gamma).doc("Takes gamma for 1.");
  op.param("use_global_stats", &Params::use_global_stats).doc("Accepted; the moving statistics are used anyway.");
  op.param("output_mean_var", &Params::output_mean_var).doc("Accepted for MXNet's files.");
  op.param("axis", &Params::axis).doc("Axis of the channels.");
  op.param("cudnn_off", &Params::cudnn_off).doc("Accepted for MXNet's files.");
  q::add_calibrated(op);
  op.check(check).input("data", "Any shape, int8 or uint8.");
  for (const char* name : {"gamma", "beta", "moving_mean", "moving_var"}) op.input(name, "(channels,), float32.");
  op.input("min_data", "(1,).").input("max_data", "(1,).").auxiliary({3, 4});
  op.outputs({"output", "min_output", "max_output"}).optional_outputs();
  op.infer_shape(infer).infer_type(infer_type).kernel(forward).zero_gradient();
  //[full
  op.doc(
      "BatchNorm in prediction on quantised data: (x - moving_mean) gamma / sqrt(moving_var + eps) + beta, as int8.");
  const Attributes range{{"min_calib_range", -1.0}, {"max_calib_range", 2.0}};
  op.sample({{2, 3, 2}, {3}, {3}, {3}, {3}, {1}, {1}}, range).range(0.5, 50);
  op.sample({{2, 3}, {3}, {3}, {3}, {3}, {1}, {1}},
            {{"min_calib_range", -1.0}, {"max_calib_range", 2.0}, {"fix_gamma", false}})
      .range(0.5, 50);
  op.sample({{1, 1}, {1}, {1}, {1}, {1}, {1}, {1}}, range).range(0.5, 50);
  op.sample({{0, 2}, {2}, {2}, {2}, {2}, {1}, {1}}, range).range(0.5, 50);
  //]
}

}  // namespace mixnet::op::quantized_batch_norm
