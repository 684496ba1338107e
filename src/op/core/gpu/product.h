// Sums of products, for whatever can be read as a matrix product: store(batch, i, j, sum over t of a(batch, i, t) b(batch, t, j)).
//
//   struct A { const float* data; int64_t ld; MIXNET_ON_DEVICE float operator()(int64_t batch, int64_t i, int64_t t) const; };
//   product<float>(stream, {batch, m, n, k, true, false}, A{...}, B{...}, Store{...});
//
// a and b give elements as Sum and are never asked out of range, so that they may be gathered from anywhere. On CUDA large products go by
// tiles through shared memory, those with few rows or columns by one thread or one group of threads per sum. Every sum is added up in one
// order, every time.
#pragma once
#include <algorithm>

#include "op/core/gpu/launch.h"
#include "op/core/gpu/merges.h"

namespace mixnet::gpu {

struct ProductSize {
  int64_t batch, m, n, k;
  bool a_along_t = true,
       b_along_t = false;  // neighbouring t lie side by side in memory; otherwise neighbouring i, or j
};

template <class Sum, class A, class B, class Store>
struct SumByThread {
  ProductSize s;
  A a;
  B b;
  Store store;
  MIXNET_ON_DEVICE void operator()(int64_t e) const {
    const int64_t j = e % s.n, i = e / s.n % s.m, batch = e / (s.m * s.n);
    Sum sum = 0;
    for (int64_t t = 0; t < s.k; ++t) sum += a(batch, i, t) * b(batch, t, j);
    store(batch, i, j, sum);
  }
};

#if defined(__CUDACC__)

template <class Sum, class A, class B, class Store>
struct SumByGroup {
  ProductSize s;
  A a;
  B b;
  Store store;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t e, const G& group) const {
    const int64_t j = e % s.n, i = e / s.n % s.m, batch = e / (s.m * s.n);
    Sum sum = 0;
    for (int64_t t = group.rank(); t < s.k; t += group.size()) sum += a(batch, i, t) * b(batch, t, j);
    sum = group.reduce(sum, Plus());
    if (group.rank() == 0) store(batch, i, j, sum);
  }
};

constexpr int tile_extent = 64, tile_depth = 16;

template <class Sum, class A, class B, class Store>
__global__ void __launch_bounds__(block_threads) run_product(ProductSize s, A a, B b, Store store) {
  constexpr int lanes = 16, each = tile_extent / lanes;  // a thread has each x each sums, `lanes` apart
  static_assert(lanes * lanes == block_threads, "one thread per sum of a part");
  __shared__ Sum left[tile_depth][tile_extent + 1], right[tile_depth][tile_extent + 1];
  const int me = static_cast<int>(threadIdx.x), x = me % lanes, y = me / lanes;
  const int64_t columns = (s.n + tile_extent - 1) / tile_extent,
                area = columns * ((s.m + tile_extent - 1) / tile_extent);
  for (int64_t tile = blockIdx.x; tile < area * s.batch; tile += gridDim.x) {
    const int64_t batch = tile / area, i0 = tile % area / columns * tile_extent, j0 = tile % columns * tile_extent;
    Sum sum[each][each] = {};
    for (int64_t t0 = 0; t0 < s.k; t0 += tile_depth) {
      for (int e = me; e < tile_extent * tile_depth; e += block_threads) {
        const int i = s.a_along_t ? e / tile_depth : e % tile_extent,
                  t = s.a_along_t ? e % tile_depth : e / tile_extent;
        left[t][i] = i0 + i < s.m && t0 + t < s.k ? a(batch, i0 + i, t0 + t) : Sum(0);
        const int j = s.b_along_t ? e / tile_depth : e % tile_extent,
                  u = s.b_along_t ? e % tile_depth : e / tile_extent;
        right[u][j] = j0 + j < s.n && t0 + u < s.k ? b(batch, t0 + u, j0 + j) : Sum(0);
      }
      __syncthreads();
#pragma unroll
      for (int t = 0; t < tile_depth; ++t) {
        Sum p[each], q[each];
#pragma unroll
        for (int r = 0; r < each; ++r) {
          p[r] = left[t][y + r * lanes];
          q[r] = right[t][x + r * lanes];
        }
#pragma unroll
        for (int r = 0; r < each; ++r) {
#pragma unroll
          for (int c = 0; c < each; ++c) sum[r][c] += p[r] * q[c];
        }
      }
      __syncthreads();  // nobody fills the tiles before all have read them
    }
    for (int r = 0; r < each; ++r) {
      for (int c = 0; c < each; ++c) {
        const int64_t i = i0 + y + r * lanes, j = j0 + x + c * lanes;
        if (i < s.m && j < s.n) store(batch, i, j, sum[r][c]);
      }
    }
  }
}

template <class Sum, class A, class B, class Store>
void product(Stream& stream, const ProductSize& s, A a, B b, Store store) {
  const int64_t sums = s.batch * s.m * s.n;
  if (sums == 0) return;
  if (std::min(s.m, s.n) >= tile_depth) {
    const int64_t rows = (s.m + tile_extent - 1) / tile_extent, columns = (s.n + tile_extent - 1) / tile_extent;
    run_product<Sum><<<blocks_for(s.batch * rows * columns), block_threads, 0, native(stream)>>>(s, a, b, store);
    check_launch();
  } else if (s.k >= 512) {
    for_each_row(stream, sums, s.k, SumByGroup<Sum, A, B, Store>{s, a, b, store});
  } else {
    map(stream, sums, SumByThread<Sum, A, B, Store>{s, a, b, store});
  }
}

#else

template <class Sum, class A, class B, class Store>
void product(Stream& stream, const ProductSize& s, A a, B b, Store store) {
  map(stream, s.batch * s.m * s.n, SumByThread<Sum, A, B, Store>{s, a, b, store});
}

#endif

}  // namespace mixnet::gpu
