// The products of multi-head attention on interleaved projections (Vaswani et al., 2017): _contrib_interleaved_matmul_*.
//
// A projection is (length, batch, heads * parts * d): per head `parts` rows of d numbers, queries, keys and values for self-attention
// (parts 3) or keys and values for encoder-decoder attention (parts 2). Attention is (batch * heads, query length, key length).
#include "op/contrib/interleaved_matmul.h"

#include <cmath>

#include "op/core/gemm.h"
#include "op/core/wide.h"

namespace mixnet::op::interleaved_matmul {
namespace {

// scores = q k^T / sqrt(d), for all heads. With `grad`, its gradient: dq = ds k / sqrt(d), dk = ds^T q / sqrt(d).
template <class T>
void scores(const Part<T>& q, const Part<T>& k, T* out) {
  const T scale = 1 / std::sqrt(static_cast<T>(q.d));
  for (int64_t i = 0; i < q.batch * q.heads; ++i) {
    gemm<T>(false, true, q.length, k.length, q.d, scale, q.matrix(i), q.pitch(), k.matrix(i), k.pitch(), T(0),
            out + i * q.length * k.length, k.length);
  }
}
// out = attention v.
template <class T>
void weighted(const T* attention, const Part<T>& v, const Part<T>& out) {
  for (int64_t i = 0; i < v.batch * v.heads; ++i) {
    gemm<T>(false, false, out.length, v.d, v.length, T(1), attention + i * out.length * v.length, v.length, v.matrix(i),
            v.pitch(), T(0), out.matrix(i), out.pitch());
  }
}

template <bool Self>
void forward_qk(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_qk", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (r.out[0].size() == 0) return;
    const Part<T> q(r.in[0], p.heads, Self ? 3 : 1, 0), k(r.in[Self ? 0 : 1], p.heads, Self ? 3 : 2, Self ? 1 : 0);
    scores(q, k, r.out[0].as<T>());
  });
}
template <bool Self>
void forward_values(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_valatt", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (r.out[0].size() == 0) return;
    const Part<T> v(r.in[0], p.heads, Self ? 3 : 2, Self ? 2 : 1), out(r.out[0], p.heads, 1, 0);
    weighted(r.in[1].as<T>(), v, out);
  });
}
template <void (*Body)(const Params&, const RunContext&)>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, Body, 0);
}

// Numbers per part of a projection; fails when the width is no multiple of heads and parts.
int64_t width_of(const InferShape& c, int input, int64_t parts) {
  const Shape& s = c.in[static_cast<size_t>(input)];
  const int64_t unit = c.params<Params>().heads * parts;
  if (s[2] % unit != 0 || s[2] == 0)
    c.fail(Code::shape, concat(c.input_name(input), ": expected a width that is a multiple of ", unit, ", got ", s));
  return s[2] / parts;
}
template <bool Self>
void infer_qk(InferShape& c) {
  for (int i = 0; i < c.num_inputs(); ++i) {
    c.expect_ndim(i, 3, 3);
    if (!c.in[static_cast<size_t>(i)].known()) return;
  }
  const Shape &q = c.in[0], &k = c.in[Self ? 0 : 1];
  const int64_t width = width_of(c, 0, Self ? 3 : 1);
  if (!Self && (width_of(c, 1, 2) != width || k[1] != q[1]))
    c.fail(Code::shape, concat("keys_values: expected (length, ", q[1], ", ", 2 * width, "), got ", k));
  c.set_out(0, Shape{q[1] * c.params<Params>().heads, q[0], k[0]});
}
template <bool Self>
void infer_values(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.expect_ndim(1, 3, 3);
  if (!c.in[0].known()) return;
  const Shape& v = c.in[0];
  const int64_t width = width_of(c, 0, Self ? 3 : 2);
  c.set_in(1, Shape{v[1] * c.params<Params>().heads, -1, v[0]});
  c.set_out(0, Shape{c.in[1][1], v[1], width});
}

