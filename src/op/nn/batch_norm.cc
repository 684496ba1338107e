// BatchNorm (Ioffe and Szegedy, 2015): normalises each channel over the batch; statistics move in the backward pass, as in MXNet. Also
// _contrib_BatchNormWithReLU, and _contrib_SyncBatchNorm, which is BatchNorm of the part of a batch that one executor has.
#include "op/nn/batch_norm.h"

#include <cmath>

#include "op/core/wide.h"

namespace mixnet::op::batch_norm {
namespace {

template <class P>
void add_common(OpBuilder<P>& op) {
  op.param("eps", &Params::eps).range(0).doc("Added to the variance.");
  op.param("momentum", &Params::momentum).range(0, 1).doc("Share of the old moving statistics that is kept.");
  op.param("fix_gamma", &Params::fix_gamma).doc("Takes gamma as 1, with zero gradient.");
  op.param("use_global_stats", &Params::use_global_stats).doc("Uses the moving statistics in training too.");
  op.param("output_mean_var", &Params::output_mean_var).doc("Shows mean and inverse standard deviation as outputs.");
}
void add_params(OpBuilder<Params>& op) {
  add_common(op);
  op.param("axis", &Params::axis).doc("The channel axis.");
  op.param("cudnn_off", &Params::cudnn_off).doc("Accepted for MXNet's files.");
  op.param("min_calib_range", &Params::min_calib_range).doc("Accepted for MXNet's files.");
  op.param("max_calib_range", &Params::max_calib_range).doc("Accepted for MXNet's files.");
}

// f(row of inner elements) for every row of channel c.
template <class F>
void for_rows(const Sizes& s, int64_t c, F f) {
  for (int64_t o = 0; o < s.outer; ++o) f((o * s.channels + c) * s.inner);
}

template <class T>
struct Affine {
  T scale, shift;
};

// y = scale x + shift for channel c of these statistics, which are handed out too.
template <class T>
Affine<T> affine(const Params& p, const RunContext& r, int64_t c, double mean, double variance) {
  const T inverse = static_cast<T>(1 / std::sqrt(variance + p.eps));
  if (r.out[1].data) r.out[1].as<T>()[c] = static_cast<T>(mean);
  if (r.out[2].data) r.out[2].as<T>()[c] = inverse;
  const T scale = (p.fix_gamma ? T(1) : r.in[1].as<T>()[c]) * inverse;
  return {scale, r.in[2].as<T>()[c] - static_cast<T>(mean) * scale};
}

template <class T>
void normalise_channel(const Params& p, const RunContext& r, const Sizes& s, int64_t c, bool batch) {
  const T* x = r.in[0].as<T>();
  T* y = r.out[0].as<T>();
  double mean = static_cast<double>(r.in[3].as<T>()[c]), variance = static_cast<double>(r.in[4].as<T>()[c]);
  if (batch) {
    const double n = static_cast<double>(std::max<int64_t>(1, s.count()));
    double sum = 0, squares = 0;
    for_rows(s, c, [&](int64_t at) {
      T row = 0;
      for (int64_t i = 0; i < s.inner; ++i) row += x[at + i];
      sum += static_cast<double>(row);
    });
    mean = sum / n;
    const T centre = static_cast<T>(mean);
    for_rows(s, c, [&](int64_t at) {
      T row = 0;
      for (int64_t i = 0; i < s.inner; ++i) row += (x[at + i] - centre) * (x[at + i] - centre);
      squares += static_cast<double>(row);
    });
    variance = squares / n;
  }
  const Affine<T> f = affine<T>(p, r, c, mean, variance);
  for_rows(s, c, [&](int64_t at) {
    for (int64_t i = 0; i < s.inner; ++i) y[at + i] = x[at + i] * f.scale + f.shift;
  });
}

// With the channels last, some of them at once: neighbours lie in one cache line.
constexpr int64_t neighbours = 16;

template <class T>
void normalise_neighbours(const Params& p, const RunContext& r, const Sizes& s, int64_t first, bool batch) {
  const int64_t width = std::min(neighbours, s.channels - first);
  const T* x = r.in[0].as<T>() + first;
  T* y = r.out[0].as<T>() + first;
  double mean[neighbours] = {}, variance[neighbours] = {};
  T centre[neighbours], scale[neighbours], shift[neighbours];
  if (batch) {
    const double n = static_cast<double>(std::max<int64_t>(1, s.outer));
    for (int64_t o = 0; o < s.outer; ++o) {
      for (int64_t i = 0; i < width; ++i) mean[i] += static_cast<double>(x[o * s.channels + i]);
    }
    for (int64_t i = 0; i < width; ++i) centre[i] = static_cast<T>(mean[i] /= n);
    for (int64_t o = 0; o < s.outer; ++o) {
      for (int64_t i = 0; i < width; ++i) {
        const T distance = x[o * s.channels + i] - centre[i];
        variance[i] += static_cast<double>(distance * distance);
      }
    }
    for (int64_t i = 0; i < width; ++i) variance[i] /= n;
  }
  for (int64_t i = 0; i < width; ++i) {
    const int64_t c = first + i;
    const Affine<T> f =
        batch ? affine<T>(p, r, c, mean[i], variance[i])
              : affine<T>(p, r, c, static_cast<double>(r.in[3].as<T>()[c]), static_cast<double>(r.in[4].as<T>()[c]));
    scale[i] = f.scale;
    shift[i] = f.shift;
  }
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i = 0; i < width; ++i) y[o * s.channels + i] = x[o * s.channels + i] * scale[i] + shift[i];
  }
}

