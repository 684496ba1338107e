// _interleaved_attention: what _contrib_interleaved_matmul_*_qk, softmax and *_valatt are together, on the same projections (interleaved_matmul.cc).
//
// The pass pass/attention makes it, on GPUs, where nothing is copied nor the matrix of scores written; here it is plain, a matrix at a time.
#include "op/contrib/interleaved_attention.h"

#include <limits>

#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::interleaved_attention {
namespace {

// Adds the mask's rows of one matrix; extents of 1 are repeated.
template <class T>
void add_mask(const TensorView& mask, int64_t batch, int64_t head, int64_t queries, int64_t keys, T* scores) {
  const Shape& s = mask.shape;
  const T* data = mask.as<T>() + ((s[0] == 1 ? 0 : batch) * s[1] + (s[1] == 1 ? 0 : head)) * s[2] * s[3];
  for (int64_t i = 0; i < queries; ++i) {
    for (int64_t j = 0; j < keys; ++j) scores[i * keys + j] += data[(s[2] == 1 ? 0 : i * s[3]) + (s[3] == 1 ? 0 : j)];
  }
}

// A row in which all is hidden becomes 0.
template <class T>
void softmax_row(T* row, int64_t n) {
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  T top = lowest, sum = 0;
  for (int64_t j = 0; j < n; ++j) top = std::max(top, row[j]);
  for (int64_t j = 0; j < n; ++j) {
    row[j] = std::exp(row[j] - (top == lowest ? T(0) : top));
    sum += row[j];
  }
  for (int64_t j = 0; j < n; ++j) row[j] = sum == T(0) ? T(0) : row[j] / sum;
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_attention", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (r.out[0].size() == 0) return;
    const Operands<T> in(p, r.in);
    const Part<T> out(r.out[0], p.heads, 1, 0);
    const int64_t queries = in.q.length, keys = in.k.length;
    T* const scores = static_cast<T*>(r.context.workspace);
    for (int64_t i = 0; i < in.q.batch * p.heads; ++i) {
      gemm<T>(false, true, queries, keys, in.q.d, static_cast<T>(scale_of(p, in.q.d)), in.q.matrix(i), in.q.pitch(),
              in.k.matrix(i), in.k.pitch(), T(0), scores, keys);
      if (p.use_mask) add_mask(r.in[p.projections()], i / p.heads, i % p.heads, queries, keys, scores);
      for (int64_t row = 0; row < queries; ++row) softmax_row(scores + row * keys, keys);
      gemm<T>(false, false, queries, in.v.d, keys, T(1), scores, keys, in.v.matrix(i), in.v.pitch(), T(0),
              out.matrix(i), out.pitch());
    }
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Params& p = c.params<Params>();
  const int64_t item = c.inputs[0].dtype == DType::f64 ? 8 : 4;
  const int64_t scores = c.inputs[0].shape[0] * c.inputs[p.projections() - 1].shape[0];
  return std::make_unique<WideKernel<Params>>(c, forward, static_cast<size_t>(scores * item));
}

std::vector<std::string> input_names(const Params& p) {
  std::vector<std::string> names{"queries_keys_values"};
  if (p.separate) names = {"queries", "keys_values"};
  if (p.use_mask) names.push_back("mask");
  return names;
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const int projections = static_cast<int>(p.projections());
  for (int i = 0; i < projections; ++i) c.expect_ndim(i, 3, 3);
  if (p.use_mask) c.expect_ndim(projections, 4, 4);
  for (const Shape& s : c.in) {
    if (!s.known()) return;
  }
  const Shape &q = c.in[0], &k = c.in[p.projections() - 1];
  const int64_t parts = p.separate ? 1 : 3, unit = p.heads * parts;
  if (q[2] % unit != 0 || q[2] == 0)
    c.fail(Code::shape, concat(c.input_name(0), ": expected a width that is a multiple of ", unit, ", got ", q));
  const int64_t width = q[2] / parts;
  if (p.separate && (k[1] != q[1] || k[2] != 2 * width))
    c.fail(Code::shape, concat("keys_values: expected (length, ", q[1], ", ", 2 * width, "), got ", k));
  c.set_out(0, Shape{q[0], q[1], width});
  if (!p.use_mask) return;
  const Shape whole{q[1], p.heads, q[0], k[0]}, &mask = c.in[p.projections()];
  for (int i = 0; i < 4; ++i) {
    if (mask[i] != 1 && mask[i] != whole[i])
      c.fail(Code::shape, concat("mask: expected ", whole, " or 1 along an axis, got ", mask));
  }
}

// A mask may be float32 beside 16-bit projections.
void infer_type(InferType& c) {
  const int projections = static_cast<int>(c.params<Params>().projections());
  DType common = c.out[0];
  for (int i = 0; i < projections; ++i) common = common == DType::unknown ? c.in[static_cast<size_t>(i)] : common;
  for (int i = 0; i < projections; ++i) c.set_in(i, common);
  c.set_out(0, common);
  if (common == DType::unknown) return;
  c.expect_float(0);
  const bool half = common == DType::f16 || common == DType::bf16;
  if (c.num_inputs() > projections && !(half && c.in.back() == DType::f32)) c.set_in(projections, common);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_interleaved_attention");
  op.param("heads", &Params::heads).required().range(1);
  op.param("separate", &Params::separate);
  op.param("use_mask", &Params::use_mask);
  op.param("scale", &Params::scale);
  for (const char* name : {"queries_keys_values", "keys_values", "mask"}) op.input(name);
  op.hidden().input_names(input_names).infer_shape(infer).infer_type(infer_type).prepare(prepare);
  //[full
  op.no_gradient("made by a pass, of operators that have one");
  op.sample({{3, 2, 12}}, {{"heads", 2}});
  op.sample({{3, 2, 4}, {2, 2, 8}}, {{"heads", 2}, {"separate", true}, {"scale", 0.7}});
  op.sample({{3, 2, 12}, {2, 1, 1, 3}}, {{"heads", 2}, {"use_mask", true}});
  op.sample({{3, 2, 4}, {2, 2, 8}, {1, 2, 3, 2}}, {{"heads", 2}, {"separate", true}, {"use_mask", true}});
  op.sample({{0, 2, 3}}, {{"heads", 1}});
  //]
}

}  // namespace mixnet::op::interleaved_attention
