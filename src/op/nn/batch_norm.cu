// BatchNorm on GPUs, of data with channels second, and of data that a plan keeps with channels last; see batch_norm.cc. Sums come first, then a kernel
// that writes every value. Statistics and sums are merged in an order that the extents fix.
#include "op/core/gpu/register.h"
#include "op/nn/batch_norm_kernels.h"
#include "op/nn/last_side.h"

namespace mixnet::op::batch_norm {
namespace {

size_t statistics_bytes(const Shape& shape, const Params& p) {
  return LastSide::rounded(static_cast<size_t>(Sizes(shape, p).channels) * sizeof(double));
}
// Whether input i comes with channels last, and these are BatchNorm's channels.
bool takes_last(const PrepareContext& c, const Params& p, size_t i) {
  return gpu::comes_last(c, i) && normalize_axis(p.axis, c.inputs[i].ndim(), "BatchNorm") == 1;
}

// (data, gamma, beta, moving mean, moving variance[, residual]) to (y, mean, 1 / sqrt(variance + eps)).
class Forward final : public Kernel {
 public:
  Forward(const PrepareContext& c, const Params& p, bool relu)
      : p_(p),
        relu_(relu),
        batch_(c.training && !p.use_global_stats),
        last_(takes_last(c, p, 0)),
        bytes_(statistics_bytes(c.inputs[0].shape, p)),
        sweep_(Places(c.inputs[0].shape, p, last_)) {
    if (last_) residual_ = y_ = LastSide(c.outputs[0]);
  }
  LayoutPtr input_layout(int i) const override { return i == 0 || i == 5 ? y_.layout : nullptr; }
  LayoutPtr output_layout(int i) const override { return i == 0 ? y_.layout : nullptr; }
  void adopt_input(int i) override { residual_.adopted = residual_.adopted || i == 5; }
  void adopt_output(int) override { y_.adopted = true; }
  size_t workspace() const override {
    return y_.room() + residual_.room() + (batch_ ? 2 * bytes_ + LastSide::rounded(sweep_.workspace()) : 0);
  }

  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "BatchNorm", [&](auto tag) { run_as<typename decltype(tag)::type>(r); });
  }

 private:
  template <class T>
  void run_as(const RunContext& r) const {
    using S = accumulator_t<T>;
    Stream& stream = *r.context.stream;
    const T* const x = r.in[0].as<T>();
    char* at = static_cast<char*>(r.context.workspace);
    T* const y = static_cast<T*>(y_.place(r.out[0].data, at));
    const T* const residual = r.in.size() > 5 ? static_cast<T*>(residual_.last(stream, r.in[5].data, at)) : nullptr;
    S *mean = r.out[1].as<S>(), *inverse = r.out[2].as<S>();
    Statistics<S> statistics{
        r.in[1].as<S>(), r.in[2].as<S>(), r.in[3].as<S>(), r.in[4].as<S>(), p_.eps, p_.fix_gamma, true};
    if (batch_) {
      if (!mean) mean = reinterpret_cast<S*>(at);
      if (!inverse) inverse = reinterpret_cast<S*>(at + bytes_);
      const Places places(r.in[0].shape, p_, last_);
      statistics.mean = mean;
      statistics.spread = inverse;
      statistics.fixed = false;
      sweep_.sum_and_map<T>(stream, Moments<T, S>{places, x, mean, inverse, p_.eps},
                            Normalise<T, S>{statistics, relu_, x, residual, y}, true, {x, y, residual},
                            at + 2 * bytes_);
    } else {
      if (mean || inverse) gpu::map(stream, r.in[1].size(), HandOut<S>{statistics, mean, inverse});
      sweep_.map<T>(stream, Normalise<T, S>{statistics, relu_, x, residual, y}, {x, y, residual});
    }
    y_.give(stream, r.out[0].data, y);
  }

  const Params p_;
  const bool relu_, batch_, last_;
  const size_t bytes_;  // of a statistic
  const Sweep sweep_;
  LastSide residual_, y_;
};

