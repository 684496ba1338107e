// _contrib_quantized_pooling: Pooling of 8-bit data, whose range stays. Averages are rounded to the nearest, ties to even.
//
// The portable kernel is Pooling's, on float copies: their sums are exact below 2^24.
#include "op/core/quantized.h"
#include "op/nn/pooling.h"

namespace mixnet::op::quantized_pooling {
namespace {

class WidenedPooling : public Kernel {
 public:
  explicit WidenedPooling(const PrepareContext& c) {
    TensorView in = c.inputs[0], out = c.outputs[0];
    in.dtype = out.dtype = DType::f32;
    PrepareContext own = c;
    own.inputs = {&in, 1};
    own.outputs = {&out, 1};
    own.layouts = {};
    kernel_ = registry().at("Pooling").portable(own);
    in_ = lines(in.bytes());
    out_ = lines(out.bytes());
  }
  size_t workspace() const override { return in_ + out_ + kernel_->workspace(); }
  void run(const RunContext& r) const override {
    char* space = static_cast<char*>(r.context.workspace);
    TensorView in = r.in[0], out = r.out[0];
    in.dtype = out.dtype = DType::f32;
    in.data = space;
    out.data = space + in_;
    KernelContext context = r.context;
    context.workspace = space + in_ + out_;
    quantized::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
      using Q = typename decltype(tag)::type;
      const Q* x = r.in[0].as<Q>();
      std::copy_n(x, in.size(), in.as<float>());
      kernel_->run({{&in, 1}, {&out, 1}, context});
      std::transform(out.as<float>(), out.as<float>() + out.size(), r.out[0].as<Q>(), quantized::saturate<Q>);
    });
    quantized::copy_range(r, 1, 2);
  }

 private:
  static size_t lines(int64_t bytes) { return static_cast<size_t>((bytes + 63) / 64 * 64); }
  std::unique_ptr<Kernel> kernel_;
  size_t in_ = 0, out_ = 0;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WidenedPooling>(c); }

void infer(InferShape& c) {
  for (int i : {1, 2}) {
    c.set_in(i, Shape{1});
    c.set_out(i, Shape{1});
  }
  registry().at("Pooling").infer_shape(c);
}
void infer_type(InferType& c) {
  c.set_in(0, c.out[0]);
  quantized::expect_bytes(c, 0);
  c.set_out(0, c.in[0]);
  quantized::float_from(c, 1);
  quantized::float_ranges(c);
}
void check(const PoolParams& p) {
  check_pool(p);
  MIXNET_CHECK(p.type == PoolType::max || p.type == PoolType::avg, unsupported, "pool_type: expected avg or max");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<PoolParams> op(registry, "_contrib_quantized_pooling");
  add_pool_params(op);
  op.check(check)
      .input("data", "(N, C, spatial axes...), int8 or uint8.")
      .input("min_data", "(1,).")
      .input("max_data", "(1,).")
      .outputs({"output", "min_output", "max_output"})
      .infer_shape(infer)
      .infer_type(infer_type)
      .prepare(prepare)
      .optional_outputs()
      .zero_gradient();
  //[full
  op.doc("Maximum or average of the windows of quantised data; the range stays. Parameters as Pooling.");
  const Attributes windows{{"kernel", Shape{3, 2}}, {"stride", Shape{2, 1}}, {"pad", Shape{1, 0}}};
  for (const char* type : {"max", "avg"}) {
    Attributes with = windows;
    with.emplace_back("pool_type", type);
    op.sample({{2, 3, 5, 4}, {1}, {1}}, with).range(-99, 99);
    op.sample({{2, 3, 5, 4}, {1}, {1}}, {{"global_pool", true}, {"pool_type", type}}).range(0, 99);
  }
  op.sample({{1, 4, 4, 3}, {1}, {1}}, {{"kernel", Shape{2, 2}}, {"layout", "NHWC"}}).range(0, 99);
  op.sample({{1, 1, 1, 1}, {1}, {1}}, {{"kernel", Shape{1, 1}}}).range(0, 99);
  op.sample({{0, 1, 2, 2}, {1}, {1}}, {{"kernel", Shape{1, 1}}});
  //]
}

}  // namespace mixnet::op::quantized_pooling
