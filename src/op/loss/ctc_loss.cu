// CTCLoss on GPUs; see ctc_loss.cc. A group per sequence: its members share the states and classes of every time step.
#include "op/loss/ctc_loss.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/merges.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::ctc_loss {
namespace {

template <class A, class T, class G>
MIXNET_ON_DEVICE A log_norm(const Batch<A, T>& b, int64_t t, int64_t n, const G& group) {
  const T* x = b.row(t, n);
  A top = -std::numeric_limits<A>::infinity(), sum = 0;
  for (int64_t k = group.rank(); k < b.classes; k += group.size()) top = gpu::Greatest()(top, static_cast<A>(x[k]));
  top = group.reduce(top, gpu::Greatest());
  for (int64_t k = group.rank(); k < b.classes; k += group.size()) sum += std::exp(static_cast<A>(x[k]) - top);
  return top + std::log(group.reduce(sum, gpu::Plus()));
}

// One row of alpha, seen by all members afterwards.
template <class A, class T, class G>
MIXNET_ON_DEVICE void advance(const Batch<A, T>& b, int64_t t, int64_t n, int64_t states, const A* before, A* alpha,
                              const G& group) {
  const A norm = log_norm(b, t, n, group);
  for (int64_t s = group.rank(); s < states; s += group.size())
    alpha[s] = reached(b, n, s, before) + static_cast<A>(b.row(t, n)[b.state(n, s)]) - norm;
  group.wait();
}

// Rows of alpha for two time steps in turn.
template <class T>
struct Forward {
  using A = accumulator_t<T>;
  Batch<A, T> b;
  A* workspace;
  T* out;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t n, G group) const {
    const int64_t room = 2 * b.width + 1, states = 2 * b.num_labels(n) + 1, steps = b.classes > 0 ? b.length(n) : 0;
    A *alpha = workspace + n * 2 * room, loss = 0;
    for (int64_t t = 0; t < steps; ++t)
      advance<A, T>(b, t, n, states, t > 0 ? alpha + (t - 1) % 2 * room : nullptr, alpha + t % 2 * room, group);
    if (group.rank() != 0) return;
    if (steps > 0) loss = -log_likelihood(alpha + (steps - 1) % 2 * room, states);
    out[n] = static_cast<T>(std::isfinite(loss) ? loss : A(0));
  }
};

// All rows of alpha, which posteriors take the place of, then two of beta in turn.
template <class T>
struct Backward {
  using A = accumulator_t<T>;
  Batch<A, T> b;
  A* workspace;
  const T* dy;
  T* dx;

  // Posteriors of all states of the class of state s; 0 if an earlier one has that class, which answers for all.
  MIXNET_ON_DEVICE bool owns(int64_t n, int64_t s) const {
    if (s % 2 == 0) return s == 0;
    const int64_t k = b.state(n, s);
    if (k == b.blank()) return false;
    for (int64_t i = 1; i < s; i += 2) {
      if (b.state(n, i) == k) return false;
    }
    return true;
  }
  MIXNET_ON_DEVICE A of_class(int64_t n, int64_t s, int64_t states, const A* posterior) const {
    const int64_t k = b.state(n, s);
    A sum = 0;
    for (int64_t i = s; i < states; ++i) {
      if (b.state(n, i) == k) sum += posterior[i];
    }
    return sum;
  }

  template <class G> MIXNET_ON_DEVICE void operator()(int64_t n, G group) const {
    const int64_t states = 2 * b.num_labels(n) + 1, steps = b.length(n), room = 2 * b.width + 1;
    const A scale = static_cast<A>(dy[n]);
    A *alpha = workspace + n * (b.steps + 2) * room, *beta = alpha + b.steps * room;
    for (int64_t t = 0; t < b.steps; ++t) {
      for (int64_t k = group.rank(); k < b.classes; k += group.size()) dx[(t * b.count + n) * b.classes + k] = T(0.f);
    }
    for (int64_t t = 0; t < steps; ++t)
      advance<A, T>(b, t, n, states, t > 0 ? alpha + (t - 1) * room : nullptr, alpha + t * room, group);
    const A total = steps > 0 ? log_likelihood(alpha + (steps - 1) * room, states) : A(0);
    if (steps == 0 || !std::isfinite(total)) return;
    for (int64_t t = steps - 1; t >= 0; --t) {
      const T* x = b.row(t, n);
      T* g = dx + (t * b.count + n) * b.classes;
      A *posterior = alpha + t * room, *now = beta + t % 2 * room;
      const A *behind = t == steps - 1 ? nullptr : beta + (t + 1) % 2 * room, norm = log_norm(b, t, n, group);
      for (int64_t k = group.rank(); k < b.classes; k += group.size())
        g[k] = static_cast<T>(std::exp(static_cast<A>(x[k]) - norm) * scale);
      for (int64_t s = group.rank(); s < states; s += group.size()) {
        const A sum = leads_on(b, n, s, states, behind);
        posterior[s] = std::exp(posterior[s] + sum - total);
        now[s] = sum + static_cast<A>(x[b.state(n, s)]) - norm;
      }
      group.wait();
      for (int64_t s = group.rank(); s < states; s += group.size()) {
        if (!owns(n, s)) continue;
        const int64_t k = b.state(n, s);
        const A share = std::exp(static_cast<A>(x[k]) - norm) * scale;
        g[k] = static_cast<T>(share - of_class(n, s, states, posterior) * scale);
      }
    }
  }
};

class CtcKernel : public Kernel {
 public:
  CtcKernel(const Params& p, size_t states) : p_(p), states_(states) {}
  size_t workspace() const override { return states_ * sizeof(double); }

 protected:
  const Params p_;

 private:
  const size_t states_;
};

class ForwardKernel : public CtcKernel {
 public:
  explicit ForwardKernel(const PrepareContext& c)
      : CtcKernel(c.params<Params>(), static_cast<size_t>(c.inputs[0].shape[1] * 2 * (2 * c.inputs[1].shape[1] + 1))) {}
  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "CTCLoss", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using A = accumulator_t<T>;
      const Batch<A, T> b(p_, r.in);
      gpu::for_each_row(*r.context.stream, b.count, b.classes,
                        Forward<T>{b, static_cast<A*>(r.context.workspace), r.out[0].as<T>()});
    });
  }
};
class BackwardKernel : public CtcKernel {
 public:
  explicit BackwardKernel(const PrepareContext& c)
      : CtcKernel(c.params<Params>(), static_cast<size_t>(c.inputs[1].shape[1] * (c.inputs[1].shape[0] + 2) *
                                                          (2 * c.inputs[2].shape[1] + 1))) {}
  void run(const RunContext& r) const override {
    if (r.out[0].size() == 0) return;
    dispatch_float(r.in[0].dtype, "CTCLoss", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using A = accumulator_t<T>;
      const Batch<A, T> b(p_, r.in.subspan(1, r.in.size() - 1));
      gpu::for_each_row(*r.context.stream, b.count, b.classes,
                        Backward<T>{b, static_cast<A*>(r.context.workspace), r.in[0].as<T>(), r.out[0].as<T>()});
    });
  }
};

template <class K>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<K>(c);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "CTCLoss", prepare<ForwardKernel>);
  gpu::prepared(registry, "_backward_CTCLoss", prepare<BackwardKernel>);
}

}  // namespace mixnet::op::ctc_loss
