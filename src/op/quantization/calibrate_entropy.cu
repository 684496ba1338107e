// _contrib_calibrate_entropy on GPUs; see calibrate_entropy.cc. A group of threads finds the divergence of one limit, each member that of some
// groups of bins.
#include "op/quantization/calibrate_entropy.h"

#include <cmath>
#include <limits>

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/scratch.h"

namespace mixnet::op::calibrate_entropy {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

// The histogram cut off at limit i: p, with its tails moved into the outermost bins.
struct Cut {
  const float* counts;
  int64_t size;
  double below, above;  // the tails
  MIXNET_ON_DEVICE double operator[](int64_t j) const {
    return static_cast<double>(counts[j]) + (j == 0 ? below : 0) + (j == size - 1 ? above : 0);
  }
};
// Bins that become one quantised number: q has `share` in all of them that are not empty in p.
struct Together {
  int64_t first, last, full;
  double share;
  MIXNET_ON_DEVICE Together(const Cut& p, int64_t number, int64_t bins) : full(0), share(0) {
    const int64_t width = p.size / bins;
    first = number * width;
    last = number + 1 == bins ? p.size : first + width;
    for (int64_t j = first; j < last; ++j) {
      share += static_cast<double>(p.counts[j]);
      full += p[j] != 0 ? 1 : 0;
    }
    share = full > 0 ? share / static_cast<double>(full) : 0;
  }
};
// What smoothing does with a bin.
struct Smooth {
  double taken, sum;
  MIXNET_ON_DEVICE double operator()(double v) const { return (v == 0 ? little : v - taken) / sum; }
  MIXNET_ON_DEVICE bool fails(double v) const { return v != 0 && v - taken < 0; }
};

struct Divergence {
  Limits limits;
  const float* counts;
  double* found;

  template <class G> MIXNET_ON_DEVICE void operator()(int64_t i, G group) const {
    const int64_t first = limits.first(i), last = limits.last(i), bins = limits.bins;
    const Cut p{counts + first, last - first, sum_of(group, 0, first), sum_of(group, last, limits.n)};
    double p_sum = 0, q_sum = 0;
    int64_t p_full = 0, q_full = 0;
    for (int64_t g = group.rank(); g < bins; g += group.size()) {
      const Together t(p, g, bins);
      for (int64_t j = t.first; j < t.last; ++j) p_sum += p[j];
      q_sum += t.share * static_cast<double>(t.full);
      p_full += t.full;
      q_full += t.share != 0 ? t.full : 0;
    }
    p_full = group.reduce(p_full, gpu::Plus());
    q_full = group.reduce(q_full, gpu::Plus());
    const Smooth of_p{taken(p.size - p_full, p_full), group.reduce(p_sum, gpu::Plus())};
    const Smooth of_q{taken(p.size - q_full, q_full), group.reduce(q_sum, gpu::Plus())};
    double sum = 0;
    for (int64_t g = group.rank(); g < bins; g += group.size()) {
      const Together t(p, g, bins);
      for (int64_t j = t.first; j < t.last; ++j) {
        const double v = p[j], w = v != 0 ? t.share : 0;
        if (of_p.fails(v) || of_q.fails(w)) sum = infinite;
        else sum += of_p(v) * std::log(of_p(v) / of_q(w));
      }
    }
    sum = group.reduce(sum, gpu::Plus());
    if (group.rank() == 0) found[i] = of_p.taken < 0 || of_q.taken < 0 ? infinite : sum;
  }

 private:
  template <class G> MIXNET_ON_DEVICE double sum_of(const G& group, int64_t first, int64_t last) const {
    double sum = 0;
    for (int64_t j = first + group.rank(); j < last; j += group.size()) sum += static_cast<double>(counts[j]);
    return group.reduce(sum, gpu::Plus());
  }
};

struct Found {
  double divergence;
  int64_t limit;
};
// The smaller divergence, the first of equals.
struct Better {
  MIXNET_ON_DEVICE Found operator()(Found a, Found b) const {
    return b.divergence < a.divergence || (b.divergence == a.divergence && b.limit < a.limit) ? b : a;
  }
};
struct Choose {
  Limits limits;
  const double* found;
  const float* edges;
  float *threshold, *divergence;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t, G group) const {
    Found best{infinite, limits.count()};
    for (int64_t i = group.rank(); i < limits.count(); i += group.size()) best = Better()(best, {found[i], i});
    best = group.reduce(best, Better());
    if (group.rank() != 0) return;
    const bool none = !(best.divergence < infinite);
    *threshold = edges[none ? limits.n : limits.last(best.limit)];
    *divergence = none ? 0 : static_cast<float>(best.divergence);
  }
};

Limits limits_of(const Params& p, const Shape& counts) { return {counts[0], p.num_quantized_bins}; }
size_t scratch(const PrepareContext& c) {
  return static_cast<size_t>(limits_of(c.params<Params>(), c.inputs[0].shape).count()) * sizeof(double);
}

void forward(const Params& p, const RunContext& r) {
  const Limits limits = limits_of(p, r.in[0].shape);
  double* const found = static_cast<double*>(r.context.workspace);
  gpu::for_each_row(*r.context.stream, limits.count(), limits.n, Divergence{limits, r.in[0].as<float>(), found});
  gpu::for_each_row(*r.context.stream, 1, limits.count(),
                    Choose{limits, found, r.in[1].as<float>(), r.out[0].as<float>(), r.out[1].as<float>()});
}

}  // namespace

void register_gpu(Registry& registry) { gpu::kernel<Params>(registry, "_contrib_calibrate_entropy", forward, scratch); }

}  // namespace mixnet::op::calibrate_entropy
