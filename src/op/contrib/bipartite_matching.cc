// _contrib_bipartite_matching: pairs rows and columns of scores, the best pair first, each row and column at most once.
#include "op/contrib/bipartite_matching.h"

namespace mixnet::op::bipartite_matching {
namespace {

template <class T>
void match(const Pairs<T>& pairs, int64_t rows, int64_t columns, int64_t* order, T* row, T* column) {
  std::fill_n(row, rows, T(-1));
  std::fill_n(column, columns, T(-1));
  int64_t n = 0, matched = 0;
  for (int64_t i = 0; i < rows * columns; ++i)
    if (pairs.good(i)) order[n++] = i;
  std::sort(order, order + n,
            [&](int64_t i, int64_t j) { return scores_before(pairs.score(i), i, pairs.score(j), j); });
  for (int64_t k = 0; k < n && matched < pairs.most; ++k) {
    const int64_t i = order[k] / columns, j = order[k] % columns;
    if (row[i] >= 0 || column[j] >= 0) continue;
    row[i] = static_cast<T>(j);
    column[j] = static_cast<T>(i);
    ++matched;
  }
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "bipartite_matching", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t rows = s[s.ndim() - 2], columns = s.back(), each = rows * columns;
    parallel_for(s.size(0, s.ndim() - 2), 1, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) {
        match(Pairs<T>(p, r.in[0].as<T>() + b * each), rows, columns,
              static_cast<int64_t*>(r.context.workspace) + b * each, r.out[0].as<T>() + b * rows,
              r.out[1].as<T>() + b * columns);
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward, static_cast<size_t>(c.inputs[0].size()) * 8);
}

void infer(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  const Shape& s = c.in[0];
  if (!s.ndim_known()) return;
  Shape rows, columns;
  for (int i = 0; i < s.ndim() - 1; ++i) rows.push_back(s[i]);
  for (int i = 0; i < s.ndim(); ++i)
    if (i != s.ndim() - 2) columns.push_back(s[i]);
  c.set_out(0, rows);
  c.set_out(1, columns);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_bipartite_matching");
  op.param("is_ascend", &Params::is_ascend).doc("Small scores are better.");
  op.param("threshold", &Params::threshold).required().doc("Pairs with worse scores are not made.");
  op.param("topk", &Params::topk).doc("Above 0: stops after topk + 1 pairs, as MXNet does.");
  op.input("data", "(..., rows, columns), float: scores.").outputs({"output0", "output1"});
  op.infer_shape(infer).prepare(prepare).zero_gradient();
  //[full
  op.doc(
      "Greedy matching of rows and columns: the column of every row, (..., rows), and the row of every column, "
      "(..., columns); -1 where there is none.");
  op.sample({{2, 3, 4}}, {{"threshold", 0.1}});
  op.sample({{4, 3}}, {{"threshold", 0.1}, {"is_ascend", true}});
  op.sample({{4, 3}}, {{"threshold", 0.0}, {"topk", 1}});
  op.sample({{1, 1}}, {{"threshold", 0.0}});
  op.sample({{0, 2, 2}}, {{"threshold", 0.0}});
  //]
}

}  // namespace mixnet::op::bipartite_matching
