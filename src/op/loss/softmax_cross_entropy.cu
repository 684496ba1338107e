// softmax_cross_entropy on GPUs; see softmax_cross_entropy.cc.
#include "op/loss/softmax_cross_entropy.h"

#include <cmath>
#include <limits>

#include "op/core/gpu/merges.h"
#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::softmax_cross_entropy {
namespace {

template <class T, class G>
MIXNET_ON_DEVICE accumulator_t<T> log_sum_exp(const T* x, int64_t n, const G& group) {
  using A = accumulator_t<T>;
  A top = -std::numeric_limits<A>::infinity(), sum = 0;
  for (int64_t i = group.rank(); i < n; i += group.size()) top = gpu::Greatest()(top, static_cast<A>(x[i]));
  top = group.reduce(top, gpu::Greatest());
  for (int64_t i = group.rank(); i < n; i += group.size()) sum += std::exp(static_cast<A>(x[i]) - top);
  return top + std::log(group.reduce(sum, gpu::Plus()));
}

template <class T>
struct RowLoss {
  const T *x, *label;
  double* loss;
  int64_t classes;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t i, G group) const {
    using A = accumulator_t<T>;
    const T* row = x + i * classes;
    const A total = log_sum_exp(row, classes, group);
    if (group.rank() == 0)
      loss[i] = static_cast<double>(total - static_cast<A>(row[class_of(static_cast<A>(label[i]), classes)]));
  }
};
template <class T>
struct Total {
  using Value = double;
  const double* loss;
  T* out;
  int64_t rows;
  MIXNET_ON_DEVICE static double start() { return 0; }
  MIXNET_ON_DEVICE static double join(double a, double b) { return a + b; }
  MIXNET_ON_DEVICE double over(int64_t, int64_t first, int64_t step) const {
    double sum = 0;
    for (int64_t i = first; i < rows; i += step) sum += loss[i];
    return sum;
  }
  MIXNET_ON_DEVICE void finish(int64_t, double sum) const { *out = static_cast<T>(static_cast<accumulator_t<T>>(sum)); }
};

class ForwardKernel : public Kernel {
 public:
  explicit ForwardKernel(const Shape& s) : rows_(s[1] > 0 ? s[0] : 0), classes_(s[1]), summing_(1, rows_, false) {}
  size_t workspace() const override { return summing_.workspace() + static_cast<size_t>(rows_) * sizeof(double); }
  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "softmax_cross_entropy", [&](auto tag) {
      using T = typename decltype(tag)::type;
      char* const parts = static_cast<char*>(r.context.workspace);
      double* const loss = reinterpret_cast<double*>(parts + summing_.workspace());
      Stream& stream = *r.context.stream;
      gpu::for_each_row(stream, rows_, classes_, RowLoss<T>{r.in[0].as<T>(), r.in[1].as<T>(), loss, classes_});
      summing_.run(stream, Total<T>{loss, r.out[0].as<T>(), rows_}, parts);
    });
  }

 private:
  const int64_t rows_, classes_;
  const gpu::Reduction summing_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<ForwardKernel>(c.inputs[0].shape); }

template <class T>
struct Backward {
  const T *dy, *x, *label;
  T* dx;
  int64_t classes;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t i, G group) const {
    using A = accumulator_t<T>;
    const T* row = x + i * classes;
    const A total = log_sum_exp(row, classes, group), d = static_cast<A>(*dy);
    const int64_t wanted = class_of(static_cast<A>(label[i]), classes);
    for (int64_t k = group.rank(); k < classes; k += group.size()) {
      const A share = std::exp(static_cast<A>(row[k]) - total) * d;
      dx[i * classes + k] = static_cast<T>(k == wanted ? share - d : share);
    }
  }
};
void backward(const NoParams&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t rows = r.in[1].shape[0], classes = r.in[1].shape[1];
    gpu::for_each_row(*r.context.stream, classes > 0 ? rows : 0, classes,
                      Backward<T>{r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<T>(), r.out[0].as<T>(), classes});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "softmax_cross_entropy", prepare);
  gpu::kernel<NoParams>(registry, "_backward_softmax_cross_entropy", backward);
}

}  // namespace mixnet::op::softmax_cross_entropy
