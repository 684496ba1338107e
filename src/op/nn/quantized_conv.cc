// _contrib_quantized_conv: 8-bit data and weights, int32 sums, exact. _int8_convolution: the same and what follows it, as one
// (op/core/int8_finish.h).
#include "op/nn/quantized_conv.h"

#include "op/core/int8_layer.h"

namespace mixnet::op::quantized_conv {
namespace {

template <class P>
class ConvKernel : public Kernel {
 public:
  explicit ConvKernel(const PrepareContext& c)
      : params_(c.params<P>()), conv_(params_, c.inputs[0].shape, c.outputs[0].shape) {}
  size_t workspace() const override { return conv_.workspace(); }

 protected:
  template <class Store>
  void convolve(const RunContext& r, Store store) const {
    if (r.out[0].size() == 0) return;
    quantized::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
      conv_.run(r.in[0].as<typename decltype(tag)::type>(), r.in[1].as<int8_t>(), r.context.workspace, store);
    });
  }
  const P params_;

 private:
  Int8Convolution conv_;
};

class SumsKernel : public ConvKernel<ConvParams> {
 public:
  using ConvKernel::ConvKernel;
  void run(const RunContext& r) const override {
    const Int8Layer layer(params_.no_bias);
    const Int8Steps steps = layer.steps(r);
    int32_t* out = r.out[0].as<int32_t>();
    convolve(r, [&](int64_t channel, int64_t at, int64_t n, int64_t, const int32_t* sums) {
      const int32_t bias = steps.bias(channel);
      for (int64_t i = 0; i < n; ++i) out[at + i] = Int8Steps::add(sums[i], bias);
    });
    layer.set_ranges(r);
  }
};

class JoinedKernel : public ConvKernel<JoinedParams> {
 public:
  using ConvKernel::ConvKernel;
  void run(const RunContext& r) const override { convolve(r, Int8Store(params_, r)); }
};

std::unique_ptr<Kernel> prepare_sums(const PrepareContext& c) {
  return prepare_in_layout<ConvParams>(
      c, [](const PrepareContext& first) -> std::unique_ptr<Kernel> { return std::make_unique<SumsKernel>(first); });
}
std::unique_ptr<Kernel> prepare_joined(const PrepareContext& c) {
  return prepare_in_layout<JoinedParams>(
      c, [](const PrepareContext& first) -> std::unique_ptr<Kernel> { return std::make_unique<JoinedKernel>(first); });
}

std::vector<std::string> sums_inputs(const ConvParams& p) { return Int8Layer::names(p.no_bias); }
void infer_sums(InferShape& c) {
  registry().at("Convolution").infer_shape(c);
  Int8Layer(c.params<ConvParams>().no_bias).infer(c, c.params<ConvParams>().num_filter);
}
void infer_sums_type(InferType& c) { Int8Layer(c.params<ConvParams>().no_bias).infer_type(c); }

// Convolution's rule sees its own inputs and parameters.
void infer_joined(InferShape& c) {
  const auto& p = c.params<JoinedParams>();
  InferShape own(registry().at("Convolution"), static_cast<const ConvParams*>(&p), c.place());
  own.in = {c.in[0], c.in[1]};
  if (!p.no_bias) own.in.push_back(c.in[3]);
  own.out = {c.out[0]};
  registry().at("Convolution").infer_shape(own);
  c.set_in(0, own.in[0]);
  c.set_in(1, own.in[1]);
  c.set_in(2, Shape{p.num_filter});
  if (!p.no_bias) c.set_in(3, own.in[2]);
  c.set_out(0, own.out[0]);
  if (p.sum_step > 0) c.set_in(static_cast<int>(int8_summand(p)), c.out[0]);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<ConvParams> op(registry, "_contrib_quantized_conv");
  add_conv_params(op, false);
  Int8Layer::describe(op);
  op.input_names(sums_inputs).infer_shape(infer_sums).infer_type(infer_sums_type).prepare(prepare_sums);

  OpBuilder<JoinedParams> joined(registry, "_int8_convolution");
  add_conv_params(joined, false);
  add_int8_finish(joined);
  for (const char* name : {"data", "weight", "scale", "bias", "summand"}) joined.input(name);
  joined.hidden().input_names(int8_inputs<JoinedParams>).infer_shape(infer_joined).prepare(prepare_joined);
  // The summand of a layer with bias: every element is read before it is written.
  joined.infer_type(infer_int8_type<JoinedParams>).zero_gradient().inplace(4, 0);
  //[full
  op.doc(
      "Convolution of quantised data with quantised weights: exact sums as int32, with the range they stand for. "
      "Parameters as "
      "Convolution.");
  const Attributes small{{"kernel", Shape{3, 2}}, {"num_filter", 4}, {"pad", Shape{1, 0}}};
  op.sample({{2, 3, 5, 4}, {4, 3, 3, 2}, {4}, {1}, {1}, {1}, {1}, {1}, {1}}, small).range(1, 99);
  op.sample({{2, 3, 5, 4}, {4, 3, 3, 2}, {4}, {1}, {1}, {4}, {4}, {1}, {1}}, small).range(1, 99);
  op.sample({{1, 4, 6, 5}, {4, 2, 2, 3}, {1}, {1}, {1}, {1}},
            {{"kernel", Shape{2, 3}}, {"num_filter", 4}, {"num_group", 2}, {"stride", Shape{2, 1}}, {"no_bias", true}})
      .range(-99, 99);
  op.sample({{2, 5, 4, 4}, {4, 3, 2, 4}, {1}, {1}, {1}, {1}},
            {{"kernel", Shape{3, 2}}, {"num_filter", 4}, {"no_bias", true}, {"layout", "NHWC"}})
      .range(-99, 99);
  op.sample({{1, 1, 1, 1}, {1, 1, 1, 1}, {1}, {1}, {1}, {1}},
            {{"kernel", Shape{1, 1}}, {"num_filter", 1}, {"no_bias", true}})
      .range(-99, 99);
  op.sample({{0, 2, 3, 3}, {2, 2, 2, 2}, {1}, {1}, {1}, {1}},
            {{"kernel", Shape{2, 2}}, {"num_filter", 2}, {"no_bias", true}});
  //]
}

}  // namespace mixnet::op::quantized_conv
