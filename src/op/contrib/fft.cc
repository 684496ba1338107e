// _contrib_fft and _contrib_ifft: discrete Fourier transforms of the last axis; complex numbers lie as pairs. Each is the other's gradient.
//
// O(n log n) for every n: radix 2 for powers of two, else Bluestein's convolution (1970). Everything is computed in double.
#include "op/contrib/fft.h"

#include <cmath>
#include <complex>
#include <memory>

#include "op/core/wide.h"

namespace mixnet::op::fft {
namespace {

using Complex = std::complex<double>;

// Without the checks for infinite parts that the operator of std::complex makes.
Complex product(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// The sum of x[j] exp(-2 pi i j k / n) for all k. Constant once made; the buffer of a call has size() numbers.
class Fourier {
 public:
  explicit Fourier(int64_t n) : n_(n), size_(transformed(n)) {
    for (int64_t i = 0; i < size_ / 2; ++i)
      roots_.push_back(std::polar(1.0, -turn * static_cast<double>(i) / static_cast<double>(size_)));
    if (size_ == n) return;
    spectrum_.assign(static_cast<size_t>(size_), Complex());
    for (int64_t i = 0; i < n; ++i) {
      chirp_.push_back(std::polar(1.0, chirp_angle(i, n)));
      spectrum_[static_cast<size_t>(i)] = std::conj(chirp_.back());
      if (i > 0) spectrum_[static_cast<size_t>(size_ - i)] = std::conj(chirp_.back());
    }
    radix2(spectrum_.data());
  }
  int64_t size() const { return size_; }

  // In place; what is behind the first n numbers is scratch.
  void run(Complex* x) const {
    if (size_ == n_) return radix2(x);
    for (int64_t i = 0; i < n_; ++i) x[i] = product(x[i], chirp_[static_cast<size_t>(i)]);
    std::fill(x + n_, x + size_, Complex());
    radix2(x);
    // The inverse transform is the forward one of the conjugate.
    for (int64_t i = 0; i < size_; ++i) x[i] = std::conj(product(x[i], spectrum_[static_cast<size_t>(i)]));
    radix2(x);
    const double scale = 1 / static_cast<double>(size_);
    for (int64_t i = 0; i < n_; ++i) x[i] = product(std::conj(x[i]), chirp_[static_cast<size_t>(i)]) * scale;
  }

 private:
  void radix2(Complex* x) const {
    for (int64_t i = 1, j = 0; i < size_; ++i) {
      int64_t bit = size_ >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) std::swap(x[i], x[j]);
    }
    for (int64_t half = 1; half < size_; half *= 2) {
      for (int64_t start = 0; start < size_; start += 2 * half) {
        for (int64_t k = 0; k < half; ++k) {
          const Complex odd = product(x[start + half + k], roots_[static_cast<size_t>(k * (size_ / (2 * half)))]);
          x[start + half + k] = x[start + k] - odd;
          x[start + k] += odd;
        }
      }
    }
  }
  int64_t n_, size_;
  std::vector<Complex> roots_, chirp_, spectrum_;
};

struct Planned : Params {
  std::shared_ptr<const Fourier> plan;
  int64_t slots = 1;
};

// f(row, buffer of its thread) for all rows.
template <class F>
void for_rows(const Planned& p, const RunContext& r, int64_t rows, F f) {
  parallel_for(p.slots, 1, [&](int64_t first, int64_t last) {
    for (int64_t slot = first; slot < last; ++slot) {
      Complex* buffer = static_cast<Complex*>(r.context.workspace) + slot * p.plan->size();
      for (int64_t k = slot * rows / p.slots; k < (slot + 1) * rows / p.slots; ++k) f(k, buffer);
    }
  });
}
void forward(const Planned& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "fft", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].shape.back();
    for_rows(p, r, r.in[0].size() / n, [&](int64_t k, Complex* x) {
      for (int64_t i = 0; i < n; ++i) x[i] = static_cast<double>(r.in[0].as<T>()[k * n + i]);
      p.plan->run(x);
      T* y = r.out[0].as<T>() + k * 2 * n;
      for (int64_t i = 0; i < n; ++i) {
        y[2 * i] = static_cast<T>(x[i].real());
        y[2 * i + 1] = static_cast<T>(x[i].imag());
      }
    });
  });
}
// The real part of the inverse, not divided by n: the forward transform of the conjugate.
void inverse(const Planned& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "ifft", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.out[0].shape.back();
    for_rows(p, r, r.out[0].size() / n, [&](int64_t k, Complex* x) {
      const T* in = r.in[0].as<T>() + k * 2 * n;
      for (int64_t i = 0; i < n; ++i) x[i] = {static_cast<double>(in[2 * i]), -static_cast<double>(in[2 * i + 1])};
      p.plan->run(x);
      for (int64_t i = 0; i < n; ++i) r.out[0].as<T>()[k * n + i] = static_cast<T>(x[i].real());
    });
  });
}
void nothing(const Planned&, const RunContext&) {}