//[full
// (dy, projections) to the gradients of the projections; the values' part of keys_values gets zero.
template <bool Self>
void backward_qk(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_qk", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const TensorView& dx : r.out) std::fill_n(dx.as<T>(), dx.size(), T(0));
    if (r.in[0].size() == 0) return;
    const size_t second = Self ? 0 : 1;
    const Part<T> q(r.in[1], p.heads, Self ? 3 : 1, 0), k(r.in[1 + second], p.heads, Self ? 3 : 2, Self ? 1 : 0);
    const Part<T> dq(r.out[0], p.heads, q.parts, 0), dk(r.out[second], p.heads, k.parts, k.index);
    const T scale = 1 / std::sqrt(static_cast<T>(q.d));
    for (int64_t i = 0; i < q.batch * q.heads; ++i) {
      const T* ds = r.in[0].as<T>() + i * q.length * k.length;
      gemm<T>(false, false, q.length, q.d, k.length, scale, ds, k.length, k.matrix(i), k.pitch(), T(0), dq.matrix(i),
              dq.pitch());
      gemm<T>(true, false, k.length, k.d, q.length, scale, ds, k.length, q.matrix(i), q.pitch(), T(0), dk.matrix(i),
              dk.pitch());
    }
  });
}
// (dy, projections, attention) to the gradients of both.
template <bool Self>
void backward_values(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_valatt", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const TensorView& dx : r.out) std::fill_n(dx.as<T>(), dx.size(), T(0));
    if (r.in[0].size() == 0) return;
    const int64_t parts = Self ? 3 : 2;
    const Part<T> v(r.in[1], p.heads, parts, parts - 1), dv(r.out[0], p.heads, parts, parts - 1),
        dy(r.in[0], p.heads, 1, 0);
    for (int64_t i = 0; i < v.batch * v.heads; ++i) {
      const int64_t at = i * dy.length * v.length;
      gemm<T>(true, false, v.length, v.d, dy.length, T(1), r.in[2].as<T>() + at, v.length, dy.matrix(i), dy.pitch(),
              T(0), dv.matrix(i), dv.pitch());
      gemm<T>(false, true, dy.length, v.length, v.d, T(1), dy.matrix(i), dy.pitch(), v.matrix(i), v.pitch(), T(0),
              r.out[1].as<T>() + at, v.length);
    }
  });
}
void infer_backward(InferShape& c) {
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), c.in[i + 1]);
}
template <int N>
void gradient(GradientContext& g) {
  static const char* const names[] = {
      "_backward_contrib_interleaved_matmul_selfatt_qk", "_backward_contrib_interleaved_matmul_encdec_qk",
      "_backward_contrib_interleaved_matmul_selfatt_valatt", "_backward_contrib_interleaved_matmul_encdec_valatt"};
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward(names[N], std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i) g.set(i, grads[static_cast<size_t>(i)]);
}
//]

struct Row {
  const char* name;
  std::vector<std::string> inputs;
  const char* doc;
  void (*infer)(InferShape&);
  PrepareFn forward;
  //[full
  PrepareFn backward;
  void (*gradient)(GradientContext&);
  std::vector<Shape> shapes[3];  // samples with 2, 1 and 1 heads
  //]
};

}  // namespace

void register_ops(Registry& registry) {
  const Row rows[] = {
      {
          "selfatt_qk",
          {"queries_keys_values"},
          "Scaled products of queries and keys for self-attention, (batch * heads, length, length).",
          infer_qk<true>,
          prepare<forward_qk<true>>,
          //[full
          prepare<backward_qk<true>>,
          gradient<0>,
          {{{3, 2, 12}}, {{1, 1, 3}}, {{0, 2, 3}}}
          //]
      },
      {
          "encdec_qk",
          {"queries", "keys_values"},
          "Scaled products of queries and keys for encoder-decoder attention, (batch * heads, query length, key "
          "length).",
          infer_qk<false>,
          prepare<forward_qk<false>>,
          //[full
          prepare<backward_qk<false>>,
          gradient<1>,
          {{{3, 2, 4}, {2, 2, 8}}, {{1, 1, 1}, {1, 1, 2}}, {{0, 1, 1}, {2, 1, 2}}}
          //]
      },
      {
          "selfatt_valatt",
          {"queries_keys_values", "attention"},
          "Values weighted by attention for self-attention, (length, batch, heads * d).",
          infer_values<true>,
          prepare<forward_values<true>>,
          //[full
          prepare<backward_values<true>>,
          gradient<2>,
          {{{3, 2, 12}, {4, 3, 3}}, {{1, 1, 3}, {1, 1, 1}}, {{0, 2, 3}, {2, 0, 0}}}
          //]
      },
      {
          "encdec_valatt",
          {"keys_values", "attention"},
          "Values weighted by attention for encoder-decoder attention, (query length, batch, heads * d).",
          infer_values<false>,
          prepare<forward_values<false>>,
          //[full
          prepare<backward_values<false>>,
          gradient<3>,
          {{{2, 2, 8}, {4, 3, 2}}, {{1, 1, 2}, {1, 1, 1}}, {{2, 1, 2}, {1, 0, 2}}}
          //]
      },
  };
  for (const Row& row : rows) {
    OpBuilder<Params> op(registry, std::string("_contrib_interleaved_matmul_") + row.name);
    op.param("heads", &Params::heads).required().range(1).doc("Number of attention heads.");
    for (const std::string& name : row.inputs)
      op.input(name, name == "attention" ? "(batch * heads, query length, key length), float."
                                         : "(length, batch, width), float.");
    op.infer_shape(row.infer).prepare(row.forward);
    //[full
    op.doc(row.doc).gradient(row.gradient);
    for (int k = 0; k < 3; ++k) op.sample(row.shapes[k], {{"heads", k == 0 ? 2 : 1}});
    OpBuilder<Params> grad(registry, std::string("_backward_contrib_interleaved_matmul_") + row.name);
    grad.param("heads", &Params::heads).required();
    grad.hidden().input("output_grad").outputs(row.inputs).infer_shape(infer_backward).prepare(row.backward);
    for (const std::string& name : row.inputs) grad.input(name);
    grad.no_gradient("compose it from batch_dot for higher orders");
    //]
  }
}

}  // namespace mixnet::op::interleaved_matmul
