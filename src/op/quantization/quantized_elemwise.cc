// _contrib_quantized_elemwise_add and _mul: of 8-bit tensors of one shape, as int32, as int8 for a calibrated range, or float32.
//
// The sum's range is that of the largest sum, |lhs| + |rhs|. The product is exact: lhs times rhs, whose step is the product of the steps.
#include "op/quantization/quantized_elemwise.h"

namespace mixnet::op::quantized_elemwise {
namespace {

DType result(const Params& p) { return p.enable_float_output ? DType::f32 : p.known() ? DType::i8 : DType::i32; }
float reach_of(const RunContext& r, size_t i) { return q::reach(r.in[i].as<float>()[0], r.in[i + 1].as<float>()[0]); }
float step_of(const RunContext& r, size_t input) { return reach_of(r, 2 + 2 * input) / q::levels(r.in[input].dtype); }

// y = f(l, r) for all elements, of whatever dtypes.
template <class Q, class F>
void map(const RunContext& r, F f) {
  q::dispatch_bytes(r.in[0].dtype, [&](auto left) {
    q::dispatch_bytes(r.in[1].dtype, [&](auto right) {
      const auto* a = r.in[0].as<typename decltype(left)::type>();
      const auto* b = r.in[1].as<typename decltype(right)::type>();
      Q* y = r.out[0].as<Q>();
      parallel_for(r.in[0].size(), 16384, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) y[i] = f(a[i], b[i]);
      });
    });
  });
}

void add(const Params& p, const RunContext& r) {
  const float left = step_of(r, 0), right = step_of(r, 1);
  if (p.known()) {
    const float low = static_cast<float>(*p.low), high = static_cast<float>(*p.high);
    const float per_step = q::per_step(low, high, DType::i8);
    map<int8_t>(r, [=](int a, int b) {
      return q::saturate<int8_t>((static_cast<float>(a) * left + static_cast<float>(b) * right) * per_step);
    });
    return q::set_range(r, low, high);
  }
  const float all = reach_of(r, 2) + reach_of(r, 4);
  const double per_step = all > 0 ? 2147483647. / static_cast<double>(all) : 0;
  const double l = static_cast<double>(left) * per_step, s = static_cast<double>(right) * per_step;
  map<int32_t>(r, [=](int a, int b) {
    return static_cast<int32_t>(std::nearbyint(std::clamp(a * l + b * s, -2147483648., 2147483647.)));
  });
  q::set_range(r, -all, all);
}

void multiply(const Params& p, const RunContext& r) {
  const float step = step_of(r, 0) * step_of(r, 1);
  if (p.enable_float_output) return map<float>(r, [=](int a, int b) { return static_cast<float>(a * b) * step; });
  if (!p.known()) {
    map<int32_t>(r, [](int a, int b) { return a * b; });
    const float all = step * q::levels(DType::i32);
    return q::set_range(r, -all, all);
  }
  const float low = static_cast<float>(*p.low), high = static_cast<float>(*p.high);
  const float factor = step * q::per_step(low, high, DType::i8);
  map<int8_t>(r, [=](int a, int b) { return q::saturate<int8_t>(static_cast<float>(a * b) * factor); });
  q::set_range(r, low, high);
}

void infer(InferShape& c) {
  for (int k : {0, 1}) {
    c.set_in(1 - k, c.in[static_cast<size_t>(k)]);
    c.set_in(k, c.out[0]);
  }
  c.set_out(0, c.in[0]);
  for (int i = 2; i < 6; ++i) c.set_in(i, Shape{1});
  for (int i = 1; i < static_cast<int>(c.out.size()); ++i) c.set_out(i, Shape{1});
}
void infer_type(InferType& c) {
  for (int i : {0, 1}) q::expect_bytes(c, i);
  q::float_from(c, 2);
  c.set_out(0, result(c.params<Params>()));
  if (c.out.size() > 1) q::float_ranges(c);
}
void check(const Params& p) { q::check_calibrated(p); }

OpBuilder<Params>& describe(OpBuilder<Params>& op, void (*kernel)(const Params&, const RunContext&)) {
  for (const char* name : {"lhs", "rhs"}) op.input(name, "One shape, int8 or uint8 each.");
  for (const char* name : {"lhs_min", "lhs_max", "rhs_min", "rhs_max"}) op.input(name, "(1,).");
  return op.infer_shape(infer).infer_type(infer_type).kernel(kernel).optional_outputs().check(check);
}
std::vector<std::string> outputs(const Params& p) {
  return p.enable_float_output ? std::vector<std::string>{"output"}
                               : std::vector<std::string>{"output", "min_output", "max_output"};
}
int visible(const Params& p) { return p.enable_float_output ? 1 : 3; }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> sum(registry, "_contrib_quantized_elemwise_add"),
      product(registry, "_contrib_quantized_elemwise_mul");
  q::add_calibrated(sum);
  describe(sum, add).outputs({"output", "min_output", "max_output"});
  q::add_calibrated(product);
  product.param("enable_float_output", &Params::enable_float_output).doc("The product as float32, alone.");
  describe(product, multiply).output_names(outputs).visible_outputs(visible);
  //[full
  sum.doc("The sum of two quantised tensors: int32, or int8 when the range of the sum is given.");
  product.doc("The product of two quantised tensors: int32, int8 when its range is given, or float32.");
  for (OpBuilder<Params>* op : {&sum, &product}) {
    op->zero_gradient();
    op->sample({{2, 3}, {2, 3}, {1}, {1}, {1}, {1}}).range(0, 50);
    op->sample({{4}, {4}, {1}, {1}, {1}, {1}}, {{"min_calib_range", -1.0}, {"max_calib_range", 2.0}}).range(0, 50);
    op->sample({{1}, {1}, {1}, {1}, {1}, {1}}).range(-50, 50);
    op->sample({{0}, {0}, {1}, {1}, {1}, {1}});
  }
  product.sample({{3}, {3}, {1}, {1}, {1}, {1}}, {{"enable_float_output", true}}).range(-50, 50);
  //]
}

}  // namespace mixnet::op::quantized_elemwise
