// How a strided copy goes on GPUs, by strides, extents and addresses alone; see movement.cu.
#pragma once
#include <optional>

#include "op/core/gpu/words.h"
#include "op/core/strided_loop.h"

namespace mixnet::op::movement {

// Of memory read or written through a tile: lines of `length` elements lie `step` apart, of which a tile has `lines` with `part` elements each.
struct TileSide {
  int64_t length, step, lines, part;
};

// A transpose: elements pass through tiles of shared memory, which are read along one axis of the loop and written along another.
struct Tiles {
  int out_axis, in_axis;        // where elements of the output and of the input are neighbours
  int64_t rows, columns;        // of a tile: elements of the two axes
  int64_t pitch;                // from row to row in shared memory
  int64_t out_lanes, in_lanes;  // elements at a time: of 16 bytes (of one byte, 8), of 4 bytes, or one
};

// Elements of a tile's side. A tile may have other sides, if they take no more space than this one and some room beside its rows.
constexpr int64_t tile_side(int64_t item) { return item <= 4 ? 64 : 32; }
constexpr int64_t tile_room(int64_t item) { return item < 4 ? 4 / item : 1; }
constexpr int64_t tile_space(int64_t item) { return tile_side(item) * (tile_side(item) + tile_room(item)); }

struct CopyWay {
  StridedLoop<2> loop;  // of (output, input), as the one given, perhaps of fewer and wider elements
  int64_t item;
  std::optional<Tiles> tiles = {};
};

// Where the innermost axis is one piece in output and input, as words that are as wide as possible.
inline CopyWay widened(const StridedLoop<2>& loop, int64_t item, const void* output, const void* input) {
  CopyWay same{loop, item};
  const int inner = loop.ndim() - 1;
  if (inner < 0 || loop.strides(inner) != StridedLoop<2>::Offsets{1, 1}) return same;
  int64_t sizes = loop.extent(inner) * item;
  for (int d = 0; d < inner; ++d) {
    for (const int64_t stride : loop.strides(d)) sizes |= stride * item;
  }
  const int64_t word = gpu::widest_word({output, input}, sizes), times = word / item;
  if (times <= 1) return same;
  CopyWay wide{{}, word};
  for (int d = 0; d < inner; ++d)
    wide.loop.add(loop.extent(d), {loop.strides(d)[0] / times, loop.strides(d)[1] / times});
  wide.loop.add(loop.extent(inner) / times, {1, 1});
  return wide;
}

// `extent` in even parts of at most `most` elements, which like `most` are a multiple of `lanes` where there are several.
inline int64_t even_part(int64_t extent, int64_t most, int64_t lanes) {
  if (extent <= most) return extent;
  const int64_t parts = (extent + most - 1) / most, part = (extent + parts - 1) / parts;
  return (part + lanes - 1) / lanes * lanes;
}

// Whether a tile's side can be read or written in `lanes` elements at a time, wherever the tile lies: no piece of so many crosses the end of a line, or
// there is no gap behind it.
inline bool takes_lanes(const TileSide& s, int64_t lines_in_all, int64_t lanes) {
  if (s.length % lanes == 0) return s.step % lanes == 0;
  const bool gapless = s.step == s.length && s.part == s.length;
  return gapless && (s.lines == lines_in_all || s.lines % lanes == 0) && s.length * lines_in_all % lanes == 0;
}

// `word`: what all tiles begin at multiples of, but for what lies before them in their own two axes.
inline int64_t lanes_of_side(const TileSide& s, int64_t lines_in_all, int64_t item, int64_t word) {
  const int64_t most = item == 1 ? 8 : 16;  // as lanes.h has it
  for (const int64_t bytes : {most, int64_t{4}}) {
    if (bytes > item && word >= bytes && takes_lanes(s, lines_in_all, bytes / item)) return bytes / item;
  }
  return 1;
}

// An odd number of banks from row to row, so that a column is in different ones.
inline int64_t tile_pitch(int64_t columns, int64_t item) {
  const int64_t room = tile_room(item);
  return (((columns + room - 1) / room) | 1) * room;
}

inline CopyWay copy_way(const StridedLoop<2>& loop, int64_t item, const void* output, const void* input) {
  CopyWay way = widened(loop, item, output, input);
  if (way.item > 8) return way;
  Tiles t{-1, -1, 0, 0, 0, 1, 1};
  for (int d = 0; d < way.loop.ndim(); ++d) {
    if (way.loop.strides(d)[0] == 1) t.out_axis = d;
    if (way.loop.strides(d)[1] == 1) t.in_axis = d;
  }
  if (t.out_axis < 0 || t.in_axis < 0 || t.out_axis == t.in_axis) return way;
  const int64_t side = tile_side(way.item), lanes = 16 / way.item;
  const int64_t rows = way.loop.extent(t.out_axis), columns = way.loop.extent(t.in_axis);
  // What a warp reads is near together then without tiles, which would be nearly empty.
  if (rows * columns < side * side / 8) return way;

  // An axis that is short leaves room for more of the other.
  t.rows = even_part(rows, side, lanes);
  t.columns = even_part(columns, std::max(side, side * side / t.rows / lanes * lanes), lanes);
  t.pitch = tile_pitch(t.columns, way.item);
  if (t.columns < side) t.rows = even_part(rows, tile_space(way.item) / t.pitch / lanes * lanes, lanes);

  const TileSide sides[2] = {{rows, way.loop.strides(t.in_axis)[0], t.columns, t.rows},
                             {columns, way.loop.strides(t.out_axis)[1], t.rows, t.columns}};
  int64_t beside[2] = {0, 0};
  for (int d = 0; d < way.loop.ndim(); ++d) {
    for (size_t k = 0; k < 2 && d != t.out_axis && d != t.in_axis; ++k) beside[k] |= way.loop.strides(d)[k] * way.item;
  }
  t.out_lanes = lanes_of_side(sides[0], columns, way.item, gpu::widest_word({output}, beside[0]));
  t.in_lanes = lanes_of_side(sides[1], rows, way.item, gpu::widest_word({input}, beside[1]));
  way.tiles = t;
  return way;
}

}  // namespace mixnet::op::movement