// Inputs data, gamma, beta, moving mean, moving variance; outputs y, mean, 1 / sqrt(variance + eps).
void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BatchNorm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[0].shape, p);
    const bool batch = r.context.training && !p.use_global_stats;
    const int64_t at_once = s.inner == 1 ? neighbours : 1, parts = (s.channels + at_once - 1) / at_once;
    parallel_for(parts, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, at_once * s.count())),
                 [&](int64_t first, int64_t last) {
                   for (int64_t part = first; part < last; ++part) {
                     if (s.inner == 1) normalise_neighbours<T>(p, r, s, part * neighbours, batch);
                     else normalise_channel<T>(p, r, s, part, batch);
                   }
                 });
  });
}

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 2, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (!c.in[0].ndim_known()) return;
  const Shape channels{c.in[0][normalize_axis(p.axis, c.in[0].ndim(), c.place().c_str())]};
  for (int i = 1; i < 5; ++i) c.set_in(i, channels);
  c.set_out(1, channels);
  c.set_out(2, channels);
  if (c.num_inputs() > 5) c.set_in(5, c.in[0]);
}
// Statistics and scales of 16-bit data are kept in float32.
DType statistics_type(DType data) { return data == DType::f16 || data == DType::bf16 ? DType::f32 : data; }
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[0] == DType::unknown) return;
  const DType statistics = statistics_type(c.in[0]);
  for (int i = 1; i < 5; ++i) c.set_in(i, statistics);
  c.set_out(1, statistics);
  c.set_out(2, statistics);
  if (c.num_inputs() > 5) c.set_in(5, c.in[0]);
}
int visible(const Params& p) { return p.output_mean_var ? 3 : 1; }
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WideKernel<Params>>(c, forward, 0); }

