// BatchNorm on GPUs, one group of threads per channel; see batch_norm.cc.
#include "op/nn/batch_norm.h"

#include <cmath>

#include "op/core/gpu/channels_last.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/sums.h"

namespace mixnet::op::batch_norm {
namespace {

// Element k of channel c.
struct Places {
  int64_t outer, channels, inner;
  explicit Places(const Sizes& s) : outer(s.outer), channels(s.channels), inner(s.inner) {}
  MIXNET_ON_DEVICE int64_t at(int64_t c, int64_t k) const { return (k / inner * channels + c) * inner + k % inner; }
  MIXNET_ON_DEVICE int64_t count() const { return outer * inner; }
};

template <class S>
struct Channel {
  const S *gamma, *beta, *moving_mean, *moving_variance;
  S *mean, *inverse;  // outputs that may be null
  double eps;
  bool fix_gamma, batch, relu;
};

// Data of type T, statistics of type S.
template <class T, class S>
struct Forward {
  Places s;
  Channel<S> p;
  const T* x;
  T* y;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    const int64_t n = s.count();
    const double parts = static_cast<double>(n < 1 ? 1 : n);
    double mean, variance;
    if (p.batch) {
      mean = gpu::sum_of<double>(group, n, [&](int64_t k) { return static_cast<double>(x[s.at(c, k)]); }) / parts;
      const S centre = static_cast<S>(mean);
      variance = gpu::sum_of<double>(group, n,
                                     [&](int64_t k) {
                                       const S distance = static_cast<S>(x[s.at(c, k)]) - centre;
                                       return static_cast<double>(distance * distance);
                                     }) /
                 parts;
    } else {
      mean = static_cast<double>(p.moving_mean[c]);
      variance = static_cast<double>(p.moving_variance[c]);
    }
    const S inverse = static_cast<S>(1 / std::sqrt(variance + p.eps));
    const S scale = (p.fix_gamma ? S(1) : p.gamma[c]) * inverse, shift = p.beta[c] - static_cast<S>(mean) * scale;
    for (int64_t k = group.rank(); k < n; k += group.size()) {
      const int64_t at = s.at(c, k);
      const S value = static_cast<S>(x[at]) * scale + shift;
      y[at] = static_cast<T>(p.relu && value < 0 ? S(0) : value);
    }
    if (group.rank() != 0) return;
    if (p.mean) p.mean[c] = static_cast<S>(mean);
    if (p.inverse) p.inverse[c] = inverse;
  }
};

template <bool Relu>
void run_forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "BatchNorm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = accumulator_t<T>;
    const Places s{Sizes(r.in[0].shape, p)};
    const bool batch = r.context.training && !p.use_global_stats;
    const Channel<S> channel{r.in[1].as<S>(),  r.in[2].as<S>(), r.in[3].as<S>(), r.in[4].as<S>(), r.out[1].as<S>(),
                             r.out[2].as<S>(), p.eps,           p.fix_gamma,     batch,           Relu};
    gpu::for_each_row(*r.context.stream, s.channels, s.count(),
                      Forward<T, S>{s, channel, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}
template <class P, bool Relu>
void forward(const P& p, const RunContext& r) {
  run_forward<Relu>(p, r);
}

// With fixed statistics, of data that lie with their channels last: an element alone.
template <class T, class S>
struct Scaled {
  int64_t channels;
  Channel<S> p;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t c = i % channels;
    const S inverse = static_cast<S>(1 / std::sqrt(static_cast<double>(p.moving_variance[c]) + p.eps)),
            scale = (p.fix_gamma ? S(1) : p.gamma[c]) * inverse, shift = p.beta[c] - p.moving_mean[c] * scale,
            value = static_cast<S>(x[i]) * scale + shift;
    y[i] = static_cast<T>(p.relu && value < 0 ? S(0) : value);
  }
};

class ForwardLast final : public Kernel {
 public:
  ForwardLast(const PrepareContext& c, bool relu) : p_(c.params<Params>()), relu_(relu), layout_(c.layouts[0]) {}
  LayoutPtr input_layout(int i) const override { return i == 0 ? layout_ : nullptr; }
  LayoutPtr output_layout(int i) const override { return i == 0 ? layout_ : nullptr; }
  size_t workspace() const override { return converts_ ? static_cast<size_t>(layout_->bytes()) : 0; }
  void adopt_output(int) override { converts_ = false; }
  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "BatchNorm", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using S = accumulator_t<T>;
      const Channel<S> channel{r.in[1].as<S>(), r.in[2].as<S>(), r.in[3].as<S>(), r.in[4].as<S>(), nullptr,
                               nullptr,         p_.eps,          p_.fix_gamma,    false,           relu_};
      void* const to = converts_ ? r.context.workspace : r.out[0].data;
      gpu::map(*r.context.stream, r.in[0].size(),
               Scaled<T, S>{r.in[0].shape[1], channel, r.in[0].as<T>(), static_cast<T*>(to)});
      if (converts_) gpu::to_channels_first(*r.context.stream, r.out[0].shape, r.out[0].dtype, r.out[0].data, to);
    });
  }

 private:
  const Params p_;
  const bool relu_;
  const LayoutPtr layout_;
  bool converts_ = true;
};

