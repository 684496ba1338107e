// moments on GPUs; see moments.cc.
#include "op/reduce/moments.h"

#include "op/reduce/gpu_reduction.h"

namespace mixnet::op::moments {
namespace {

// The first pass makes the mean, the second one the mean square of the distances from it.
template <class A, bool Second>
struct Average {
  using Value = double;
  reduction::Reduced<A> x;
  reduction::SameOutput<A> out;
  double* mean;

  MIXNET_ON_DEVICE static double start() { return 0; }
  MIXNET_ON_DEVICE static double join(double a, double b) { return a + b; }
  MIXNET_ON_DEVICE static double term(A value, double centre) {
    const double v = static_cast<double>(value) - centre;
    return Second ? v * v : v;
  }
  MIXNET_ON_DEVICE double over(int64_t row, int64_t first, int64_t step) const {
    double sum = 0;
    const double centre = Second ? mean[row] : 0;
    x.each(row, first, step, [&](const auto& values) {
      for (const A value : values) sum += term(value, centre);
    });
    return sum;
  }
  template <int V> MIXNET_ON_DEVICE void over_rows(int64_t row, int64_t first, int64_t step, double (&made)[V]) const {
    double centres[V];
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) {
      made[k] = 0;
      centres[k] = Second ? mean[row + k] : 0;
    }
    x.template each_row<V>(row, first, step, [&](const A(&values)[V]) {
      MIXNET_UNROLL
      for (int k = 0; k < V; ++k) made[k] += term(values[k], centres[k]);
    });
  }
  MIXNET_ON_DEVICE void finish(int64_t row, double sum) const {
    const double n = static_cast<double>(x.places.summed.size), average = n > 0 ? sum / n : sum;
    out.put(row, average);
    if (!Second) mean[row] = average;
  }
};

class MomentsKernel : public Kernel {
 public:
  MomentsKernel(const TensorView& in, const std::vector<bool>& reduced)
      : geometry_(in.shape, reduced), plan_(reduction::plan_for(geometry_)) {}
  size_t workspace() const override { return plan_.workspace() + static_cast<size_t>(geometry_.kept.size()) * 8; }
  void run(const RunContext& r) const override {
    gpu::dispatch_computed(r.in[0].dtype, [&](auto tag) {
      using A = typename decltype(tag)::type;
      if constexpr (!std::is_same<A, int64_t>::value) launch<A>(r);
    });
  }

 private:
  template <class A>
  void launch(const RunContext& r) const {
    Stream& stream = *r.context.stream;
    const reduction::Reduced<A> x(r.in[0], geometry_);
    const bool neighbours = x.have_neighbours(r.in[0], geometry_);
    constexpr int V = reduction::Reduced<A>::side_by_side;
    char* const parts = static_cast<char*>(r.context.workspace);
    double* const mean = reinterpret_cast<double*>(parts + plan_.workspace());
    plan_.run<V>(stream, Average<A, false>{x, reduction::SameOutput<A>(r.out[0]), mean}, parts, neighbours);
    plan_.run<V>(stream, Average<A, true>{x, reduction::SameOutput<A>(r.out[1]), mean}, parts, neighbours);
  }

  const reduction::Geometry geometry_;
  const gpu::Reduction plan_;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const TensorView& in = c.inputs[0];
  dispatch_float(in.dtype, "moments", [](auto) {});
  return std::make_unique<MomentsKernel>(in, reduced_axes(c.params<Params>().reduce(), in.ndim(), "moments"));
}

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "moments", prepare); }

}  // namespace mixnet::op::moments
