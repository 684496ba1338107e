// khatri_rao on GPUs; see khatri_rao.cc.
#include "op/linalg/khatri_rao.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::khatri_rao {
namespace {

constexpr int most_matrices = 64;  // so many with two rows give more rows than can be counted

template <class T>
struct Matrices {
  const T* x[most_matrices];
  int64_t rows[most_matrices];
  int count = 0;
  int64_t columns;
  Matrices(Span<const TensorView> in, int64_t width) : columns(width) {
    for (const TensorView& v : in) {
      x[count] = v.as<T>();
      rows[count++] = v.shape[0];
    }
  }
  // first times element (i, c) of the product of all matrices but `without`.
  MIXNET_ON_DEVICE accumulator_t<T> product(accumulator_t<T> first, int64_t i, int64_t c, int without) const {
    for (int m = count; m-- > 0;) {
      const int64_t row = i % rows[m];
      i /= rows[m];
      if (m != without) first *= static_cast<accumulator_t<T>>(x[m][row * columns + c]);
    }
    return first;
  }
};

template <class T>
struct Forward {
  Matrices<T> in;
  T* y;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    y[e] = static_cast<T>(in.product(accumulator_t<T>(1), e / in.columns, e % in.columns, -1));
  }
};
void forward(const Params&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "khatri_rao", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(), Forward<T>{Matrices<T>(r.in, r.out[0].shape[1]), r.out[0].as<T>()});
  });
}

// The gradient of one matrix: over all rows of the output made from its row, output_grad times the rows of the others.
template <class T>
struct Backward {
  Matrices<T> in;
  const T* dy;
  T* dx;
  int which;
  int64_t inner, total;  // rows of the output between two of this matrix, and all
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    using A = accumulator_t<T>;
    const int64_t row = e / in.columns, c = e % in.columns;
    A sum = 0;
    for (int64_t i = row * inner; i < total; i += in.rows[which] * inner) {
      for (int64_t j = i; j < i + inner; ++j) sum += in.product(static_cast<A>(dy[j * in.columns + c]), j, c, which);
    }
    dx[e] = static_cast<T>(sum);
  }
};
void backward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "khatri_rao", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices<T> in(r.in.subspan(1, r.in.size() - 1), r.in[0].shape[1]);
    int64_t inner = 1;
    for (int m = in.count; m-- > 0; inner *= in.rows[m]) {
      const TensorView& out = r.out[static_cast<size_t>(m)];
      if (out.data)
        gpu::map(*r.context.stream, out.size(),
                 Backward<T>{in, r.in[0].as<T>(), out.as<T>(), m, inner, r.in[0].shape[0]});
    }
  });
}

template <gpu::KernelFn<Params> fn>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (c.params<Params>().num_args > most_matrices) return nullptr;
  return std::make_unique<FunctionKernel<Params>>(c.params<Params>(), fn);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "khatri_rao", prepare<forward>);
  gpu::prepared(registry, "_backward_khatri_rao", prepare<backward>);
}

}  // namespace mixnet::op::khatri_rao
