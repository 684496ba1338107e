#include "op/core/gpu/column_sums.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/sums.h"

namespace mixnet::gpu {
namespace {

template <class T>
struct OneColumn {
  const T* x;
  T* sums;
  int64_t outer, columns, inner;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    using A = accumulator_t<T>;
    A sum = 0;
    for (int64_t k = group.rank(); k < outer * inner; k += group.size())
      sum += static_cast<A>(x[(k / inner * columns + c) * inner + k % inner]);
    sum = group.reduce(sum, Plus());
    if (group.rank() == 0) sums[c] = static_cast<T>(sum);
  }
};

// Of a table: a block has as many neighbouring columns as threads in a row, so that they read side by side.
template <class T>
struct ColumnsOfTable {
  using A = accumulator_t<T>;
  static constexpr int side = block_side;
  struct Shared {
    A sums[side][side];
  };
  const T* x;
  T* sums;
  int64_t rows, columns;
  static int64_t blocks(int64_t columns) { return (columns + side - 1) / side; }
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t block, const G& group, Shared& part) const {
    const int i = group.rank() % side, lane = group.rank() / side;
    const int64_t c = block * side + i;
    A sum = 0;
    for (int64_t row = lane; c < columns && row < rows; row += side) sum += static_cast<A>(x[row * columns + c]);
    part.sums[lane][i] = sum;
    group.wait();
    for (int k = 1; lane == 0 && k < side; ++k) sum += part.sums[k][i];
    if (lane == 0 && c < columns) sums[c] = static_cast<T>(sum);
    group.wait();  // nobody fills the part before all have read it
  }
};

}  // namespace

void column_sums(Stream& stream, DType dtype, const void* x, int64_t outer, int64_t columns, int64_t inner,
                 void* sums) {
  dispatch_float(dtype, "column_sums", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* const from = static_cast<const T*>(x);
    T* const to = static_cast<T*>(sums);
    constexpr int64_t enough_blocks = 64;  // fewer leave most of a GPU idle
    if (inner == 1 && ColumnsOfTable<T>::blocks(columns) >= enough_blocks)
      for_each_block(stream, ColumnsOfTable<T>::blocks(columns), ColumnsOfTable<T>{from, to, outer, columns});
    else for_each_row(stream, columns, outer * inner, OneColumn<T>{from, to, outer, columns, inner});
  });
}

}  // namespace mixnet::gpu
