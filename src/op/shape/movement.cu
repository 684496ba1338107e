// Strided copies on GPUs, for all operators that only move elements; see op/core/movement.h. Three ways, as copy_way.h says: one piece of memory; element by
// element, which may be 16 bytes wide; transposes through tiles of shared memory, so that both sides are read and written in whole lines.
#include "op/core/movement.h"

#include "op/core/gpu/lanes.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/shape/copy_way.h"

namespace mixnet::op::movement {
namespace {

// A thread has several elements at equal distances, all of which are on their way at once.
template <class W>
struct Copy {
  static constexpr int each = sizeof(W) == 16 ? 1 : sizeof(W) == 8 ? 2 : 4;
  gpu::Strided<2> strided;
  int64_t threads;
  W* out;
  const W* in;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    W held[each];
    int64_t to[each];
    MIXNET_UNROLL
    for (int k = 0; k < each; ++k) {
      // Instead of what lies behind the end, element i is moved once more.
      const int64_t own = i + k * threads;
      int64_t at[2];
      strided.at(own < strided.size ? own : i, at);
      to[k] = at[0];
      held[k] = in[at[1]];
    }
    MIXNET_UNROLL
    for (int k = 0; k < each; ++k) out[to[k]] = held[k];
  }
};

template <class W>
void copy_apart(Stream& stream, const CopyWay& way, void* output, const void* input) {
  using Kernel = Copy<W>;
  const int64_t threads = (way.loop.size() + Kernel::each - 1) / Kernel::each;
  gpu::map(stream, threads,
           Kernel{gpu::Strided<2>(way.loop), threads, static_cast<W*>(output), static_cast<const W*>(input)});
}

// A walk through a tile, line by line as memory has it.
struct Walk {
  gpu::Divider part;  // elements of a line in the tile
  int64_t step;       // from line to line
  int64_t lanes;

  struct Spot {
    uint32_t line, inside;
  };
  MIXNET_ON_DEVICE Spot spot(uint32_t i) const {
    const uint32_t line = part.quotient(i);
    return {line, i - line * part.divisor()};
  }
  MIXNET_ON_DEVICE int64_t in_memory(const Spot& s) const { return s.line * step + s.inside; }
  // f(line, inside, k) for V elements from here on, which may lie in several lines.
  template <int V, class F> MIXNET_ON_DEVICE void each(Spot s, F f) const {
    if (s.inside + V <= part.divisor()) {
      MIXNET_UNROLL
      for (int k = 0; k < V; ++k) f(s.line, s.inside + k, k);
      return;
    }
    MIXNET_UNROLL
    for (int k = 0; k < V; ++k) {
      f(s.line, s.inside, k);
      if (++s.inside < part.divisor()) continue;
      s.inside = 0;
      ++s.line;
    }
  }
};

template <class W>
struct Turn {
  static constexpr int most = gpu::lanes_of<W>, some = sizeof(W) < 4 ? 4 / sizeof(W) : 1;
  struct Shared {
    W at[tile_space(sizeof(W))];
  };
  gpu::Strided<4> tiles;  // in output and input, of the rows and of the columns
  int64_t rows, columns, all_rows, all_columns;
  uint32_t pitch;  // of rows in shared memory
  Walk write, read;
  W* out;
  const W* in;

  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t tile, const Group& group, Shared& shared) const {
    int64_t at[4];
    tiles.at(tile, at);
    const auto height = static_cast<uint32_t>(rows < all_rows - at[2] ? rows : all_rows - at[2]);
    const auto width = static_cast<uint32_t>(columns < all_columns - at[3] ? columns : all_columns - at[3]);
    group.wait();  // until the tile before has been written
    if (read.lanes == most) take<most, 2>(group, height, width, in + at[1], shared.at);
    else if (read.lanes == some) take<some, 4>(group, height, width, in + at[1], shared.at);
    else take<1, 8>(group, height, width, in + at[1], shared.at);
    group.wait();
    if (write.lanes == most) give<most>(group, width, height, shared.at, out + at[0]);
    else if (write.lanes == some) give<some>(group, width, height, shared.at, out + at[0]);
    else give<1>(group, width, height, shared.at, out + at[0]);
  }

