// _contrib_index_copy on GPUs; see index_copy.cc.
#include "op/core/gpu/items.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/scratch.h"

namespace mixnet::op::index_copy {
namespace {

// Row of data that index i names, clipped.
template <class I>
MIXNET_ON_DEVICE int64_t row_of(const I* index, int64_t i, int64_t rows) {
  const double v = static_cast<double>(static_cast<accumulator_t<I>>(index[i]));
  return v > 0 ? static_cast<int64_t>(v < static_cast<double>(rows - 1) ? v : static_cast<double>(rows - 1)) : 0;
}
// The last index that names a row, -1 where none does.
template <class I>
MIXNET_ON_DEVICE int64_t last_of(const I* index, int64_t count, int64_t rows, int64_t row) {
  for (int64_t i = count - 1; i >= 0; --i)
    if (row_of(index, i, rows) == row) return i;
  return -1;
}

// `last`, by row, is found first, so that of several new rows the last one stands there.
template <class I>
struct FindLast {
  const I* index;
  int64_t* last;
  int64_t count, rows;
  MIXNET_ON_DEVICE void operator()(int64_t row) const { last[row] = last_of(index, count, rows, row); }
};
template <class T>
struct Replace {
  const T *old_rows, *new_rows;
  T* y;
  const int64_t* last;
  int64_t width;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t i = last[e / width];
    y[e] = i < 0 ? old_rows[e] : new_rows[i * width + e % width];
  }
};
template <class T>
struct KeepGradient {
  const T* dy;
  T* dx;
  const int64_t* last;
  int64_t width;
  MIXNET_ON_DEVICE void operator()(int64_t e) const { dx[e] = last[e / width] < 0 ? dy[e] : T(0); }
};
template <class T, class I>
struct NewGradient {
  const T* dy;
  T* dx;
  const I* index;
  const int64_t* last;
  int64_t rows, width;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t i = e / width, row = row_of(index, i, rows);
    dx[e] = last[row] == i ? dy[row * width + e % width] : T(0);
  }
};

void find_last(const RunContext& r, int64_t rows) {
  int64_t* last = static_cast<int64_t*>(r.context.workspace);
  dispatch_all(r.in[1].dtype, "index_copy", [&](auto tag) {
    using I = typename decltype(tag)::type;
    OnGpu::each(r, rows, 1, FindLast<I>{r.in[1].as<I>(), last, r.in[1].size(), rows});
  });
}
void forward(const NoParams&, const RunContext& r) {
  const int64_t size = r.out[0].size();
  if (size == 0) return;
  find_last(r, r.out[0].shape[0]);
  const int64_t* last = static_cast<const int64_t*>(r.context.workspace);
  gpu::dispatch_items(r.out[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, size, 1,
                Replace<T>{r.in[0].as<T>(), r.in[2].as<T>(), r.out[0].as<T>(), last, size / r.out[0].shape[0]});
  });
}
void backward(const NoParams&, const RunContext& r) {
  const int64_t size = r.in[0].size();
  if (size == 0) return OnGpu::zero(r, r.out[1]);
  const int64_t rows = r.in[0].shape[0], width = size / rows;
  find_last(r, rows);
  const int64_t* last = static_cast<const int64_t*>(r.context.workspace);
  gpu::dispatch_items(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    OnGpu::each(r, size, 1, KeepGradient<T>{r.in[0].as<T>(), r.out[0].as<T>(), last, width});
    dispatch_all(r.in[1].dtype, "index_copy", [&](auto index) {
      using I = typename decltype(index)::type;
      OnGpu::each(r, r.out[1].size(), 1,
                  NewGradient<T, I>{r.in[0].as<T>(), r.out[1].as<T>(), r.in[1].as<I>(), last, rows, width});
    });
  });
}
size_t number_per_row(const PrepareContext& c) { return static_cast<size_t>(c.outputs[0].shape[0]) * sizeof(int64_t); }

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<NoParams>(registry, "_contrib_index_copy", forward, number_per_row);
  gpu::kernel<NoParams>(registry, "_backward_contrib_index_copy", backward, number_per_row);
}

}  // namespace mixnet::op::index_copy
