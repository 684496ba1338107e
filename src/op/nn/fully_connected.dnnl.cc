// FullyConnected as oneDNN's matrix products, which take the bias along and bfloat16 as it is. Backward on float32
// stays with gemm, which is as fast there.
#include "op/nn/fully_connected.h"

#include "op/core/dnnl_tail.h"

namespace mixnet::op::fully_connected {
namespace {

// Below, the call costs more than it saves; bfloat16 would be widened first.
constexpr int64_t least_products = 1 << 19, least_bf16_products = 1 << 18;

struct Sizes {
  int64_t rows, depth, hidden;
  DnnlType type;
  Sizes(const Params& p, const TensorView& x) : hidden(p.num_hidden), type(dnnl_type(x.dtype)) {
    const Matrix m(x.shape, p);
    rows = m.rows;
    depth = m.depth;
  }
  bool large() const {
    return dnnl_pays(rows * depth * hidden, type == DnnlType::bf16 ? least_bf16_products : least_products);
  }
  // Row-major, or read as its transpose.
  dnnl::memory::desc matrix(int64_t m, int64_t n, bool transposed = false) const {
    return {{m, n}, type, transposed ? DnnlDims{1, m} : DnnlDims{n, 1}};
  }
};

using Bindings = std::vector<DnnlKernel::Binding>;

// The matrix of input `a` times that of input `b`, plus the row of input 2 where there is a bias, into an output. `summand`: the input
// that the tail adds.
std::unique_ptr<Kernel> product(int a, const dnnl::memory::desc& left, int b, const dnnl::memory::desc& right,
                                const dnnl::memory::desc& bias, int out, const dnnl::memory::desc& result,
                                const dnnl::post_ops& tail = {}, int summand = 0) {
  const bool with_bias = bias.get_ndims() > 0;
  const dnnl::matmul::primitive_desc desc =
      with_bias ? dnnl::matmul::primitive_desc(dnnl_engine(), left, right, bias, result, dnnl_attributes(tail))
                : dnnl::matmul::primitive_desc(dnnl_engine(), left, right, result, dnnl_attributes(tail));
  if (dnnl_reference(desc)) return nullptr;
  Bindings bindings{{DNNL_ARG_SRC, a, false, left, left},
                    {DNNL_ARG_WEIGHTS, b, false, right, right},
                    {DNNL_ARG_DST, out, true, result, result}};
  if (with_bias) bindings.push_back({DNNL_ARG_BIAS, 2, false, bias, bias});
  if (summand) bindings.push_back({DNNL_ARG_DST, summand, false, result, result, dnnl::memory::desc(), true});
  return std::make_unique<DnnlKernel>(dnnl::matmul(desc), desc.scratchpad_desc(), std::move(bindings));
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (!dnnl_takes(c)) return nullptr;
  const Params& p = c.params<Params>();
  const Sizes s(p, c.inputs[0]);
  if (!s.large()) return nullptr;
  const DnnlTail tail = c.tail ? *make_dnnl_tail(*c.tail) : DnnlTail();
  const int summand = tail.summand > 0 ? (p.no_bias ? 1 : 2) + tail.summand : 0;
  try {
    return product(0, s.matrix(s.rows, s.depth), 1, s.matrix(s.depth, s.hidden, true),
                   p.no_bias ? dnnl::memory::desc() : s.matrix(1, s.hidden), 0, s.matrix(s.rows, s.hidden), tail.ops,
                   summand);
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

//[full
// dy to db, its sum over the rows: dy's first axis is reduced.
std::unique_ptr<Kernel> bias_gradient(const Sizes& s) {
  const auto from = s.matrix(s.rows, s.hidden), to = s.matrix(1, s.hidden);
  const dnnl::reduction::primitive_desc desc(dnnl_engine(), dnnl::algorithm::reduction_sum, from, to, 0, 0,
                                             dnnl_attributes());
  return std::make_unique<DnnlKernel>(dnnl::reduction(desc), desc.scratchpad_desc(),
                                      Bindings{{DNNL_ARG_SRC, 0, false, from, from}, {DNNL_ARG_DST, 2, true, to, to}});
}

// (dy, x, w) to (dx, dw, db).
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (!dnnl_takes(c) || c.inputs[0].dtype != DType::bf16) return nullptr;
  const Params& p = c.params<Params>();
  const Sizes s(p, c.inputs[1]);
  if (!s.large()) return nullptr;
  try {
    auto sequence = std::make_unique<SequenceKernel>();
    bool all = true;
    auto add = [&](std::unique_ptr<Kernel> kernel, std::vector<int> inputs, int output) {
      all = all && kernel;
      if (kernel) sequence->add(std::move(kernel), std::move(inputs), {output});
    };
    const dnnl::memory::desc none;
    if (c.wanted[0]) {
      add(product(0, s.matrix(s.rows, s.hidden), 2, s.matrix(s.hidden, s.depth), none, 0, s.matrix(s.rows, s.depth)),
          {0, 2}, 0);
    }
    if (c.wanted[1]) {
      add(product(0, s.matrix(s.hidden, s.rows, true), 1, s.matrix(s.rows, s.depth), none, 1,
                  s.matrix(s.hidden, s.depth)),
          {0, 1}, 1);
    }
    if (!p.no_bias && c.wanted[2]) add(bias_gradient(s), {0}, 2);
    return all ? std::move(sequence) : nullptr;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}
//]

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("FullyConnected").kernels.emplace_back(Provider::onednn, prepare);
  registry.existing("FullyConnected").tail_kernels.push_back({Provider::onednn, dnnl_takes_tail, prepare});
  //[full
  registry.existing("_backward_FullyConnected").kernels.emplace_back(Provider::onednn, prepare_backward);
  //]
}

}  // namespace mixnet::op::fully_connected
