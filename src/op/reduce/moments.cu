// moments on GPUs; see moments.cc.
#include "op/reduce/moments.h"

#include "op/reduce/gpu_reduction.h"

namespace mixnet::op::moments {
namespace {

// The first pass makes the mean, the second one the mean square of the distances from it.
template <class A, bool Second>
struct Average {
  using Value = double;
  gpu::Elements<A> x;
  reduction::SameOutput<A> out;
  double* mean;
  reduction::Places places;

  MIXNET_ON_DEVICE static double start() { return 0; }
  MIXNET_ON_DEVICE static double join(double a, double b) { return a + b; }
  MIXNET_ON_DEVICE double over(int64_t row, int64_t first, int64_t step) const {
    const int64_t base = places.start(row);
    return x.visit([&](auto read) {
      double sum = 0, centre = Second ? mean[row] : 0;
      for (int64_t i = first; i < places.summed.size; i += step) {
        const double v = static_cast<double>(read(base + places.step_to(i)));
        sum += Second ? (v - centre) * (v - centre) : v;
      }
      return sum;
    });
  }
  MIXNET_ON_DEVICE void finish(int64_t row, double sum) const {
    const double n = static_cast<double>(places.summed.size), average = n > 0 ? sum / n : sum;
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
    const gpu::Elements<A> x(r.in[0]);
    const reduction::Places places(geometry_);
    char* const parts = static_cast<char*>(r.context.workspace);
    double* const mean = reinterpret_cast<double*>(parts + plan_.workspace());
    plan_.run(stream, Average<A, false>{x, reduction::SameOutput<A>(r.out[0]), mean, places}, parts);
    plan_.run(stream, Average<A, true>{x, reduction::SameOutput<A>(r.out[1]), mean, places}, parts);
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
