// _histogram: how many elements fall into each bin, of equal widths or with edges given.
#include "op/index/histogram.h"

#include "op/core/builder.h"

namespace mixnet::op::histogram {
namespace {

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

void forward(const Params& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "_histogram", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::optional<Uniform> uniform = p.bin_cnt ? std::make_optional<Uniform>(p) : std::nullopt;
    T* edges = r.out[1].as<T>();
    if (uniform)
      for (int64_t i = 0; i < r.out[1].size(); ++i) edges[i] = uniform->edge<T>(i);
    else std::copy_n(r.in[1].as<T>(), r.out[1].size(), edges);
    int64_t* counts = r.out[0].as<int64_t>();
    const int64_t n = r.out[0].size();
    std::fill_n(counts, n, 0);
    const T* x = r.in[0].as<T>();
    for (int64_t i = 0; i < r.in[0].size(); ++i) {
      const int64_t bin = uniform ? uniform->bin(edges, x[i]) : given_bin(edges, n, x[i]);
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
