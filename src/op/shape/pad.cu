// Pad on GPUs.
#include "op/shape/pad.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"
#include "op/core/gpu/words.h"

namespace mixnet::op::pad {
namespace {

// Coordinates of a volume's elements by their number.
class Coordinates {
 public:
  Coordinates(int64_t depth, int64_t height, int64_t width, int64_t size)
      : split_{gpu::Split(depth, size), gpu::Split(height, size), gpu::Split(width, size)} {}
  // Returns the plane.
  MIXNET_ON_DEVICE int64_t find(int64_t i, int64_t (&at)[3]) const {
    MIXNET_UNROLL
    for (int k = 2; k >= 0; --k) {
      const int64_t rest = split_[k].number(i);
      at[k] = i - rest * split_[k].length();
      i = rest;
    }
    return i;
  }

 private:
  gpu::Split split_[3];
};

template <class W>
struct Forward {
  Volume volume;
  Coordinates padded;
  W value;
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t to[3], at = padded.find(i, to);
    bool inside = true;
    MIXNET_UNROLL
    for (int k = 0; k < 3; ++k) {
      const int64_t from = volume.axis[k].source(to[k]);
      inside = inside && from != outside;
      at = at * volume.axis[k].n + from;
    }
    y[i] = inside ? x[at] : value;
  }
};

void forward(const Params& p, const RunContext& r) {
  const Volume v(p, r.in[0].shape);
  const int64_t n = r.out[0].size();
  const Coordinates padded(v.axis[0].padded(), v.axis[1].padded(), v.axis[2].padded(), n);
  dispatch_all(r.in[0].dtype, "Pad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = gpu::word_t<T>;
    gpu::map(*r.context.stream, n,
             Forward<W>{v, padded, gpu::word_of<T>(p.constant_value), r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

template <class T>
struct Backward {
  Volume volume;
  Coordinates inner;
  const T* dy;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    Axis::Copies copies[3];
    int64_t from[3];
    const int64_t plane_number = inner.find(i, from);
    for (int k = 0; k < 3; ++k) copies[k] = volume.axis[k].copies(from[k]);
    A sum = 0;
    for (int a = 0; a < 3; ++a) {
      for (int64_t z = copies[0].begin[a]; z < copies[0].end[a]; ++z) sum = plane(copies, plane_number, z, sum);
    }
    dx[i] = static_cast<T>(sum);
  }

 private:
  template <class A>
  MIXNET_ON_DEVICE A plane(const Axis::Copies (&copies)[3], int64_t image, int64_t z, A sum) const {
    const int64_t depth = volume.axis[0].padded(), height = volume.axis[1].padded(), width = volume.axis[2].padded();
    for (int a = 0; a < 3; ++a) {
      for (int64_t y = copies[1].begin[a]; y < copies[1].end[a]; ++y) {
        const T* row = dy + ((image * depth + z) * height + y) * width;
        for (int b = 0; b < 3; ++b) {
          for (int64_t x = copies[2].begin[b]; x < copies[2].end[b]; ++x) sum += static_cast<A>(row[x]);
        }
      }
    }
    return sum;
  }
};

void backward(const Params& p, const RunContext& r) {
  const Volume v(p, r.out[0].shape);
  const int64_t n = r.out[0].size();
  const Coordinates inner(v.axis[0].n, v.axis[1].n, v.axis[2].n, n);
  dispatch_float(r.in[0].dtype, "Pad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, n, Backward<T>{v, inner, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Pad", forward);
  gpu::kernel<Params>(registry, "_backward_Pad", backward);
}

}  // namespace mixnet::op::pad
