// _contrib_quantized_flatten, _act, _concat and _embedding on GPUs; see quantized_shape.cc.
#include "op/quantization/quantized_shape.h"

#include "op/core/gpu/quantized.h"
#include "op/core/gpu/scratch.h"

namespace mixnet::op::quantized_shape {
namespace {

void flatten(const NoParams&, const RunContext& r) {
  OnGpu::copy(r, r.in[0], r.out[0]);
  gpu::copy_range(r, 1, 2);
}

template <class Q>
struct Positive {
  const Q* x;
  Q* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = x[i] > Q(0) ? x[i] : Q(0); }
};
void act(const ActParams&, const RunContext& r) {
  q::dispatch(r.in[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    OnGpu::each(r, r.in[0].size(), 1, Positive<Q>{r.in[0].as<Q>(), r.out[0].as<Q>()});
  });
  gpu::copy_range(r, 1, 2);
}

struct Widen {
  const float *low, *high;
  float* range;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    range[0] = std::min(range[0], *low);
    range[1] = std::max(range[1], *high);
  }
};
struct ReportRange {
  const float* range;
  float *min, *max;
  MIXNET_ON_DEVICE void operator()(int64_t) const {
    if (min) *min = range[0];
    if (max) *max = range[1];
  }
};
// One part of the join, in the range of all.
template <class Q, class R>
struct Part {
  const Q* from;
  R* to;
  int64_t length, width;
  const float *low, *high, *range;
  DType t, result;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const float factor = q::step(*low, *high, t) * q::per_step(range[0], range[1], result);
    to[i / length * width + i % length] = q::saturate<R>(static_cast<float>(from[i]) * factor);
  }
};
void concat_bytes(const ConcatParams& p, const RunContext& r) {
  const size_t n = r.in.size() / 3;
  float* range = static_cast<float*>(r.context.workspace);
  r.context.stream->fill_zero(range, 2 * sizeof(float));
  for (size_t i = 0; i < n; ++i)
    OnGpu::each(r, 1, 1, Widen{r.in[n + 2 * i].as<float>(), r.in[n + 2 * i + 1].as<float>(), range});
  const Shape& out = r.out[0].shape;
  const int axis = normalize_axis(p.dim, out.ndim(), "quantized_concat");
  const int64_t width = out.size(axis, out.ndim());
  q::dispatch_bytes(r.out[0].dtype, [&](auto result) {
    using R = typename decltype(result)::type;
    int64_t at = 0;
    for (size_t i = 0; i < n; ++i) {
      const TensorView& part = r.in[i];
      const int64_t length = part.shape.size(axis, out.ndim());
      q::dispatch_bytes(part.dtype, [&](auto tag) {
        using Q = typename decltype(tag)::type;
        OnGpu::each(r, part.size(), 1,
                    Part<Q, R>{part.as<Q>(), r.out[0].as<R>() + at, length, width, r.in[n + 2 * i].as<float>(),
                               r.in[n + 2 * i + 1].as<float>(), range, part.dtype, r.out[0].dtype});
      });
      at += length;
    }
  });
  OnGpu::each(r, 1, 1, ReportRange{range, r.out[1].as<float>(), r.out[2].as<float>()});
}

template <class I>
struct Row {
  const I* rows;
  const uint8_t* weight;
  uint8_t* y;
  int64_t count, length;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const double given = static_cast<double>(static_cast<accumulator_t<I>>(rows[i / length]));
    const int64_t row = given > 0 ? static_cast<int64_t>(std::min(given, static_cast<double>(count - 1))) : 0;
    y[i] = weight[row * length + i % length];
  }
};
void embedding(const EmbeddingParams& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "quantized_embedding", [&](auto tag) {
    using I = typename decltype(tag)::type;
    OnGpu::each(r, r.out[0].size(), 1,
                Row<I>{r.in[0].as<I>(), r.in[1].as<uint8_t>(), r.out[0].as<uint8_t>(), p.input_dim, p.output_dim});
  });
  gpu::copy_range(r, 2, 3);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "_contrib_quantized_flatten", flatten);
  gpu::kernel<ActParams>(registry, "_contrib_quantized_act", act);
  gpu::kernel<ConcatParams>(registry, "_contrib_quantized_concat", concat_bytes, gpu::pair_of_floats);
  gpu::kernel<EmbeddingParams>(registry, "_contrib_quantized_embedding", embedding);
}

}  // namespace mixnet::op::quantized_shape
