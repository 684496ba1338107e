// Copies, sums of many, casts and choices on GPUs; see basic.cc.
#include "op/elemwise/basic.h"

#include <algorithm>

#include "op/core/gpu/convert.h"
#include "op/core/gpu/fill.h"
#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"

namespace mixnet::op::basic {
namespace {

template <int V>
void fill(const NoParams&, const RunContext& r) {
  gpu::fill(*r.context.stream, r.out[0], V);
}
template <class P>
void cast(const P&, const RunContext& r) {
  gpu::convert(*r.context.stream, r.in[0], r.out[0]);
}

constexpr int most_terms = 64;
template <class T>
struct Sum {
  const T* x[most_terms];
  int count;
  T* y;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    using A = accumulator_t<T>;
    gpu::Lanes<A, V> sum{};
    for (int k = 0; k < count; ++k) {
      const auto term = gpu::load<V>(x[k] + at);
      MIXNET_UNROLL
      for (int j = 0; j < V; ++j)
        sum.at[j] = k > 0 ? sum.at[j] + static_cast<A>(term.at[j]) : static_cast<A>(term.at[j]);
    }
    gpu::put_lanes<V>(y + at, [](A v) { return v; }, sum);
  }
};
// More terms than a kernel takes are added in several; 16-bit floats are rounded in between.
void add_n(const AddN&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "add_n", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (size_t at = 0; at < r.in.size();) {
      Sum<T> sum{{}, 0, r.out[0].as<T>()};
      if (at > 0) sum.x[sum.count++] = sum.y;
      for (; at < r.in.size() && sum.count < most_terms; ++at) sum.x[sum.count++] = r.in[at].as<T>();
      const bool even =
          gpu::even(sum.y) && std::all_of(sum.x, sum.x + sum.count, [](const T* x) { return gpu::even(x); });
      gpu::map_lanes<T>(*r.context.stream, r.out[0].size(), sum, even);
    }
  });
}

template <class T>
struct Clip {
  using A = accumulator_t<T>;
  A low, high;
  MIXNET_ON_DEVICE A operator()(T x) const {
    const A v = static_cast<A>(x);
    return v < low ? low : v > high ? high : v;
  }
};
void clip(const ClipParams& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "clip", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    gpu::map_values(*r.context.stream, r.out[0].size(), Clip<T>{static_cast<A>(p.a_min), static_cast<A>(p.a_max)},
                    r.out[0].as<T>(), r.in[0].as<T>());
  });
}

template <class C>
MIXNET_ON_DEVICE bool holds(C condition) {
  return static_cast<float>(condition) != 0;
}
// Elements of `Item` bytes, a value of the condition for each.
template <class C, class Item>
struct Choose {
  MIXNET_ON_DEVICE Item operator()(C condition, Item x, Item y) const { return holds(condition) ? x : y; }
};
// Each value of the condition decides about `row` elements.
template <class C, class Item>
struct ChooseRows {
  const C* condition;
  const Item *x, *y;
  Item* out;
  int64_t row;
  template <int V> MIXNET_ON_DEVICE void run(int64_t at) const {
    gpu::store(out + at, gpu::load<V>((holds(condition[at / row]) ? x : y) + at));
  }
};
template <class C, class Item>
void put_where(const RunContext& r) {
  const int64_t n = r.out[0].size(), rows = r.in[0].size();
  if (n == 0 || rows == 0) return;
  Stream& stream = *r.context.stream;
  const int64_t row = n / rows;
  const C* const condition = r.in[0].as<C>();
  const Item *const x = r.in[1].as<Item>(), *const y = r.in[2].as<Item>();
  Item* const out = r.out[0].as<Item>();
  if (row == 1) return gpu::map_values(stream, n, Choose<C, Item>(), out, condition, x, y);
  gpu::map_lanes<Item>(stream, n, ChooseRows<C, Item>{condition, x, y, out, row},
                       row % gpu::lanes_of<Item> == 0 && gpu::even({x, y, out}));
}
void where(const NoParams&, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "where", [&](auto condition) {
    using C = typename decltype(condition)::type;
    switch (dtype_size(r.out[0].dtype)) {
      case 1: return put_where<C, uint8_t>(r);
      case 2: return put_where<C, uint16_t>(r);
      case 4: return put_where<C, uint32_t>(r);
      default: return put_where<C, uint64_t>(r);
    }
  });
}

