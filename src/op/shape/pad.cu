// Pad on GPUs.
#include "op/shape/pad.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::pad {
namespace {

template <class T>
struct Forward {
  Volume volume;
  T value;
  const T* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t rest = i, at = 0, stride = 1;
    bool inside = true;
    for (int k = 2; k >= 0; --k) {
      const Axis& axis = volume.axis[k];
      const int64_t from = axis.source(rest % axis.padded());
      inside = inside && from != outside;
      at += from * stride;
      rest /= axis.padded();
      stride *= axis.n;
    }
    y[i] = inside ? x[rest * stride + at] : value;
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "Pad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T value = static_cast<T>(static_cast<accumulator_t<T>>(p.constant_value));
    gpu::map(*r.context.stream, r.out[0].size(),
             Forward<T>{Volume(p, r.in[0].shape), value, r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

template <class T>
struct Backward {
  Volume volume;
  const T* dy;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    Axis::Copies copies[3];
    int64_t rest = i;
    for (int k = 2; k >= 0; --k) {
      copies[k] = volume.axis[k].copies(rest % volume.axis[k].n);
      rest /= volume.axis[k].n;
    }
    A sum = 0;
    for (int a = 0; a < 3; ++a) {
      for (int64_t z = copies[0].begin[a]; z < copies[0].end[a]; ++z) sum = plane(copies, rest, z, sum);
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
  dispatch_float(r.in[0].dtype, "Pad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Backward<T>{Volume(p, r.out[0].shape), r.in[0].as<T>(), r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "Pad", forward);
  gpu::kernel<Params>(registry, "_backward_Pad", backward);
}

}  // namespace mixnet::op::pad