template <class P, bool Relu>
std::unique_ptr<Kernel> forward(const PrepareContext& c) {
  return std::make_unique<Forward>(c, c.params<P>(), Relu);
}

// (dy, x, gamma, mean, inverse, moving mean, moving variance[, beta]) to (dx, dgamma, dbeta); moves the statistics. With beta dy is the gradient of relu's
// result.
class Backward final : public Kernel {
 public:
  Backward(const PrepareContext& c, bool relu)
      : p_(c.params<Params>()),
        relu_(relu),
        fixed_(p_.use_global_stats || !c.training),
        last_(takes_last(c, p_, 1)),
        bytes_(statistics_bytes(c.inputs[1].shape, p_)),
        sweep_(Places(c.inputs[1].shape, p_, last_)) {
    if (last_) dy_ = dx_ = LastSide(c.inputs[1]);
  }
  LayoutPtr input_layout(int i) const override { return i < 2 ? dx_.layout : nullptr; }
  LayoutPtr output_layout(int i) const override { return i == 0 ? dx_.layout : nullptr; }
  void adopt_input(int i) override { dy_.adopted = dy_.adopted || i == 0; }
  void adopt_output(int) override { dx_.adopted = true; }
  size_t workspace() const override {
    return dy_.room() + dx_.room() + 2 * bytes_ + LastSide::rounded(sweep_.workspace());
  }

  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "BatchNorm", [&](auto tag) { run_as<typename decltype(tag)::type>(r); });
  }

 private:
  template <class T>
  void run_as(const RunContext& r) const {
    using S = accumulator_t<T>;
    Stream& stream = *r.context.stream;
    char* at = static_cast<char*>(r.context.workspace);
    const T *const dy = static_cast<T*>(dy_.last(stream, r.in[0].data, at)), *const x = r.in[1].as<T>();
    T* const dx = r.out[0].data ? static_cast<T*>(dx_.place(r.out[0].data, at)) : nullptr;
    const Statistics<S> statistics{r.in[2].as<S>(),
                                   relu_ ? r.in[7].as<S>() : nullptr,
                                   r.in[3].as<S>(),
                                   r.in[4].as<S>(),
                                   p_.eps,
                                   p_.fix_gamma,
                                   false};
    const Gate<T, S> gate{relu_};
    S *const mean_dy = reinterpret_cast<S*>(at), *const slope = reinterpret_cast<S*>(at + bytes_);
    const Slopes<T, S> slopes{Places(r.in[1].shape, p_, last_),
                              statistics,
                              gate,
                              dy,
                              x,
                              mean_dy,
                              slope,
                              r.out[1].as<S>(),
                              r.out[2].as<S>(),
                              r.in[5].as<S>(),
                              r.in[6].as<S>(),
                              p_.momentum,
                              fixed_};
    sweep_.sum_and_map<T>(stream, slopes, DataGradient<T, S>{statistics, gate, dy, x, mean_dy, slope, dx},
                          dx != nullptr, {dy, x, dx}, at + 2 * bytes_);
    if (dx) dx_.give(stream, r.out[0].data, dx);
  }

  const Params p_;
  const bool relu_, fixed_, last_;
  const size_t bytes_;  // of a number per channel
  const Sweep sweep_;
  LastSide dy_, dx_;
};

template <bool Relu>
std::unique_ptr<Kernel> backward(const PrepareContext& c) {
  return std::make_unique<Backward>(c, Relu);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "BatchNorm", forward<Params, false>);
  gpu::prepared(registry, "_contrib_BatchNormWithReLU", forward<Params, true>);
  gpu::prepared(registry, "_contrib_SyncBatchNorm", forward<SyncParams, false>);
  gpu::prepared(registry, "_backward_BatchNorm", backward<false>);
  gpu::prepared(registry, "_batch_norm_add_relu", forward<Params, true>);
  gpu::prepared(registry, "_backward_batch_norm_relu", backward<true>);
}

}  // namespace mixnet::op::batch_norm
