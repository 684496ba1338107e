// _contrib_calibrate_entropy: the limit at which values are best cut off before they are quantised.
//
// Of all limits, the one with the smallest Kullback-Leibler divergence sum p log(p / q) between the histogram p with its tails moved
// into the outermost bins and q, the same histogram at the resolution of the quantised numbers (Migacz, "8-bit inference with TensorRT",
// GTC 2017). Every non-empty bin of q gets an equal share of its group; empty bins get a little of the others, so that the
// divergence is finite. Time: half the bins times the bins.
#include "op/quantization/calibrate_entropy.h"

#include <vector>

#include "op/core/quantized.h"

namespace mixnet::op::calibrate_entropy {
namespace {

// Gives `little` to every empty bin and takes it from the others; false where these have not that much.
bool smooth(std::vector<double>& p) {
  double sum = 0;
  int64_t empty = 0, full = 0;
  for (double v : p) {
    sum += v;
    ++(v == 0 ? empty : full);
  }
  const double each = taken(empty, full);
  if (each < 0) return false;
  for (double& v : p) v = v == 0 ? little : v - each;
  for (double v : p) {
    if (v < 0) return false;
  }
  for (double& v : p) v /= sum;
  return true;
}

// The histogram at `bins` groups, spread over the bins that are not empty in `shape`.
void coarsen(const float* cut, const std::vector<double>& shape, int64_t bins, std::vector<double>& q) {
  const int64_t n = static_cast<int64_t>(shape.size()), width = n / bins;
  q.assign(shape.size(), 0);
  for (int64_t g = 0; g < bins; ++g) {
    const int64_t first = g * width, last = g + 1 == bins ? n : first + width;
    double sum = 0;
    int64_t full = 0;
    for (int64_t i = first; i < last; ++i) {
      sum += static_cast<double>(cut[i]);
      full += shape[static_cast<size_t>(i)] != 0;
    }
    for (int64_t i = first; i < last; ++i) {
      if (shape[static_cast<size_t>(i)] != 0) q[static_cast<size_t>(i)] = sum / static_cast<double>(full);
    }
  }
}

// The divergence for the bins [first, last) of all; infinite where there is none.
double divergence(const float* counts, int64_t n, int64_t first, int64_t last, int64_t bins) {
  std::vector<double> p(counts + first, counts + last), q;
  for (int64_t i = 0; i < first; ++i) p.front() += static_cast<double>(counts[i]);
  for (int64_t i = last; i < n; ++i) p.back() += static_cast<double>(counts[i]);
  coarsen(counts + first, p, bins, q);
  if (!smooth(p) || !smooth(q)) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log(p[i] / q[i]);
  return sum;
}

void forward(const Params& p, const RunContext& r) {
  const float *counts = r.in[0].as<float>(), *edges = r.in[1].as<float>();
  const Limits limits{r.in[0].size(), p.num_quantized_bins};
  std::vector<double> found(static_cast<size_t>(limits.count()));
  parallel_for(static_cast<int64_t>(found.size()), 8, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i)
      found[static_cast<size_t>(i)] = divergence(counts, limits.n, limits.first(i), limits.last(i), limits.bins);
  });
  const auto best = std::min_element(found.begin(), found.end());
  const bool none = !std::isfinite(*best);
  r.out[0].as<float>()[0] = edges[none ? limits.n : limits.last(best - found.begin())];
  r.out[1].as<float>()[0] = none ? 0 : static_cast<float>(*best);
}

void infer(InferShape& c) {
  c.expect_ndim(0, 1, 1);
  c.expect_ndim(1, 1, 1);
  for (int i : {0, 1}) c.set_out(i, Shape{1});
  const Shape& counts = c.in[0];
  if (counts.known()) c.set_in(1, Shape{counts[0] + 1});
  if (counts.known() && (counts[0] < c.params<Params>().num_quantized_bins || counts[0] % 2 == 0))
    c.fail(Code::shape, concat("hist: expected an odd number of at least ", c.params<Params>().num_quantized_bins,
                               " bins, got ", counts[0]));
}
void infer_type(InferType& c) {
  quantized::float_from(c, 0);
  for (int i : {0, 1}) c.set_out(i, DType::f32);
}
void check(const Params& p) {
  MIXNET_CHECK(p.num_quantized_bins % 2 == 1, invalid, "num_quantized_bins: expected an odd number, got ",
               p.num_quantized_bins);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_contrib_calibrate_entropy");
  op.param("num_quantized_bins", &Params::num_quantized_bins)
      .range(1, 65535)
      .doc("Numbers that the quantised type has; odd.");
  op.check(check)
      .input("hist", "Counts, float32: an odd number of bins, the middle one around zero.")
      .input("hist_edges", "Limits of the bins, one more than those.")
      .outputs({"threshold", "divergence"})
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward)
      .no_empty("a histogram has at least one bin");
  //[full
  op.doc(
      "The limit that loses the least information when values are cut off there and quantised: it minimises the "
      "Kullback-Leibler divergence between the histogram and the quantised one. Both results are (1,).");
  op.zero_gradient();
  op.sample({{15}, {16}}, {{"num_quantized_bins", 7}}).range(1, 5);
  op.sample({{1}, {2}}, {{"num_quantized_bins", 1}}).range(1, 5);
  //]
}

}  // namespace mixnet::op::calibrate_entropy