void forward_relu(const Params& p, const RunContext& r) {
  forward(p, r);
  dispatch_wide(r.out[0].dtype, "BatchNormWithReLU", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* y = r.out[0].as<T>();
    const T* residual = r.in.size() > 5 ? r.in[5].as<T>() : nullptr;
    parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const T sum = residual ? y[i] + residual[i] : y[i];
        y[i] = sum < 0 ? T(0) : sum;
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_relu(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, forward_relu, 0);
}
int visible_sync(const SyncParams& p) { return visible(p); }

template <class P>
void describe(OpBuilder<P>& op) {
  op.input("data", "Any shape with a channel axis.")
      .input("gamma", "(channels,): scale.")
      .input("beta", "(channels,): shift.");
  op.input("moving_mean", "(channels,): running mean.").input("moving_var", "(channels,): running variance.");
  op.outputs({"output", "mean", "var"}).auxiliary({3, 4}).optional_outputs().uses_training();
  op.infer_shape(infer).infer_type(infer_type);
}

//[full
// (dy, x, gamma, mean, inverse, moving mean, moving variance[, beta]) to (dx, dgamma, dbeta); moves the statistics. Relu: dy is the gradient of what relu
// made of the result, and there is beta.
template <bool Relu>
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BatchNorm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(r.in[1].shape, p);
    const T *dy = r.in[0].as<T>(), *x = r.in[1].as<T>();
    const double n = static_cast<double>(std::max<int64_t>(1, s.count()));
    const bool fixed = p.use_global_stats || !r.context.training;
    parallel_for(
        s.channels, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, s.count())), [&](int64_t first, int64_t last) {
          for (int64_t c = first; c < last; ++c) {
            const T mean = r.in[3].as<T>()[c], inverse = r.in[4].as<T>()[c],
                    gamma = p.fix_gamma ? T(1) : r.in[2].as<T>()[c];
            const T shift = Relu ? r.in[7].as<T>()[c] - mean * gamma * inverse : T(0);
            const auto gradient = [&](int64_t at) {
              return !Relu || x[at] * gamma * inverse + shift > 0 ? dy[at] : T(0);
            };
            double sum = 0, product = 0;
            for_rows(s, c, [&](int64_t at) {
              T a = 0, b = 0;
              for (int64_t i = 0; i < s.inner; ++i) {
                const T d = gradient(at + i);
                a += d;
                b += d * (x[at + i] - mean);
              }
              sum += static_cast<double>(a);
              product += static_cast<double>(b);
            });
            const T dgamma = static_cast<T>(product) * inverse, scale = gamma * inverse;
            if (T* dx = r.out[0].as<T>()) {
              // With fixed statistics the normalisation is a plain scale.
              const T mean_dy = fixed ? T(0) : static_cast<T>(sum / n);
              const T slope = fixed ? T(0) : static_cast<T>(product / n) * inverse * inverse;
              for_rows(s, c, [&](int64_t at) {
                for (int64_t i = 0; i < s.inner; ++i)
                  dx[at + i] = scale * (gradient(at + i) - mean_dy - (x[at + i] - mean) * slope);
              });
            }
            if (r.out[1].data) r.out[1].as<T>()[c] = p.fix_gamma ? T(0) : dgamma;
            if (r.out[2].data) r.out[2].as<T>()[c] = static_cast<T>(sum);
            if (fixed) continue;
            const double keep = p.momentum,
                         variance = 1 / (static_cast<double>(inverse) * static_cast<double>(inverse)) - p.eps;
            T &moving_mean = r.in[5].as<T>()[c], &moving_variance = r.in[6].as<T>()[c];
            moving_mean =
                static_cast<T>(static_cast<double>(moving_mean) * keep + static_cast<double>(mean) * (1 - keep));
            moving_variance = static_cast<T>(static_cast<double>(moving_variance) * keep + variance * (1 - keep));
          }
        });
  });
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
  c.set_out(2, c.in[2]);
}
void infer_backward_type(InferType& c) {
  if (c.num_inputs() > 7 && c.in[1] != DType::unknown) {
    for (int i = 2; i < c.num_inputs(); ++i) c.set_in(i, statistics_type(c.in[1]));
  }
  c.set_out(0, c.in[1]);
  c.set_out(1, c.in[2]);
  c.set_out(2, c.in[2]);
}
template <bool Relu>
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward<Relu>, 0);
}
void relu_gradient(GradientContext& g) {
  const Entry dy = g.make("_backward_Activation", {g.output_grad(0), g.output(0)}, {{"act_type", "relu"}});
  const auto grads = g.make_backward("_backward_BatchNorm",
                                     {dy, g.input(0), g.input(1), g.output(1), g.output(2), g.input(3), g.input(4)});
  for (int i = 0; i < 3; ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
void sync_gradient(GradientContext& g) {
  const SyncParams& p = g.params<SyncParams>();
  const auto grads = g.make_all(
      "_backward_BatchNorm",
      {g.output_grad(0), g.input(0), g.input(1), g.output(1), g.output(2), g.input(3), g.input(4)},
      {{"eps", p.eps}, {"momentum", p.momentum}, {"fix_gamma", p.fix_gamma}, {"use_global_stats", p.use_global_stats}});
  for (int i = 0; i < 3; ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_BatchNorm", {g.output_grad(0), g.input(0), g.input(1), g.output(1),
                                                             g.output(2), g.input(3), g.input(4)});
  for (int i = 0; i < 3; ++i)
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
}
void describe_gradient(OpBuilder<Params>& op) {
  add_params(op);
  op.hidden().input("output_grad").input("data").input("gamma").input("mean").input("inverse");
  op.input("moving_mean").input("moving_var").outputs({"data", "gamma", "beta"}).mutates({5, 6}).optional_outputs();
  op.infer_shape(infer_backward).infer_type(infer_backward_type).no_gradient("second order is not defined yet");
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "BatchNorm");
  op.alias("BatchNorm_v1").alias("CuDNNBatchNorm");
  add_params(op);
  describe(op);
  op.visible_outputs(visible).prepare(prepare);
  OpBuilder<Params> relu(registry, "_contrib_BatchNormWithReLU");
  add_params(relu);
  describe(relu);
  relu.visible_outputs(visible).prepare(prepare_relu);
  OpBuilder<SyncParams> sync(registry, "_contrib_SyncBatchNorm");
  add_common(sync);
  sync.param("ndev", &SyncParams::ndev).range(1).doc("Accepted for MXNet's files.");
  sync.param("key", &SyncParams::key).required().doc("Accepted for MXNet's files.");
  describe(sync);
  sync.visible_outputs(visible_sync).prepare(prepare);
  //[full
  op.doc(
      "y = gamma (x - mean) / sqrt(variance + eps) + beta per channel, with the batch's statistics in training and the "
      "moving ones otherwise. The variance is the biased one.");
  op.gradient(gradient);
  op.sample({{3, 2, 2, 2}, {2}, {2}, {2}, {2}}, {{"fix_gamma", false}}).range(0.5, 2);
  op.sample({{4, 3}, {3}, {3}, {3}, {3}}, {{"fix_gamma", false}, {"axis", -1}}).range(0.5, 2);
  op.sample({{3, 2, 2}, {2}, {2}, {2}, {2}}, {{"fix_gamma", false}, {"use_global_stats", true}}).range(0.5, 2);
  op.sample({{2, 2, 3}, {2}, {2}, {2}, {2}}, {{"fix_gamma", true}}).range(0.5, 2);
  op.sample({{1, 1}, {1}, {1}, {1}, {1}}, {{"fix_gamma", false}}).range(0.5, 2);
  op.sample({{0, 2}, {2}, {2}, {2}, {2}}).range(0.5, 2);

  relu.doc("BatchNorm followed by max(x, 0), in one pass over the output.").gradient(relu_gradient);
  relu.sample({{3, 2, 2, 2}, {2}, {2}, {2}, {2}}, {{"fix_gamma", false}}).range(0.5, 2);
  relu.sample({{4, 3}, {3}, {3}, {3}, {3}}, {{"fix_gamma", false}, {"axis", -1}}).predict().range(0.5, 2);
  relu.sample({{1, 1}, {1}, {1}, {1}, {1}}).range(0.5, 2);
  relu.sample({{0, 2}, {2}, {2}, {2}, {2}}).range(0.5, 2);
  sync.doc(
      "BatchNorm with MXNet's parameters for several devices. The statistics are those of the array that is given: a "
      "batch that was split over executors has statistics of every part.");
  sync.gradient(sync_gradient);
  sync.sample({{3, 2, 2, 2}, {2}, {2}, {2}, {2}}, {{"fix_gamma", false}, {"key", "bn"}}).range(0.5, 2);
  sync.sample({{3, 2}, {2}, {2}, {2}, {2}}, {{"fix_gamma", false}, {"use_global_stats", true}, {"key", "bn"}})
      .range(0.5, 2);
  sync.sample({{1, 1}, {1}, {1}, {1}, {1}}, {{"key", "bn"}}).range(0.5, 2);
  sync.sample({{0, 2}, {2}, {2}, {2}, {2}}, {{"key", "bn"}}).range(0.5, 2);

  OpBuilder<Params> grad(registry, "_backward_BatchNorm");
  describe_gradient(grad);
  grad.prepare(prepare_backward<false>);

  // What pass/norm_tails makes.
  OpBuilder<Params> sum(registry, "_batch_norm_add_relu");
  add_params(sum);
  describe(sum.hidden());
  sum.input("residual").prepare(prepare_relu).no_gradient("made behind the gradient pass");
  sum.sample({{3, 2, 2, 2}, {2}, {2}, {2}, {2}, {3, 2, 2, 2}}, {{"fix_gamma", false}}).range(-2, 2);
  sum.sample({{4, 3}, {3}, {3}, {3}, {3}, {4, 3}}, {{"axis", -1}}).range(-2, 2);
  sum.sample({{1, 1}, {1}, {1}, {1}, {1}, {1, 1}}).range(-2, 2);
  sum.sample({{0, 2}, {2}, {2}, {2}, {2}, {0, 2}}).range(-2, 2);
  OpBuilder<Params> grad_relu(registry, "_backward_batch_norm_relu");
  describe_gradient(grad_relu);
  grad_relu.input("beta").prepare(prepare_backward<true>);
  grad_relu.sample({{3, 2, 2, 2}, {3, 2, 2, 2}, {2}, {2}, {2}, {2}, {2}, {2}}, {{"fix_gamma", false}}).range(-2, 2);
  grad_relu.sample({{4, 3}, {4, 3}, {3}, {3}, {3}, {3}, {3}, {3}}, {{"axis", -1}}).range(-2, 2);
  grad_relu.sample({{1, 1}, {1, 1}, {1}, {1}, {1}, {1}, {1}, {1}}).range(-2, 2);
  grad_relu.sample({{0, 2}, {0, 2}, {2}, {2}, {2}, {2}, {2}, {2}}).range(-2, 2);
  //]
}

}  // namespace mixnet::op::batch_norm
