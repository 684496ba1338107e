// The gradient of repeating: every element gets the sum of what its copies got.
#pragma once
#include "device/stream.h"
#include "op/core/builder.h"
#include "op/core/strided_loop.h"

namespace mixnet::op {

struct Fold {
  using OnGpu = void (*)(const Fold& fold, Stream& stream, const TensorView& grads, const TensorView& sums);
  // By the backend of GPUs, before the first kernel runs.
  static void set_on_gpu(OnGpu run) { on_gpu = run; }

  StridedLoop<2> kept;    // (element, its first copy)
  StridedLoop<1> copies;  // distance of a copy from the first

  // With a stream it is put there.
  void run(Stream* stream, const TensorView& grads, const TensorView& sums) const {
    if (stream) return on_gpu(*this, *stream, grads, sums);
    dispatch_all(grads.dtype, "fold", [&](auto tag) { add<typename decltype(tag)::type>(grads, sums); });
  }

 private:
  static inline OnGpu on_gpu = nullptr;

  template <class T>
  void add(const TensorView& grads, const TensorView& sums) const {
    using A = accumulator_t<T>;
    constexpr int64_t block = 256, serial = int64_t{1} << 62;
    kept.run(
        [&](const auto& at, int64_t n, const auto& stride) {
          A sum[block];
          for (int64_t first = 0; first < n; first += block) {
            const int64_t width = std::min(block, n - first), so = stride[0], si = stride[1];
            const T* from = grads.as<T>() + at[1] + first * si;
            T* to = sums.as<T>() + at[0] + first * so;
            std::fill_n(sum, width, A(0));
            copies.run(
                [&](const auto& copy, int64_t m, const auto& step) {
                  for (int64_t j = 0; j < m; ++j) {
                    const T* row = from + copy[0] + j * step[0];
                    if (si == 1)
                      for (int64_t k = 0; k < width; ++k) sum[k] += static_cast<A>(row[k]);
                    else
                      for (int64_t k = 0; k < width; ++k) sum[k] += static_cast<A>(row[k * si]);
                  }
                },
                serial);
            for (int64_t k = 0; k < width; ++k) to[k * so] = static_cast<T>(sum[k]);
          }
        },
        std::max<int64_t>(1, 16384 / std::max<int64_t>(1, copies.size())));
  }
};

}  // namespace mixnet::op
