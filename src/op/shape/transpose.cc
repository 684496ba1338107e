// transpose and SwapAxis: the axes in another order.
#include "op/shape/transpose.h"

#include <cstring>

#include "op/core/movement.h"

namespace mixnet::op::transpose {
namespace {

// One axis of the output with its strides in both tensors.
struct Axis {
  int64_t extent, out, in;
};

// Output axes with neighbours merged where the input crosses them without a gap; axes of extent 1 are left out.
std::vector<Axis> merged_axes(const Shape& in, const Shape& out, const Shape& order) {
  const auto so = row_major_strides(out), si = row_major_strides(in);
  std::vector<Axis> axes;
  for (int i = 0; i < out.ndim(); ++i) {
    const Axis next{out[i], so[static_cast<size_t>(i)], si[static_cast<size_t>(order[i])]};
    if (next.extent == 1) continue;
    if (!axes.empty() && axes.back().in == next.in * next.extent)
      axes.back() = {axes.back().extent * next.extent, next.out, next.in};
    else axes.push_back(next);
  }
  return axes;
}

// A block of n x n elements in registers, n vectors of 32 bytes: log2(n) rounds exchange what stands off the diagonal.
template <class T>
struct Block {
  static constexpr int n = 32 / static_cast<int>(sizeof(T));
  typedef T V __attribute__((vector_size(32)));
  V row[n];

