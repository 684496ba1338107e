// gather_nd and its counterparts on GPUs. An index out of range is no error here, as it would have to be waited for: gather_nd takes
// zeros, the others leave the slice out.
#include "op/index/gather_nd.h"

#include "op/core/gpu/register.h"
#include "op/core/gpu/words.h"
#include "op/core/movement.h"
#include "op/index/by_row.h"
#include "op/index/indices.h"

namespace mixnet::op::gather_nd {
namespace {

// indices (M, ...) address the first M axes of a tensor, which make `rows` rows of `inner` elements each: `count` of them.
struct Address {
  Indices index;
  int axes;
  int64_t extent[Shape::max_ndim], count, rows = 1, inner;

  Address(const Shape& data, const TensorView& indices) : index(indices), axes(static_cast<int>(indices.shape[0])) {
    for (int a = 0; a < axes; ++a) rows *= extent[a] = data[a];
    count = indices.shape.size(1, indices.ndim());
    inner = data.size(axes, data.ndim());
  }
  // The row of slice k; `rows` when an index is out of range.
  MIXNET_ON_DEVICE int64_t operator[](int64_t k) const {
    int64_t row = 0;
    for (int a = 0; a < axes; ++a) {
      const int64_t given = index[a * count + k], i = given < 0 ? given + extent[a] : given;
      if (i < 0 || i >= extent[a]) return rows;
      row = row * extent[a] + i;
    }
    return row;
  }
};

template <class W>
struct Gather {
  Address address;
  gpu::Split words;  // of a slice
  const W* x;
  W* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t k = words.number(i), row = address[k];
    y[i] = row < address.rows ? x[row * words.length() + i - k * words.length()] : W{};
  }
};

// f(word type, words of a slice) with words as wide as slices and addresses allow.
template <class F>
void dispatch_slices(const TensorView& from, const TensorView& to, int64_t inner, F f) {
  const int64_t bytes = inner * dtype_size(from.dtype), word = gpu::widest_word({from.data, to.data}, bytes);
  gpu::dispatch_wide_words(word, [&](auto tag) { f(tag, bytes / word); });
}

void gather(const NoParams&, const RunContext& r) {
  const Address address(r.in[0].shape, r.in[1]);
  dispatch_slices(r.in[0], r.out[0], address.inner, [&](auto tag, int64_t words) {
    using W = typename decltype(tag)::type;
    const int64_t all = address.count * words;
    gpu::map(*r.context.stream, all, Gather<W>{address, gpu::Split(words, all), r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

// Later slices overwrite earlier ones with the same address.
void put(const RunContext& r, const gpu::PairSort& sort, const TensorView& values, const TensorView& indices) {
  if (values.size() == 0) return;
  const Address address(r.out[0].shape, indices);
  const Groups groups = group_by_row(r, sort, address, address.rows);
  dispatch_slices(values, r.out[0], address.inner, [&](auto tag, int64_t words) {
    using W = typename decltype(tag)::type;
    const int64_t all = address.count * words;
    gpu::map(*r.context.stream, all, LastSlice<W>{groups, gpu::Split(words, all), values.as<W>(), r.out[0].as<W>()});
  });
}
void scatter(const Params&, const RunContext& r, const gpu::PairSort& sort) {
  set_zero(r.context.stream, r.out[0]);
  put(r, sort, r.in[0], r.in[1]);
}
void scatter_set(const Params&, const RunContext& r, const gpu::PairSort& sort) {
  copy_bytes(r.context.stream, r.out[0].data, r.in[0].data, r.in[0].bytes());
  put(r, sort, r.in[1], r.in[2]);
}

// Slices with the same address are added.
void gather_backward(const NoParams&, const RunContext& r, const gpu::PairSort& sort) {
  set_zero(r.context.stream, r.out[0]);
  if (r.in[0].size() == 0) return;
  const Address address(r.out[0].shape, r.in[1]);
  const Groups groups = group_by_row(r, sort, address, address.rows);
  dispatch_all(r.out[0].dtype, "gather_nd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    sum_slices<T>(*r.context.stream, groups, address.inner, r.in[0], r.out[0]);
  });
}

// `at`: which input holds the indices.
template <class P, size_t at, void (*fn)(const P&, const RunContext&, const gpu::PairSort&)>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Shape& indices = c.inputs[at].shape;
  return std::make_unique<SortingKernel<P>>(c, indices.size(1, indices.ndim()), fn);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "gather_nd", gather);
  gpu::prepared(registry, "_backward_gather_nd", prepare<NoParams, 1, gather_backward>);
  gpu::prepared(registry, "scatter_nd", prepare<Params, 1, scatter>);
  gpu::prepared(registry, "_scatter_set_nd", prepare<Params, 2, scatter_set>);
}

}  // namespace mixnet::op::gather_nd
