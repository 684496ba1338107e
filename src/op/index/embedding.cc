// Embedding: rows of a weight matrix by number.
#include "op/index/embedding.h"

#include "op/core/wide.h"
#include "op/index/rows.h"

namespace mixnet::op::embedding {
namespace {

void forward(const Params&, const RunContext& r) {
  gather_rows(Rows(r.in[1].shape, r.in[0], 0, IndexMode::clip), r.in[1], r.out[0]);
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.set_in(1, Shape{p.input_dim, p.output_dim});
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(p.output_dim);
  c.set_out(0, out);
}
// Row numbers may have any dtype; a float one is taken for the weight's when nothing else is known.
void infer_type(InferType& c) {
  c.set_in(1, c.out[0]);
  if (c.in[1] == DType::unknown && c.in[0] != DType::unknown && dtype_is_float(c.in[0])) c.set_in(1, c.in[0]);
  c.set_out(0, c.in[1]);
  if (c.in[0] == DType::unknown) c.in[0] = c.in[1];
}

//[full
void backward(const Params&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "Embedding", [&](auto tag) {
    using T = typename decltype(tag)::type;
    add_rows<T>(Rows(r.out[0].shape, r.in[1], 0, IndexMode::clip), static_cast<int64_t*>(r.context.workspace),
                r.in[0].as<T>(), r.out[0].as<T>());
  });
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, add_rows_workspace(c.inputs[1]));
}
// The rows that were looked up; row_sparse where sparse_grad says so or it is asked for.
bool choose(InferStorage& c) {
  if (c.params<Params>().sparse_grad) c.prefer_out(0, StorageKind::row_sparse);
  c.in.assign(c.in.size(), StorageKind::dense);
  return c.out[0] == StorageKind::row_sparse;
}
void sparse_backward(const Params&, const RunContext& r) {
  const int64_t count = r.in[1].size(), width = stored::width(r.out[0]);
  std::vector<int64_t> row(static_cast<size_t>(count)), order(row.size());
  Rows(r.out[0].shape, r.in[1], 0, IndexMode::clip).resolve(0, count, row.data());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  const auto row_of = [&](int64_t i) { return row[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return row_of(a) < row_of(b); });
  std::vector<int64_t> begin;  // of the lookups of one row, in `order`
  for (int64_t i = 0; i < count; ++i) {
    if (i == 0 || row_of(order[static_cast<size_t>(i)]) != row_of(order[static_cast<size_t>(i - 1)]))
      begin.push_back(i);
  }
  const int64_t rows = static_cast<int64_t>(begin.size());
  begin.push_back(count);
  const SparseView& to = r.context.memory->sparse(0, rows);
  dispatch_all(r.out[0].dtype, "Embedding", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)), [&](int64_t first, int64_t last) {
      std::vector<A> sum(static_cast<size_t>(width));
      for (int64_t k = first; k < last; ++k) {
        const int64_t from = begin[static_cast<size_t>(k)], end = begin[static_cast<size_t>(k + 1)];
        std::fill(sum.begin(), sum.end(), A(0));
        for (int64_t i = from; i < end; ++i) {
          const T* dy = r.in[0].as<T>() + order[static_cast<size_t>(i)] * width;
          for (int64_t c = 0; c < width; ++c) sum[static_cast<size_t>(c)] += static_cast<A>(dy[c]);
        }
        to.indices[k] = row_of(order[static_cast<size_t>(from)]);
        for (int64_t c = 0; c < width; ++c) to.as<T>()[k * width + c] = static_cast<T>(sum[static_cast<size_t>(c)]);
      }
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[2]); }
void gradient(GradientContext& g) {
  g.set(1, g.make_backward("_backward_Embedding", {g.output_grad(0), g.input(0), g.input(1)})[0]);
}
//]

void add_params(OpBuilder<Params>& op) {
  op.param("input_dim", &Params::input_dim).required().range(1).doc("Number of rows.");
  op.param("output_dim", &Params::output_dim).required().range(1).doc("Length of a row.");
  op.param("dtype", &Params::dtype).doc("Accepted for MXNet's files; rows have the dtype of weight.");
  op.param("sparse_grad", &Params::sparse_grad)
      .doc("Whether the gradient of weight is row_sparse, with the rows that were looked up.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "Embedding");
  op.alias("_contrib_SparseEmbedding");
  add_params(op);
  op.input("data", "Row numbers, any shape and dtype; clipped into range.").input("weight", "(input_dim, output_dim).");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.doc("Rows of weight by number. Output: the shape of data with output_dim added.").gradient(gradient);
  op.sample({{2, 3}, {5, 4}}, {{"input_dim", 5}, {"output_dim", 4}}).integers({0}, 5);
  op.sample({{1}, {1, 1}}, {{"input_dim", 1}, {"output_dim", 1}}).integers({0}, 1);
  op.sample({{0}, {2, 3}}, {{"input_dim", 2}, {"output_dim", 3}});

  OpBuilder<Params> grad(registry, "_backward_Embedding");
  add_params(grad);
  grad.hidden().input("output_grad").input("data").input("weight").shape_only({2}).infer_shape(infer_backward);
  grad.infer_type(infer_backward_type).prepare(prepare_backward).no_gradient("linear; use take for higher orders");
  grad.sparse(choose, sparse_backward);
  //]
}

}  // namespace mixnet::op::embedding
