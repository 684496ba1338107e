// _contrib_quantized_fully_connected: 8-bit data and weights, int32 sums, exact. _int8_fully_connected: the same and what follows it, as
// one (op/core/int8_finish.h).
#include "op/nn/quantized_fully_connected.h"

#include "op/core/int8_layer.h"
#include "op/core/int8_product.h"

namespace mixnet::op::quantized_fully_connected {
namespace {

// Rows are taken some at a time, and as many outputs: their sums stay in a thread's own buffer.
constexpr int64_t row_block = 16, output_block = 32;

template <class P>
class ProductKernel : public Kernel {
 public:
  explicit ProductKernel(const PrepareContext& c) : params_(c.params<P>()), x_(c.inputs[0].shape, params_) {
    check_int8_depth(x_.depth);
  }
  size_t workspace() const override {
    return static_cast<size_t>((x_.rows + params_.num_hidden) * x_.depth) * sizeof(int16_t);
  }

 protected:
  template <class Store>
  void multiply(const RunContext& r, Store store) const {
    const int64_t hidden = params_.num_hidden, depth = x_.depth, rows = x_.rows;
    int16_t* x = static_cast<int16_t*>(r.context.workspace);
    int16_t* w = x + rows * depth;
    quantized::dispatch_bytes(
        r.in[0].dtype, [&](auto tag) { widen_to_int16(r.in[0].as<typename decltype(tag)::type>(), rows * depth, x); });
    const int8_t* weight = r.in[1].as<int8_t>();
    const int64_t blocks = (hidden + output_block - 1) / output_block;
    parallel_for(blocks, std::max<int64_t>(1, 65536 / std::max<int64_t>(1, rows * depth * output_block)),
                 [&](int64_t first, int64_t last) {
                   int32_t sums[output_block * row_block];
                   for (int64_t block = first; block < last; ++block) {
                     const int64_t begin = block * output_block, n = std::min(output_block, hidden - begin);
                     widen_to_int16(weight + begin * depth, n * depth, w + begin * depth);
                     for (int64_t row = 0; row < rows; row += row_block) {
                       const int64_t m = std::min(row_block, rows - row);
                       int8_product(n, m, depth, w + begin * depth, x + row * depth, sums, row_block);
                       for (int64_t j = 0; j < n; ++j)
                         store(begin + j, row * hidden + begin + j, m, hidden, sums + j * row_block);
                     }
                   }
                 });
  }
  const P params_;
  const Matrix x_;
};

class SumsKernel : public ProductKernel<Params> {
 public:
  using ProductKernel::ProductKernel;
  void run(const RunContext& r) const override {
    const Int8Layer layer(params_.no_bias);
    const Int8Steps steps = layer.steps(r);
    int32_t* out = r.out[0].as<int32_t>();
    multiply(r, [&](int64_t channel, int64_t at, int64_t n, int64_t step, const int32_t* sums) {
      const int32_t bias = steps.bias(channel);
      for (int64_t i = 0; i < n; ++i) out[at + i * step] = Int8Steps::add(sums[i], bias);
    });
    layer.set_ranges(r);
  }
};
class JoinedKernel : public ProductKernel<JoinedParams> {
 public:
  using ProductKernel::ProductKernel;
  void run(const RunContext& r) const override { multiply(r, Int8Store(params_, r)); }
};

template <class K>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<K>(c);
}

std::vector<std::string> sums_inputs(const Params& p) { return Int8Layer::names(p.no_bias); }
void infer_sums(InferShape& c) {
  registry().at("FullyConnected").infer_shape(c);
  Int8Layer(c.params<Params>().no_bias).infer(c, c.params<Params>().num_hidden);
}
void infer_sums_type(InferType& c) { Int8Layer(c.params<Params>().no_bias).infer_type(c); }
// The full layer's rule sees its own inputs and parameters.
void infer_joined(InferShape& c) {
  const auto& p = c.params<JoinedParams>();
  InferShape own(registry().at("FullyConnected"), static_cast<const Params*>(&p), c.place());
  own.in = {c.in[0], c.in[1]};
  if (!p.no_bias) own.in.push_back(c.in[3]);
  own.out = {c.out[0]};
  registry().at("FullyConnected").infer_shape(own);
  c.set_in(0, own.in[0]);
  c.set_in(1, own.in[1]);
  c.set_in(2, Shape{p.num_hidden});
  if (!p.no_bias) c.set_in(3, own.in[2]);
  c.set_out(0, own.out[0]);
  if (p.sum_step > 0) c.set_in(static_cast<int>(int8_summand(p)), c.out[0]);
}

template <class P>
void add_params(OpBuilder<P>& op) {
  op.param("num_hidden", &P::num_hidden).required().range(1).doc("Number of outputs per row.");
  op.param("no_bias", &P::no_bias).doc("Leaves the bias out.");
  op.param("flatten", &P::flatten)
      .doc("Merges all axes of data but the first; otherwise only the last axis is transformed.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_quantized_fully_connected");
  add_params(op);
  Int8Layer::describe(op);
  op.input_names(sums_inputs).infer_shape(infer_sums).infer_type(infer_sums_type).prepare(prepare<SumsKernel>);

  OpBuilder<JoinedParams> joined(registry, "_int8_fully_connected");
  add_params(joined);
  add_int8_finish(joined);
  for (const char* name : {"data", "weight", "scale", "bias", "summand"}) joined.input(name);
  joined.hidden().input_names(int8_inputs<JoinedParams>).infer_shape(infer_joined).prepare(prepare<JoinedKernel>);
  joined.infer_type(infer_int8_type<JoinedParams>).zero_gradient();
  //[full
  op.doc(
      "A full layer on quantised data and weights: exact sums as int32, with the range they stand for. Parameters as "
      "FullyConnected.");
  op.sample({{2, 3, 2}, {5, 6}, {5}, {1}, {1}, {1}, {1}, {1}, {1}}, {{"num_hidden", 5}}).range(1, 99);
  op.sample({{3, 4}, {2, 4}, {2}, {1}, {1}, {2}, {2}, {1}, {1}}, {{"num_hidden", 2}}).range(1, 99);
  op.sample({{2, 3, 4}, {2, 4}, {1}, {1}, {1}, {1}}, {{"num_hidden", 2}, {"no_bias", true}, {"flatten", false}})
      .range(-99, 99);
  op.sample({{1, 1}, {1, 1}, {1}, {1}, {1}, {1}}, {{"num_hidden", 1}, {"no_bias", true}}).range(-99, 99);
  op.sample({{0, 2}, {2, 2}, {1}, {1}, {1}, {1}}, {{"num_hidden", 2}, {"no_bias", true}});
  //]
}

}  // namespace mixnet::op::quantized_fully_connected
