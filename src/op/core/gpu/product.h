// Sums of products, for whatever can be read as a matrix product: store(batch, i, j, sum over t of a(batch, i, t) b(batch, t, j)).
//
//   struct A { const float* data; int64_t ld; MIXNET_ON_DEVICE float operator()(int64_t batch, int64_t i, int64_t t) const; };
//   product<float>(stream, {batch, m, n, k, true, false}, A{...}, B{...}, Store{...});
//
// a and b give elements as Sum and are never asked out of range, so that they may be gathered from anywhere. Large products go by
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

// A block of threads has a tile of the sums, each thread `each` times `each` of them, `lanes` apart.
template <class Sum, class A, class B, class Store>
struct SumsByTile {
  static constexpr int lanes = block_side, each = 4, extent = lanes * each, depth = lanes;
  struct Shared {
    Sum left[depth][extent + 1], right[depth][extent + 1];
  };
  ProductSize s;
  A a;
  B b;
  Store store;

  MIXNET_ON_DEVICE static int64_t tiles(int64_t length) { return (length + extent - 1) / extent; }
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t tile, const G& group, Shared& part) const {
    const int me = group.rank(), x = me % lanes, y = me / lanes;
    const int64_t columns = tiles(s.n), area = columns * tiles(s.m);
    const int64_t batch = tile / area, i0 = tile % area / columns * extent, j0 = tile % columns * extent;
    Sum sum[each][each] = {};
    for (int64_t t0 = 0; t0 < s.k; t0 += depth) {
      for (int e = me; e < extent * depth; e += group.size()) {
        const int i = s.a_along_t ? e / depth : e % extent, t = s.a_along_t ? e % depth : e / extent;
        part.left[t][i] = i0 + i < s.m && t0 + t < s.k ? a(batch, i0 + i, t0 + t) : Sum(0);
        const int j = s.b_along_t ? e / depth : e % extent, u = s.b_along_t ? e % depth : e / extent;
        part.right[u][j] = j0 + j < s.n && t0 + u < s.k ? b(batch, t0 + u, j0 + j) : Sum(0);
      }
      group.wait();
      MIXNET_UNROLL for (int t = 0; t < depth; ++t) {
        Sum p[each], q[each];
        MIXNET_UNROLL for (int r = 0; r < each; ++r) {
          p[r] = part.left[t][y + r * lanes];
          q[r] = part.right[t][x + r * lanes];
        }
        MIXNET_UNROLL for (int r = 0; r < each; ++r) {
          MIXNET_UNROLL for (int c = 0; c < each; ++c) sum[r][c] += p[r] * q[c];
        }
      }
      group.wait();  // nobody fills the part before all have read it
    }
    for (int r = 0; r < each; ++r) {
      for (int c = 0; c < each; ++c) {
        const int64_t i = i0 + y + r * lanes, j = j0 + x + c * lanes;
        if (i < s.m && j < s.n) store(batch, i, j, sum[r][c]);
      }
    }
  }
};

template <class Sum, class A, class B, class Store>
void product_by_tiles(Stream& stream, const ProductSize& s, A a, B b, Store store) {
  using Tiles = SumsByTile<Sum, A, B, Store>;
  for_each_block(stream, s.batch * Tiles::tiles(s.m) * Tiles::tiles(s.n), Tiles{s, a, b, store});
}

template <class Sum, class A, class B, class Store>
void product(Stream& stream, const ProductSize& s, A a, B b, Store store) {
  const int64_t sums = s.batch * s.m * s.n;
  if (groups_of_many() && std::min(s.m, s.n) >= block_side) product_by_tiles<Sum>(stream, s, a, b, store);
  else if (groups_of_many() && s.k >= 32 * block_side)
    for_each_row(stream, sums, s.k, SumByGroup<Sum, A, B, Store>{s, a, b, store});
  else map(stream, sums, SumByThread<Sum, A, B, Store>{s, a, b, store});
}

}  // namespace mixnet::gpu
