// _histogram: how many elements fall into each bin, of equal widths or with edges given.
#include "op/core/builder.h"

namespace mixnet::op::histogram {
namespace {

struct Params {
  std::optional<int64_t> bin_cnt;
  std::optional<std::vector<double>> range;
};

void check(const Params& p) {
  if (!p.bin_cnt) return;
  MIXNET_CHECK(*p.bin_cnt >= 1, invalid, "bin_cnt: expected at least 1, got ", *p.bin_cnt);
  MIXNET_CHECK(p.range && p.range->size() == 2, invalid, "range: expected two numbers together with bin_cnt");
  MIXNET_CHECK((*p.range)[0] < (*p.range)[1], invalid, "range: expected the first below the second, got ",
               (*p.range)[0], " and ", (*p.range)[1]);
}
std::vector<std::string> input_names(const Params& p) {
  if (p.bin_cnt) return {"data"};
  return {"data", "bins"};
}

template <class T>
void set_edges(const Params& p, const RunContext& r) {
  T* edges = r.out[1].as<T>();
  if (!p.bin_cnt) {
    std::copy_n(r.in[1].as<T>(), r.out[1].size(), edges);
    return;
  }
  const double low = (*p.range)[0], width = (*p.range)[1] - low, n = static_cast<double>(*p.bin_cnt);
  for (int64_t i = 0; i < r.out[1].size(); ++i) {
    edges[i] = static_cast<T>(static_cast<accumulator_t<T>>(low + width * static_cast<double>(i) / n));
  }
}

// The bin of x, or -1. A bin holds its lower edge, the last one also its upper edge. The edges decide: as integers they
// lie elsewhere than the widths say.
template <class T>
int64_t uniform_bin(const Params& p, const T* edges, T value) {
  using A = accumulator_t<T>;
  const double low = (*p.range)[0], high = (*p.range)[1], x = static_cast<double>(static_cast<A>(value));
  if (!(x >= low && x <= high)) return -1;
  const int64_t n = *p.bin_cnt;
  int64_t bin = std::min(n - 1, static_cast<int64_t>((x - low) * static_cast<double>(n) / (high - low)));
  while (bin > 0 && static_cast<A>(value) < static_cast<A>(edges[bin])) --bin;
  while (bin < n - 1 && static_cast<A>(value) >= static_cast<A>(edges[bin + 1])) ++bin;
  return bin;
}
template <class T>
int64_t given_bin(const T* edges, int64_t n, T x) {
  using A = accumulator_t<T>;
  const A v = static_cast<A>(x);
  if (n < 1 || !(v >= static_cast<A>(edges[0]) && v <= static_cast<A>(edges[n]))) return -1;
  const T* above =
      std::upper_bound(edges, edges + n + 1, x, [](T a, T b) { return static_cast<A>(a) < static_cast<A>(b); });
  return std::clamp<int64_t>(above - edges - 1, 0, n - 1);
}

void forward(const Params& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "_histogram", [&](auto tag) {
    using T = typename decltype(tag)::type;
    set_edges<T>(p, r);
    int64_t* counts = r.out[0].as<int64_t>();
    const int64_t n = r.out[0].size();
    std::fill_n(counts, n, 0);
    const T *x = r.in[0].as<T>(), *edges = r.out[1].as<T>();
    for (int64_t i = 0; i < r.in[0].size(); ++i) {
      const int64_t bin = p.bin_cnt ? uniform_bin(p, edges, x[i]) : given_bin(edges, n, x[i]);
      if (bin >= 0) ++counts[bin];
    }
  });
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  int64_t n = -1;
  if (p.bin_cnt) {
    n = *p.bin_cnt;
  } else {
    c.expect_ndim(1, 1, 1);
    if (!c.in[1].known()) return;
    n = c.in[1][0] - 1;
    if (n < 1) c.fail(Code::shape, concat("bins: expected at least two edges, got ", c.in[1]));
  }
  c.set_out(0, Shape{n});
  c.set_out(1, Shape{n + 1});
}
void infer_type(InferType& c) {
  c.set_out(0, DType::i64);
  for (int i = 0; i < c.num_inputs(); ++i) c.set_out(1, c.in[static_cast<size_t>(i)]);
  for (int i = 0; i < c.num_inputs(); ++i) c.set_in(i, c.out[1]);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_histogram");
  op.param("bin_cnt", &Params::bin_cnt).doc("Number of bins of equal width; None takes their edges from bins.");
  op.param("range", &Params::range).doc("Lower and upper limit of the bins; needed with bin_cnt.");
  op.input("data", "Any shape and dtype.").input("bins", "(n + 1,), growing edges; only without bin_cnt.");
  op.input_names(input_names).outputs({"output0", "output1"}).check(check);
  op.infer_shape(infer).infer_type(infer_type).kernel(forward).zero_gradient();
  //[full
  op.doc(
      "Counts elements per bin: (n,) int64 and the edges (n + 1,). Bins hold their lower edge, the last one both; "
      "elements "
      "outside and NaN are not counted.");
  op.sample({{3, 4}}, {{"bin_cnt", 4}, {"range", std::vector<double>{-0.5, 1}}});
  op.sample({{7}, {3}});
  op.sample({{1}}, {{"bin_cnt", 1}, {"range", std::vector<double>{-1, 1}}});
  op.sample({{0}}, {{"bin_cnt", 2}, {"range", std::vector<double>{0, 1}}});
  //]
}

}  // namespace mixnet::op::histogram