  template <int S, size_t... I>
  void exchange(std::index_sequence<I...>) {
    constexpr size_t s = S;
    for (int i = 0; i < n; ++i) {
      if (i & S) continue;
      const V a = row[i], b = row[i + S];
#if defined(__clang__)
      row[i] = __builtin_shufflevector(a, b, (I & s ? n + I - s : I)...);
      row[i + S] = __builtin_shufflevector(a, b, (I & s ? n + I : I + s)...);
#else
      const V low = {static_cast<T>(I & s ? n + I - s : I)...}, high = {static_cast<T>(I & s ? n + I : I + s)...};
      row[i] = __builtin_shuffle(a, b, low);
      row[i + S] = __builtin_shuffle(a, b, high);
#endif
    }
  }
  template <int S>
  void rounds() {
    exchange<S>(std::make_index_sequence<n>());
    if constexpr (2 * S < n) rounds<2 * S>();
  }
  void transpose(const T* from, int64_t in, T* to, int64_t out) {
    for (int i = 0; i < n; ++i) std::memcpy(&row[i], from + i * in, sizeof(V));
    rounds<1>();
    for (int i = 0; i < n; ++i) std::memcpy(to + i * out, &row[i], sizeof(V));
  }
};

// to[i * out + j] = from[i + j * in] for i < rows, j < columns.
template <class T>
void transpose_tile(const T* from, int64_t in, T* to, int64_t out, int64_t rows, int64_t columns) {
  int64_t whole_rows = 0, whole_columns = 0;
  if constexpr (sizeof(T) >= 4) {
    constexpr int64_t n = Block<T>::n;
    whole_rows = rows / n * n;
    whole_columns = columns / n * n;
    for (int64_t i = 0; i < whole_rows; i += n) {
      for (int64_t j = 0; j < whole_columns; j += n) Block<T>().transpose(from + i + j * in, in, to + i * out + j, out);
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j) to[i * out + j] = from[i + j * in];
  }
}

// Square tiles over the axis that is dense in the input and the last one, which is dense in the output, so that both
// tensors are touched in whole cache lines. The other axes count the planes.
template <class T>
void copy_tiles(const std::vector<Axis>& axes, size_t dense, const T* x, T* y) {
  constexpr int64_t side = 64 / static_cast<int64_t>(sizeof(T)) * 2;
  const Axis a = axes[dense], b = axes.back();
  int64_t planes = 1;
  for (size_t i = 0; i + 1 < axes.size(); ++i) planes *= i == dense ? 1 : axes[i].extent;
  const int64_t tiles_a = (a.extent + side - 1) / side, tiles_b = (b.extent + side - 1) / side;
  parallel_for(planes * tiles_a * tiles_b, std::max<int64_t>(1, 16384 / (side * side)),
               [&](int64_t first, int64_t last) {
                 for (int64_t tile = first; tile < last; ++tile) {
                   const int64_t a0 = tile / tiles_b % tiles_a * side, b0 = tile % tiles_b * side;
                   const int64_t a1 = std::min(a.extent, a0 + side), b1 = std::min(b.extent, b0 + side);
                   const T* from = x;
                   T* to = y;
                   int64_t rest = tile / tiles_b / tiles_a;
                   for (size_t i = axes.size() - 1; i-- > 0;) {
                     if (i == dense) continue;
                     from += rest % axes[i].extent * axes[i].in;
                     to += rest % axes[i].extent * axes[i].out;
                     rest /= axes[i].extent;
                   }
                   transpose_tile(from + a0 + b0 * b.in, b.in, to + a0 * a.out + b0, a.out, a1 - a0, b1 - b0);
                 }
               });
}

void copy_axes(Stream* stream, const std::vector<Axis>& axes, const RunContext& r) {
  StridedLoop<2> loop;
  for (const Axis& axis : axes) loop.add(axis.extent, {axis.out, axis.in});
  copy_strided(stream, loop, r.out[0].data, r.in[0].data, dtype_size(r.in[0].dtype));
}

template <class P>
void forward(const P& p, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  const std::vector<Axis> axes = merged_axes(r.in[0].shape, r.out[0].shape, order_of(p, r.in[0].ndim()));
  const int64_t item = dtype_size(r.in[0].dtype);
  size_t dense = 0;
  while (dense < axes.size() && axes[dense].in != 1) ++dense;
  if (dense + 1 < axes.size()) {
    if (item == 1) return copy_tiles(axes, dense, r.in[0].as<uint8_t>(), r.out[0].as<uint8_t>());
    if (item == 2) return copy_tiles(axes, dense, r.in[0].as<uint16_t>(), r.out[0].as<uint16_t>());
    if (item == 4) return copy_tiles(axes, dense, r.in[0].as<uint32_t>(), r.out[0].as<uint32_t>());
    return copy_tiles(axes, dense, r.in[0].as<uint64_t>(), r.out[0].as<uint64_t>());
  }
  copy_axes(nullptr, axes, r);
}
template <class P>
void forward_on_gpu(const P& p, const RunContext& r) {
  copy_axes(r.context.stream, merged_axes(r.in[0].shape, r.out[0].shape, order_of(p, r.in[0].ndim())), r);
}
template <class P>
void infer(InferShape& c) {
  if (c.in[0].ndim_known()) {
    const Shape order = order_of(c.params<P>(), c.in[0].ndim());
    Shape out;
    for (int64_t axis : order) out.push_back(c.in[0][static_cast<int>(axis)]);
    c.set_out(0, out);
  }
  if (c.out[0].ndim_known()) {
    const Shape order = order_of(c.params<P>(), c.out[0].ndim());
    Shape in = Shape::filled(order.ndim(), -1);
    for (int i = 0; i < order.ndim(); ++i) in[static_cast<int>(order[i])] = c.out[0][i];
    c.set_in(0, in);
  }
}
//[full
void gradient(GradientContext& g) {
  const Shape& axes = g.params<Params>().axes;
  Shape inverse = axes;
  for (int i = 0; i < axes.ndim(); ++i) inverse[static_cast<int>(axes[i] < 0 ? axes[i] + axes.ndim() : axes[i])] = i;
  g.set(0, g.make("transpose", {g.output_grad(0)}, {{"axes", inverse}}));
}
void swap_gradient(GradientContext& g) {
  const SwapParams& p = g.params<SwapParams>();
  g.set(0, g.make("SwapAxis", {g.output_grad(0)}, {{"dim1", p.dim1}, {"dim2", p.dim2}}));
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "transpose");
  op.param("axes", &Params::axes).doc("Which input axis stands where; all reversed when empty.");
  op.input("data", "Any shape and dtype.").infer_shape(infer<Params>);
  op.kernel(forward<Params>).gpu_kernel(forward_on_gpu<Params>);
  OpBuilder<SwapParams> swap(registry, "SwapAxis");
  swap.alias("swapaxes");
  swap.param("dim1", &SwapParams::dim1).doc("One axis.");
  swap.param("dim2", &SwapParams::dim2).doc("The other axis.");
  swap.input("data", "Any shape and dtype.").infer_shape(infer<SwapParams>);
  swap.kernel(forward<SwapParams>).gpu_kernel(forward_on_gpu<SwapParams>);
  //[full
  op.doc("data with its axes in another order.").gradient(gradient);
  op.sample({{2, 3, 4}});
  op.sample({{2, 3, 4}}, {{"axes", Shape{1, 2, 0}}});
  op.sample({{2, 3, 2, 3}}, {{"axes", Shape{0, -1, 2, 1}}});
  op.sample({{2, 11, 9}}, {{"axes", Shape{0, 2, 1}}});
  op.sample({{2, 3, 4}}, {{"axes", Shape{1, 0, 2}}});
  op.sample({{1}});
  op.sample({{0, 3}});
  swap.doc("data with two axes exchanged.").gradient(swap_gradient);
  swap.sample({{2, 3, 4}}, {{"dim1", 0}, {"dim2", 2}});
  swap.sample({{2, 5, 3}}, {{"dim1", 1}, {"dim2", 2}});
  swap.sample({{1}});
  swap.sample({{0, 2}}, {{"dim1", 0}, {"dim2", 1}});
  //]
}

}  // namespace mixnet::op::transpose