template <class A>
struct Plus {
  MIXNET_ON_DEVICE A operator()(A a, A b) const { return a + b; }
};

// How the sums back to a broadcast shape are shared out: each in `slices` parts, so that few results of many terms keep a device busy too.
// Parts are summed to workspace, by a thread each where neighbours in memory belong to different results, else by a group each.
struct SumPlan {
  explicit SumPlan(const SumLoops& loops) : kept(loops.kept), summed(loops.summed) {
    constexpr int64_t enough = 1 << 16, least = 32;
    const StridedLoop<2>& k = loops.kept;
    by_thread = kept.size > 1 && k.strides(k.ndim() - 1)[1] == 1;
    const int64_t wanted = enough / std::max<int64_t>(1, by_thread ? kept.size : kept.size * 32);
    slices = std::max<int64_t>(1, std::min({wanted, summed.size / (by_thread ? least : least * 32), int64_t{256}}));
    each = (summed.size + slices - 1) / slices;
  }
  gpu::Strided<2> kept, summed;
  int64_t slices, each;
  bool by_thread;
};

template <class T>
struct Part {
  using A = accumulator_t<T>;
  SumPlan plan;
  const T* x;
  A* parts;
  // The terms first, first + step, ... of part `i`; parts of a slice lie together.
  MIXNET_ON_DEVICE A sum(int64_t i, int64_t first, int64_t step) const {
    const int64_t slice = i / plan.kept.size;
    int64_t at[2], term[2];
    plan.kept.at(i - slice * plan.kept.size, at);
    A total = 0;
    const int64_t end = (slice + 1) * plan.each < plan.summed.size ? (slice + 1) * plan.each : plan.summed.size;
    for (int64_t k = slice * plan.each + first; k < end; k += step) {
      plan.summed.at(k, term);
      total += static_cast<A>(x[at[1] + term[1]]);
    }
    return total;
  }
  MIXNET_ON_DEVICE void operator()(int64_t i) const { parts[i] = sum(i, 0, 1); }
  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t i, const Group& group) const {
    const A total = group.reduce(sum(i, group.rank(), group.size()), Plus<A>());
    if (group.rank() == 0) parts[i] = total;
  }
};
template <class T>
struct Join {
  gpu::Strided<2> kept;
  int64_t slices;
  const accumulator_t<T>* parts;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[2];
    kept.at(i, at);
    accumulator_t<T> sum = 0;
    for (int64_t s = 0; s < slices; ++s) sum += parts[s * kept.size + i];
    y[at[0]] = static_cast<T>(sum);
  }
};

class SumToLike : public Kernel {
 public:
  explicit SumToLike(const PrepareContext& c) : plan_(SumLoops(c.outputs[0].shape, c.inputs[0].shape)) {}
  size_t workspace() const override { return static_cast<size_t>(plan_.kept.size * plan_.slices) * 8; }
  void run(const RunContext& r) const override {
    Stream& stream = *r.context.stream;
    if (r.in[0].size() == r.out[0].size()) return gpu::convert(stream, r.in[0], r.out[0]);
    dispatch_all(r.out[0].dtype, "_sum_to_like", [&](auto tag) {
      using T = typename decltype(tag)::type;
      auto* parts = static_cast<accumulator_t<T>*>(r.context.workspace);
      const Part<T> part{plan_, r.in[0].as<T>(), parts};
      const int64_t count = plan_.kept.size * plan_.slices;
      if (plan_.by_thread) gpu::map(stream, count, part);
      else gpu::for_each_row(stream, count, plan_.each, part);
      gpu::map(stream, plan_.kept.size, Join<T>{plan_.kept, plan_.slices, parts, r.out[0].as<T>()});
    });
  }