 private:
  // A member has Flight pieces of V elements on their way at once.
  template <int V, int Flight, class Group>
  MIXNET_ON_DEVICE void take(const Group& group, uint32_t lines, uint32_t length, const W* from, W* to) const {
    const uint32_t end = lines * read.part.divisor(), stride = static_cast<uint32_t>(group.size()) * V;
    for (uint32_t first = static_cast<uint32_t>(group.rank()) * V; first < end; first += Flight * stride) {
      gpu::Lanes<W, V> held[Flight];
      MIXNET_UNROLL
      for (int k = 0; k < Flight; ++k) {
        // Of what lies outside, the first piece is read once more and not kept.
        const Walk::Spot s = read.spot(first + k * stride);
        const bool inside = first + k * stride < end && s.inside < length;
        held[k] = gpu::load<V>(from + (inside ? read.in_memory(s) : 0));
      }
      MIXNET_UNROLL
      for (int k = 0; k < Flight; ++k) {
        const Walk::Spot s = read.spot(first + k * stride);
        if (first + k * stride >= end || s.inside >= length) continue;
        read.each<V>(s, [&](uint32_t row, uint32_t column, int i) { to[row * pitch + column] = held[k].at[i]; });
      }
    }
  }
  template <int V, class Group>
  MIXNET_ON_DEVICE void give(const Group& group, uint32_t lines, uint32_t length, const W* from, W* to) const {
    const uint32_t end = lines * write.part.divisor(), stride = static_cast<uint32_t>(group.size()) * V;
    for (uint32_t i = static_cast<uint32_t>(group.rank()) * V; i < end; i += stride) {
      const Walk::Spot s = write.spot(i);
      if (s.inside >= length) continue;
      gpu::Lanes<W, V> held;
      write.each<V>(s, [&](uint32_t column, uint32_t row, int k) { held.at[k] = from[row * pitch + column]; });
      gpu::store(to + write.in_memory(s), held);
    }
  }
};

template <class W>
void copy_tiles(Stream& stream, const CopyWay& way, void* output, const void* input) {
  const Tiles& t = *way.tiles;
  const auto rows = way.loop.extent(t.out_axis), columns = way.loop.extent(t.in_axis);
  const int64_t out_step = way.loop.strides(t.in_axis)[0], in_step = way.loop.strides(t.out_axis)[1];
  StridedLoop<4> tiles;
  for (int d = 0; d < way.loop.ndim(); ++d) {
    if (d != t.out_axis && d != t.in_axis)
      tiles.add(way.loop.extent(d), {way.loop.strides(d)[0], way.loop.strides(d)[1], 0, 0});
  }
  tiles.add((rows + t.rows - 1) / t.rows, {t.rows, t.rows * in_step, t.rows, 0});
  tiles.add((columns + t.columns - 1) / t.columns, {t.columns * out_step, t.columns, 0, t.columns});
  gpu::for_each_block(
      stream, tiles.size(),
      Turn<W>{gpu::Strided<4>(tiles), t.rows, t.columns, rows, columns, static_cast<uint32_t>(t.pitch),
              Walk{gpu::Divider(t.rows), out_step, t.out_lanes}, Walk{gpu::Divider(t.columns), in_step, t.in_lanes},
              static_cast<W*>(output), static_cast<const W*>(input)});
}

void copy(Stream& stream, const StridedLoop<2>& loop, void* output, const void* input, int64_t item) {
  if (loop.size() == 0) return;
  const bool one_piece = loop.ndim() == 0 || (loop.ndim() == 1 && loop.strides(0) == StridedLoop<2>::Offsets{1, 1});
  if (one_piece) return stream.copy(output, input, static_cast<size_t>(loop.size() * item));
  const CopyWay way = copy_way(loop, item, output, input);
  if (way.tiles) {
    gpu::dispatch_words(way.item,
                        [&](auto tag) { copy_tiles<typename decltype(tag)::type>(stream, way, output, input); });
  } else {
    gpu::dispatch_wide_words(way.item,
                             [&](auto tag) { copy_apart<typename decltype(tag)::type>(stream, way, output, input); });
  }
}

}  // namespace

void register_gpu(Registry&) { set_strided_copy_on_gpu(copy); }

}  // namespace mixnet::op::movement
