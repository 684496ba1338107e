// SoftmaxOutput on GPUs; see softmax_output.cc.
#include "op/loss/softmax_output.h"

#include "op/core/exponential.h"
#include "op/core/gpu/merges.h"
#include "op/core/gpu/reduction.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/rows.h"

namespace mixnet::op::softmax_output {
namespace {

template <class T>
struct Forward {
  static constexpr int V = gpu::lanes_of<T>;
  const T* x;
  T* y;
  Sizes s;
  bool pieces;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t row, const G& group) const {
    using A = accumulator_t<T>;
    const int64_t start = s.start(row);
    const auto each = [&](auto f) {
      gpu::over_row<V>(group, s.classes, pieces, [&](auto lanes, int64_t k) {
        f(start + k * s.inner, gpu::load<decltype(lanes)::value>(x + start + k * s.inner));
      });
    };
    A top = -std::numeric_limits<A>::infinity(), sum = 0;
    each([&](int64_t, const auto& values) {
      MIXNET_UNROLL
      for (const T v : values.at) top = gpu::Greatest()(top, static_cast<A>(v));
    });
    top = group.reduce(top, gpu::Greatest());
    each([&](int64_t, const auto& values) {
      MIXNET_UNROLL
      for (const T v : values.at) sum += functions::exponential(static_cast<A>(v) - top);
    });
    sum = group.reduce(sum, gpu::Plus());
    // y may be x: every member overwrites what it alone reads.
    each([&](int64_t at, const auto& values) {
      gpu::put_lanes(y + at, [&](T v) { return functions::exponential(static_cast<A>(v) - top) / sum; }, values);
    });
  }
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "SoftmaxOutput", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Sizes s(p, r.in[0].shape);
    const T* const x = r.in[0].as<T>();
    T* const y = r.out[0].as<T>();
    gpu::map_rows<T>(*r.context.stream, s.outer * s.inner, s.classes, s.inner,
                     Forward<T>{x, y, s, gpu::whole_pieces<T>(s.classes, s.inner, {x, y})});
  });
}

// How many rows are not ignored.
template <class T>
struct Valid {
  using Value = int64_t;
  const T* label;
  int64_t rows;
  double ignored;
  int64_t* count;
  MIXNET_ON_DEVICE static int64_t start() { return 0; }
  MIXNET_ON_DEVICE static int64_t join(int64_t a, int64_t b) { return a + b; }
  MIXNET_ON_DEVICE int64_t over(int64_t, int64_t first, int64_t step) const {
    int64_t n = 0;
    for (int64_t k = first; k < rows; k += step) n += static_cast<double>(label[k]) != ignored;
    return n;
  }
  MIXNET_ON_DEVICE void finish(int64_t, int64_t n) const { *count = n; }
};

template <class T>
struct Backward {
  const T *y, *label, *dy;  // dy may be null
  T* dx;
  const int64_t* valid;  // null: all rows
  Params p;
  Sizes s;
  int64_t batch;
  bool dense, ignores;

  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    using A = accumulator_t<T>;
    const int64_t outer = e / (s.classes * s.inner), at = e - outer * s.classes * s.inner, k = at / s.inner,
                  row = outer * s.inner + (at - k * s.inner);
    const A scale = static_cast<A>(gradient_scale(p, s, batch, valid ? *valid : s.outer * s.inner));
    A d = 0;
    if (dense) {
      d = (static_cast<A>(y[e]) - static_cast<A>(label[e])) * scale;
    } else if (!ignores || static_cast<double>(label[row]) != p.ignore_label) {
      const bool wanted = static_cast<int64_t>(static_cast<A>(label[row])) == k;
      const A on = A(1) - static_cast<A>(p.smooth_alpha),
              off = static_cast<A>(p.smooth_alpha / static_cast<double>(s.classes > 1 ? s.classes - 1 : 1));
      d = (static_cast<A>(y[e]) - (wanted ? on : off)) * scale;
    }
    if (dy) d *= static_cast<A>(dy[e]);
    dx[e] = static_cast<T>(d);
  }
};

class BackwardKernel : public Kernel {
 public:
  explicit BackwardKernel(const PrepareContext& c)
      : p_(c.params<Params>()),
        sizes_(p_, c.inputs[0].shape),
        rows_(sizes_.outer * sizes_.inner),
        dense_(c.inputs[1].shape == c.inputs[0].shape && c.inputs[1].size() != rows_),
        counting_(1, rows_, false) {}
  size_t workspace() const override { return counting_.workspace() + sizeof(int64_t); }
  void run(const RunContext& r) const override {
    dispatch_float(r.in[0].dtype, "SoftmaxOutput", [&](auto tag) { launch<typename decltype(tag)::type>(r); });
  }

 private:
  template <class T>
  void launch(const RunContext& r) const {
    Stream& stream = *r.context.stream;
    const T *label = r.in[1].as<T>(), *dy = p_.out_grad ? r.in[2].as<T>() : nullptr;
    char* const parts = static_cast<char*>(r.context.workspace);
    const bool ignores = p_.use_ignore && !dense_;
    int64_t* valid = nullptr;
    if (ignores && p_.normalization == Norm::valid) {
      valid = reinterpret_cast<int64_t*>(parts + counting_.workspace());
      counting_.run(stream, Valid<T>{label, rows_, p_.ignore_label, valid}, parts);
    }
    const int64_t batch = r.in[0].shape[0];
    gpu::map(stream, r.out[0].size(),
             Backward<T>{r.in[0].as<T>(), label, dy, r.out[0].as<T>(), valid, p_, sizes_, batch, dense_, ignores});
  }

  const Params p_;
  const Sizes sizes_;
  const int64_t rows_;
  const bool dense_;  // labels are probabilities
  const gpu::Reduction counting_;
};
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) { return std::make_unique<BackwardKernel>(c); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "SoftmaxOutput", forward);
  gpu::prepared(registry, "_backward_SoftmaxOutput", prepare_backward);
}

}  // namespace mixnet::op::softmax_output