 private:
  const SumPlan plan_;
};
std::unique_ptr<Kernel> prepare_sum(const PrepareContext& c) { return std::make_unique<SumToLike>(c); }

// Counts, a group per `width` elements, and the sum of these counts.
template <class T>
struct CountValid {
  static constexpr int64_t width = 4096;
  const T* x;
  int64_t n;
  double threshold;
  int64_t* counts;
  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t row, const Group& group) const {
    int64_t mine = 0;
    const int64_t end = (row + 1) * width < n ? (row + 1) * width : n;
    for (int64_t i = row * width + group.rank(); i < end; i += group.size())
      mine += static_cast<double>(x[i]) > threshold;
    const int64_t all = group.reduce(mine, Plus<int64_t>());
    if (group.rank() == 0) counts[row] = all;
  }
};
struct TotalCount {
  const int64_t* counts;
  int64_t n;
  int64_t* total;
  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t, const Group& group) const {
    int64_t mine = 0;
    for (int64_t k = group.rank(); k < n; k += group.size()) mine += counts[k];
    const int64_t all = group.reduce(mine, Plus<int64_t>());
    if (group.rank() == 0) *total = all;
  }
};
template <class T>
struct LossGradient {
  MakeLossParams params;
  int64_t batch;
  const int64_t* valid;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    dx[i] = static_cast<T>(static_cast<accumulator_t<T>>(loss_scale(params, batch, *valid)));
  }
};
class MakeLossBackward : public FunctionKernel<MakeLossParams> {
 public:
  explicit MakeLossBackward(const PrepareContext& c)
      : FunctionKernel(c.params<MakeLossParams>(), backward), rows_(rows(c.inputs[0].size())) {}
  size_t workspace() const override { return static_cast<size_t>(1 + rows_) * sizeof(int64_t); }

 private:
  static int64_t rows(int64_t n) { return (n + CountValid<float>::width - 1) / CountValid<float>::width; }
  static void backward(const MakeLossParams& p, const RunContext& r) {
    Stream& stream = *r.context.stream;
    const int64_t n = r.in[0].size(), batch = r.in[0].ndim() > 0 ? r.in[0].shape[0] : 1;
    int64_t *valid = static_cast<int64_t*>(r.context.workspace), *counts = valid + 1;
    stream.fill_zero(valid, sizeof *valid);
    dispatch_float(r.in[0].dtype, "MakeLoss", [&](auto tag) {
      using T = typename decltype(tag)::type;
      if (p.normalization == MakeLossParams::Norm::valid) {
        gpu::for_each_row(stream, rows(n), CountValid<T>::width,
                          CountValid<T>{r.in[0].as<T>(), n, p.valid_thresh, counts});
        gpu::for_each_row(stream, 1, rows(n), TotalCount{counts, rows(n), valid});
      }
      gpu::map(stream, n, LossGradient<T>{p, batch, valid, r.out[0].as<T>()});
    });
  }
  const int64_t rows_;
};
std::unique_ptr<Kernel> prepare_loss(const PrepareContext& c) { return std::make_unique<MakeLossBackward>(c); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "zeros_like", fill<0>);
  gpu::kernel<NoParams>(registry, "ones_like", fill<1>);
  gpu::kernel<AddN>(registry, "add_n", add_n);
  gpu::kernel<CastParams>(registry, "Cast", cast<CastParams>);
  gpu::kernel<NoParams>(registry, "_cast_like", cast<NoParams>);
  gpu::kernel<ClipParams>(registry, "clip", clip);
  gpu::kernel<NoParams>(registry, "where", where);
  gpu::prepared(registry, "_sum_to_like", prepare_sum);
  gpu::prepared(registry, "_backward_MakeLoss", prepare_loss);
}

}  // namespace mixnet::op::basic
