// _contrib_fft and _contrib_ifft on GPUs; see fft.cc. A kernel per stage, for all rows; angles are computed where they are needed.
//
// Workspace: 16 bytes for every number that is transformed.
#include "op/contrib/fft.h"

#include <cmath>

#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::fft {
namespace {

struct Complex {
  double re, im;
  MIXNET_ON_DEVICE Complex operator*(Complex o) const { return {re * o.re - im * o.im, re * o.im + im * o.re}; }
  MIXNET_ON_DEVICE Complex operator+(Complex o) const { return {re + o.re, im + o.im}; }
  MIXNET_ON_DEVICE Complex operator-(Complex o) const { return {re - o.re, im - o.im}; }
};
MIXNET_ON_DEVICE Complex conjugate(Complex x) { return {x.re, -x.im}; }
MIXNET_ON_DEVICE Complex at_angle(double angle) { return {std::cos(angle), std::sin(angle)}; }

// Rows of n numbers, each in `size` places. Where these are more, a row behind the others has the chirp that they are convolved with.
struct Rows {
  int64_t count, n, size;
  Rows(int64_t count_, int64_t n_) : count(count_), n(n_), size(transformed(n_)) {}
  MIXNET_ON_DEVICE bool convolved() const { return size != n; }
  MIXNET_ON_DEVICE int64_t all() const { return count + (convolved() ? 1 : 0); }
  // Radix 2 takes its numbers in this order.
  MIXNET_ON_DEVICE int64_t reversed(int64_t i) const {
    int64_t to = 0;
    for (int64_t bit = 1; bit < size; bit *= 2, i /= 2) to = 2 * to + i % 2;
    return to;
  }
  MIXNET_ON_DEVICE Complex chirp(int64_t i) const { return at_angle(chirp_angle(i, n)); }
};

// Real numbers, or the conjugates of pairs.
template <class T>
struct Load {
  Rows rows;
  bool pairs;
  const T* x;
  Complex* to;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t row = k / rows.size, i = k % rows.size;
    to[row * rows.size + rows.reversed(i)] = row == rows.count ? kernel(i)
                                             : i < rows.n      ? number(row, i)
                                                               : Complex{0, 0};
  }

 private:
  MIXNET_ON_DEVICE Complex kernel(int64_t i) const {
    const int64_t distance = i < rows.size - i ? i : rows.size - i;
    return distance < rows.n ? conjugate(rows.chirp(distance)) : Complex{0, 0};
  }
  MIXNET_ON_DEVICE Complex number(int64_t row, int64_t i) const {
    const int64_t at = row * rows.n + i;
    const Complex v = pairs ? Complex{static_cast<double>(x[2 * at]), -static_cast<double>(x[2 * at + 1])}
                            : Complex{static_cast<double>(x[at]), 0};
    return rows.convolved() ? v * rows.chirp(i) : v;
  }
};

// One stage: pairs at a distance of `half`.
struct Stage {
  int64_t half;
  Complex* x;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t i = k % half;
    Complex* const at = x + k / half * 2 * half + i;
    const Complex odd = at[half] * at_angle(-turn / 2 * static_cast<double>(i) / static_cast<double>(half));
    at[half] = at[0] - odd;
    at[0] = at[0] + odd;
  }
};
void transform(const RunContext& r, int64_t count, int64_t size, Complex* x) {
  for (int64_t half = 1; half < size; half *= 2) OnGpu::each(r, count * size / 2, 1, Stage{half, x});
}

// The product with the chirp's spectrum, conjugate and in the order for the way back: the inverse transform is the forward one of the
// conjugate. One thread for the two numbers that change places.
struct Convolve {
  Rows rows;
  Complex* x;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t i = k % rows.size, j = rows.reversed(i);
    if (i > j) return;
    Complex* const row = x + k - i;
    const Complex* const spectrum = x + rows.count * rows.size;
    const Complex a = conjugate(row[i] * spectrum[i]), b = conjugate(row[j] * spectrum[j]);
    row[i] = b;
    row[j] = a;
  }
};

template <class T>
struct Store {
  Rows rows;
  bool pairs;
  const Complex* x;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const int64_t i = k % rows.n;
    Complex v = x[k / rows.n * rows.size + i];
    if (rows.convolved()) {
      v = conjugate(v) * rows.chirp(i);
      v = {v.re / static_cast<double>(rows.size), v.im / static_cast<double>(rows.size)};
    }
    if (!pairs) {
      y[k] = static_cast<T>(v.re);
      return;
    }
    y[2 * k] = static_cast<T>(v.re);
    y[2 * k + 1] = static_cast<T>(v.im);
  }
};

// The rows of the side that is real, or whose real part is wanted.
Rows rows_of(const TensorView& real) {
  const int64_t n = real.shape.back();
  return Rows(n > 0 ? real.size() / n : 0, n);
}
size_t bytes(const Rows& rows) {
  return rows.count > 0 ? static_cast<size_t>(rows.all() * rows.size) * sizeof(Complex) : 0;
}
size_t forward_scratch(const PrepareContext& c) { return bytes(rows_of(c.inputs[0])); }
size_t inverse_scratch(const PrepareContext& c) { return bytes(rows_of(c.outputs[0])); }

void run(const RunContext& r, const Rows& rows, bool inverse) {
  if (rows.count == 0) return;
  dispatch_wide(r.in[0].dtype, "fft", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Complex* const x = static_cast<Complex*>(r.context.workspace);
    OnGpu::each(r, rows.all() * rows.size, 1, Load<T>{rows, inverse, r.in[0].as<T>(), x});
    transform(r, rows.all(), rows.size, x);
    if (rows.convolved()) {
      OnGpu::each(r, rows.count * rows.size, 1, Convolve{rows, x});
      transform(r, rows.count, rows.size, x);
    }
    OnGpu::each(r, rows.count * rows.n, 1, Store<T>{rows, !inverse, x, r.out[0].as<T>()});
  });
}
void forward(const Params&, const RunContext& r) { run(r, rows_of(r.in[0]), false); }
void inverse(const Params&, const RunContext& r) { run(r, rows_of(r.out[0]), true); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::wide<Params>(registry, "_contrib_fft", forward, forward_scratch);
  gpu::wide<Params>(registry, "_contrib_ifft", inverse, inverse_scratch);
}

}  // namespace mixnet::op::fft
