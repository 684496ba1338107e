// Dropout on GPUs: the numbers drawn are those of the CPU. See dropout.cc.
#include "op/nn/dropout.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"

namespace mixnet::op::dropout {
namespace {

// The mask at V neighbouring elements: a draw has four numbers.
template <class T>
struct Draws {
  using A = accumulator_t<T>;
  PhiloxKey random;
  float p;
  A kept;
  bool active;
  template <int V> MIXNET_ON_DEVICE gpu::Lanes<T, V> at(int64_t first) const {
    gpu::Lanes<T, V> mask;
    PhiloxBlock draw{};
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) {
      if (active && k % 4 == 0) draw = philox(random, static_cast<uint64_t>((first + k) / 4));
      const uint32_t word = V % 4 == 0 ? draw.word[k % 4] : chosen(draw, (first + k) % 4);
      mask.at[k] = static_cast<T>(!active ? A(1) : uniform_float(word) >= p ? kept : A(0));
    }
    return mask;
  }
  // Without an index, for which the words would have to be in memory.
  static MIXNET_ON_DEVICE uint32_t chosen(const PhiloxBlock& draw, int64_t i) {
    return i == 0 ? draw.word[0] : i == 1 ? draw.word[1] : i == 2 ? draw.word[2] : draw.word[3];
  }
};
template <class T>
struct Draw {
  Draws<T> draws;
  T* mask;
  template <int V> MIXNET_ON_DEVICE void run(int64_t i) const { gpu::store(mask + i, draws.template at<V>(i)); }
};

template <class T>
struct Times {
  MIXNET_ON_DEVICE accumulator_t<T> operator()(T x, T mask) const {
    return static_cast<accumulator_t<T>>(x) * static_cast<accumulator_t<T>>(mask);
  }
};
template <class T>
struct DrawAndMask {
  Draw<T> draw;
  const T* x;
  T* y;
  template <int V> MIXNET_ON_DEVICE void run(int64_t i) const {
    const auto mask = draw.draws.template at<V>(i);
    gpu::store(draw.mask + i, mask);
    gpu::put_lanes(y + i, Times<T>(), gpu::load<V>(x + i), mask);
  }
};

// y = x mask, where the mask has extent 1 along some axes.
template <class T>
struct Masked {
  const T *x, *mask;
  T* y;
  gpu::Strided<1> places;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[1];
    places.at(i, at);
    y[i] = static_cast<T>(Times<T>()(x[i], mask[at[0]]));
  }
};
StridedLoop<1> mask_loop(const Shape& shape, const Shape& mask) {
  const auto strides = row_major_strides(mask);
  StridedLoop<1> loop;
  for (int d = 0; d < shape.ndim(); ++d) loop.add(shape[d], {mask[d] == 1 ? 0 : strides[static_cast<size_t>(d)]});
  return loop;
}
template <class T>
void put_masked(const RunContext& r, const TensorView& mask) {
  const TensorView &x = r.in[0], &y = r.out[0];
  if (mask.shape == x.shape)
    return gpu::map_values(*r.context.stream, y.size(), Times<T>(), y.as<T>(), x.as<const T>(), mask.as<const T>());
  const gpu::Strided<1> places(mask_loop(x.shape, mask.shape));
  gpu::map(*r.context.stream, y.size(), Masked<T>{x.as<T>(), mask.as<T>(), y.as<T>(), places});
}

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const TensorView &x = r.in[0], &y = r.out[0], &mask = r.out[1];
    const bool active = (r.context.training || p.mode == Mode::always) && p.p > 0;
    const A kept = p.p < 1 ? A(1) / static_cast<A>(1 - p.p) : A(0);
    const Draw<T> draw{{r.context.random, static_cast<float>(p.p), kept, active}, mask.as<T>()};
    Stream& stream = *r.context.stream;
    if (mask.shape == x.shape)
      return gpu::map_lanes<T>(stream, y.size(), DrawAndMask<T>{draw, x.as<T>(), y.as<T>()},
                               gpu::even({x.data, y.data, mask.data}));
    gpu::map_lanes<T>(stream, mask.size(), draw, gpu::even(mask.data));
    put_masked<T>(r, mask);
  });
}

// (dy, mask) to dx.
void backward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "Dropout", [&](auto tag) { put_masked<typename decltype(tag)::type>(r, r.in[1]); });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Dropout", forward);
  gpu::kernel<Params>(registry, "_backward_Dropout", backward);
}

}  // namespace mixnet::op::dropout