template <bool Relu>
std::unique_ptr<Kernel> prepare_last(const PrepareContext& c) {
  if (!gpu::comes_last(c, 0) || c.training || c.wanted[1] || c.wanted[2]) return nullptr;
  if (normalize_axis(c.params<Params>().axis, c.inputs[0].ndim(), "BatchNorm") != 1) return nullptr;
  return std::make_unique<ForwardLast>(c, Relu);
}

// (dy, x, gamma, mean, inverse, moving mean, moving variance) to (dx, dgamma, dbeta); moves the last two inputs.
template <class T, class S>
struct Backward {
  Places s;
  const T *dy, *x;
  const S *gamma, *means, *inverses;
  S *moving_mean, *moving_variance;
  T* dx;
  S *dgamma, *dbeta;
  double eps, momentum;
  bool fix_gamma, fixed;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    const int64_t n = s.count();
    const S mean = means[c], inverse = inverses[c];
    const gpu::Pair<double> sums = gpu::sum_of<gpu::Pair<double>>(group, n, [&](int64_t k) {
      const int64_t at = s.at(c, k);
      const S d = static_cast<S>(dy[at]);
      return gpu::Pair<double>{static_cast<double>(d), static_cast<double>(d * (static_cast<S>(x[at]) - mean))};
    });
    if (dx) {
      // With fixed statistics the normalisation is a plain scale.
      const double parts = static_cast<double>(n < 1 ? 1 : n);
      const S scale = (fix_gamma ? S(1) : gamma[c]) * inverse,
              mean_dy = fixed ? S(0) : static_cast<S>(sums.first / parts),
              slope = fixed ? S(0) : static_cast<S>(sums.second / parts) * inverse * inverse;
      for (int64_t k = group.rank(); k < n; k += group.size()) {
        const int64_t at = s.at(c, k);
        dx[at] = static_cast<T>(scale * (static_cast<S>(dy[at]) - mean_dy - (static_cast<S>(x[at]) - mean) * slope));
      }
    }
    if (group.rank() != 0) return;
    if (dgamma) dgamma[c] = fix_gamma ? S(0) : static_cast<S>(sums.second) * inverse;
    if (dbeta) dbeta[c] = static_cast<S>(sums.first);
    if (fixed) return;
    const double variance = 1 / (static_cast<double>(inverse) * static_cast<double>(inverse)) - eps;
    moving_mean[c] =
        static_cast<S>(static_cast<double>(moving_mean[c]) * momentum + static_cast<double>(mean) * (1 - momentum));
    moving_variance[c] = static_cast<S>(static_cast<double>(moving_variance[c]) * momentum + variance * (1 - momentum));
  }
};

void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "BatchNorm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = accumulator_t<T>;
    const Places s{Sizes(r.in[1].shape, p)};
    const bool fixed = p.use_global_stats || !r.context.training;
    gpu::for_each_row(*r.context.stream, s.channels, s.count(),
                      Backward<T, S>{s, r.in[0].as<T>(), r.in[1].as<T>(), r.in[2].as<S>(), r.in[3].as<S>(),
                                     r.in[4].as<S>(), r.in[5].as<S>(), r.in[6].as<S>(), r.out[0].as<T>(),
                                     r.out[1].as<S>(), r.out[2].as<S>(), p.eps, p.momentum, p.fix_gamma, fixed});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "BatchNorm", prepare_last<false>);
  gpu::prepared(registry, "_contrib_BatchNormWithReLU", prepare_last<true>);
  gpu::kernel<Params>(registry, "BatchNorm", forward<Params, false>);
  gpu::kernel<Params>(registry, "_contrib_BatchNormWithReLU", forward<Params, true>);
  gpu::kernel<SyncParams>(registry, "_contrib_SyncBatchNorm", forward<SyncParams, false>);
  gpu::kernel<Params>(registry, "_backward_BatchNorm", backward);
}

}  // namespace mixnet::op::batch_norm
