// Questions to csr matrices: how many elements are stored (_contrib_getnnz), and the values at positions (_contrib_edge_id).
#include "op/core/builder.h"

namespace mixnet::op::csr_elements {
namespace {

struct CountParams {
  std::optional<int64_t> axis;
};

// Of a dense tensor: elements other than zero.
void count_dense(const CountParams& p, const RunContext& r) {
  int64_t* out = r.out[0].as<int64_t>();
  std::fill_n(out, r.out[0].size(), int64_t{0});
  const int64_t columns = r.in[0].shape[1];
  dispatch_all(r.in[0].dtype, "_contrib_getnnz", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < r.in[0].size(); ++i)
      out[p.axis ? i / columns : 0] += static_cast<accumulator_t<T>>(r.in[0].as<T>()[i]) != 0;
  });
}
void infer_count(InferShape& c) {
  const auto axis = c.params<CountParams>().axis;
  c.expect_ndim(0, 2, 2);
  if (!axis) c.set_out(0, Shape{1});
  else if (c.in[0].ndim_known()) c.set_out(0, Shape{c.in[0][0]});
}
void infer_count_type(InferType& c) { c.set_out(0, DType::i64); }

// The value at (u, v), -1 where nothing is.
template <class T, class Find>
void edges(const RunContext& r, Find find) {
  const int64_t rows = r.in[0].shape[0], columns = r.in[0].shape[1];
  dispatch_all(r.in[1].dtype, "_contrib_edge_id", [&](auto tag) {
    using I = typename decltype(tag)::type;
    auto index = [&](size_t input, int64_t i, int64_t limit) {
      const double k = static_cast<double>(static_cast<accumulator_t<I>>(r.in[input].as<I>()[i]));
      MIXNET_CHECK(k >= 0 && k < static_cast<double>(limit), invalid, "[_contrib_edge_id] ", input == 1 ? "u" : "v",
                   ": expected values in [0, ", limit, "), got ", k);
      return static_cast<int64_t>(k);
    };
    for (int64_t i = 0; i < r.out[0].size(); ++i) r.out[0].as<T>()[i] = find(index(1, i, rows), index(2, i, columns));
  });
}
template <class T>
T nothing() {
  return static_cast<T>(static_cast<accumulator_t<T>>(-1));
}
void edges_of_dense(const NoParams&, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "_contrib_edge_id", [&](auto tag) {
    using T = typename decltype(tag)::type;
    edges<T>(r, [&](int64_t u, int64_t v) {
      const T x = r.in[0].as<T>()[u * r.in[0].shape[1] + v];
      return static_cast<accumulator_t<T>>(x) == 0 ? nothing<T>() : x;
    });
  });
}
void infer_edges(InferShape& c) {
  c.expect_ndim(0, 2, 2);
  for (int i = 1; i < 3; ++i) {
    c.expect_ndim(i, 1, 1);
    c.set_out(0, c.in[static_cast<size_t>(i)]);
  }
  for (int i = 1; i < 3; ++i) c.set_in(i, c.out[0]);
}
void infer_edges_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(1, c.in[2]);
  c.set_in(2, c.in[1]);
}

//[full
bool csr_first(InferStorage& c) {
  for (size_t i = 1; i < c.in.size(); ++i) c.in[i] = StorageKind::dense;
  c.out[0] = StorageKind::dense;
  return c.in[0] == StorageKind::csr;
}
void count_stored(const CountParams& p, const RunContext& r) {
  const SparseView& x = *r.in[0].sparse;
  if (!p.axis) *r.out[0].as<int64_t>() = x.count;
  for (int64_t i = 0; p.axis && i < r.in[0].shape[0]; ++i) r.out[0].as<int64_t>()[i] = x.indptr[i + 1] - x.indptr[i];
}
void edges_of_csr(const NoParams&, const RunContext& r) {
  const SparseView& x = *r.in[0].sparse;
  dispatch_all(r.in[0].dtype, "_contrib_edge_id", [&](auto tag) {
    using T = typename decltype(tag)::type;
    edges<T>(r, [&](int64_t u, int64_t v) {
      const int64_t *begin = x.indices + x.indptr[u], *end = x.indices + x.indptr[u + 1];
      const int64_t* at = std::find(begin, end, v);
      return at == end ? nothing<T>() : x.as<T>()[at - x.indices];
    });
  });
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<CountParams> count(registry, "_contrib_getnnz");
  count.no_gpu("GPUs hold dense arrays only");
  count.param("axis", &CountParams::axis).range(1, 1).doc("None counts all, 1 counts per row.");
  count.input("data", "(rows, columns), usually csr.").infer_shape(infer_count).infer_type(infer_count_type);
  count.kernel(count_dense).zero_gradient();
  OpBuilder<> edge(registry, "_contrib_edge_id");
  edge.no_gpu("GPUs hold dense arrays only");
  edge.input("data", "(rows, columns), usually csr.").input("u", "(n,): rows.").input("v", "(n,): columns.");
  edge.infer_shape(infer_edges).infer_type(infer_edges_type).kernel(edges_of_dense).zero_gradient();
  //[full
  count.doc("The number of elements that a csr matrix stores (of a dense one: that are not zero), as int64.");
  count.sparse(csr_first, count_stored);
  count.sample({{2, 3}});
  count.sample({{2, 3}}, {{"axis", 1}});
  count.sample({{1, 1}});
  count.sample({{0, 2}}, {{"axis", 1}});
  edge.doc("The values stored at (u, v) of the adjacency matrix of a graph, -1 where nothing is stored.");
  edge.sparse(csr_first, edges_of_csr);
  edge.sample({{3, 3}, {4}, {4}}).integers({1, 2}, 3);
  edge.sample({{1, 1}, {1}, {1}}).integers({1, 2}, 1);
  edge.sample({{2, 2}, {0}, {0}});
  //]
}

}  // namespace mixnet::op::csr_elements