std::unique_ptr<Kernel> planned(const PrepareContext& c, const TensorView& real, WideKernel<Planned>::Body body) {
  Planned p;
  static_cast<Params&>(p) = c.params<Params>();
  size_t bytes = 0;
  if (real.size() > 0) {
    p.plan = std::make_shared<Fourier>(real.shape.back());
    p.slots = std::min<int64_t>(parallel_threads(), real.size() / real.shape.back());
    bytes = static_cast<size_t>(p.slots * p.plan->size()) * sizeof(Complex);
  }
  PrepareContext own = c;
  own.params_ = &p;
  return std::make_unique<WideKernel<Planned>>(own, real.size() > 0 ? body : nothing, bytes);
}
std::unique_ptr<Kernel> prepare_forward(const PrepareContext& c) { return planned(c, c.inputs[0], forward); }
std::unique_ptr<Kernel> prepare_inverse(const PrepareContext& c) { return planned(c, c.outputs[0], inverse); }

void infer_forward(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  Shape s = c.in[0];
  if (!s.ndim_known()) return;
  if (s.back() > (int64_t{1} << 40))
    c.fail(Code::shape, concat("data: expected at most 2^40 numbers in a row, got ", s));
  if (s.back() >= 0) s[s.ndim() - 1] *= 2;
  c.set_out(0, s);
}
void infer_inverse(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  Shape s = c.in[0];
  if (!s.ndim_known()) return;
  if (s.back() % 2 == 1) c.fail(Code::shape, concat("data: expected pairs of real and imaginary parts, got ", s));
  if (s.back() > (int64_t{1} << 40))
    c.fail(Code::shape, concat("data: expected at most 2^40 numbers in a row, got ", s));
  if (s.back() >= 0) s[s.ndim() - 1] /= 2;
  c.set_out(0, s);
}

//[full
void forward_gradient(GradientContext& g) { g.set(0, g.make("_contrib_ifft", {g.output_grad(0)})); }
void inverse_gradient(GradientContext& g) { g.set(0, g.make("_contrib_fft", {g.output_grad(0)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> to(registry, "_contrib_fft"), from(registry, "_contrib_ifft");
  for (OpBuilder<Params>* op : {&to, &from})
    op->param("compute_size", &Params::compute_size).range(1).doc("Accepted for MXNet's files.");
  to.input("data", "(..., n), float.").infer_shape(infer_forward).prepare(prepare_forward);
  from.input("data", "(..., 2 n), float: pairs of a real and an imaginary part.");
  from.infer_shape(infer_inverse).prepare(prepare_inverse);
  //[full
  to.doc("Fourier transform of every row of real numbers, (..., 2 n): pairs of a real and an imaginary part.");
  from.doc("Real part of the inverse Fourier transform of every row, not divided by n, (..., n).");
  to.gradient(forward_gradient);
  from.gradient(inverse_gradient);
  for (int64_t n : {1, 4, 6, 7}) {
    to.sample({{2, n}});
    from.sample({{2, 2 * n}});
  }
  to.sample({{1}});
  to.sample({{2, 1, 2, 3}});
  to.sample({{0, 3}});
  from.sample({{2, 1, 2, 6}});
  from.sample({{0, 6}});
  //]
}

}  // namespace mixnet::op::fft
