// Strided copies on GPUs: which way they go, and that every way moves what the CPU's copy moves and touches nothing else.
#include "op/core/movement.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "device/gpu.h"
#include "ndarray/ndarray.h"
#include "op/core/registry.h"
#include "op/shape/copy_way.h"

namespace mixnet::test {
namespace {

using op::movement::copy_way;
using op::movement::CopyWay;

struct Axis {
  int64_t extent, out, in;
};
StridedLoop<2> loop_of(const std::vector<Axis>& axes) {
  StridedLoop<2> loop;
  for (const Axis& a : axes) loop.add(a.extent, {a.out, a.in});
  return loop;
}
// Of matrices, row by row of the output.
StridedLoop<2> transpose(int64_t count, int64_t rows, int64_t columns) {
  return loop_of({{count, rows * columns, rows * columns}, {columns, rows, 1}, {rows, 1, columns}});
}
CopyWay way(const StridedLoop<2>& loop, int64_t item, intptr_t out = 0, intptr_t in = 0) {
  return copy_way(loop, item, reinterpret_cast<const void*>(256 + out), reinterpret_cast<const void*>(256 + in));
}
void check_tiles(const CopyWay& w, int64_t rows, int64_t columns, int64_t out_lanes, int64_t in_lanes) {
  REQUIRE(w.tiles);
  CHECK(w.tiles->rows == rows);
  CHECK(w.tiles->columns == columns);
  CHECK(w.tiles->out_lanes == out_lanes);
  CHECK(w.tiles->in_lanes == in_lanes);
  CHECK(w.tiles->rows * w.tiles->pitch <= op::movement::tile_space(w.item));
}

NDArray on_gpu(const std::vector<uint8_t>& bytes) {
  NDArray a({static_cast<int64_t>(bytes.size())}, DType::u8, {DeviceKind::gpu, 0});
  a.copy_from_host(bytes.data(), a.bytes());
  a.wait_to_read();
  return a;
}
// Both begin `shift` elements behind a multiple of 16 bytes and have a few more behind their end.
void check_copy(const StridedLoop<2>& loop, int64_t item, int64_t out_shift = 0, int64_t in_shift = 0) {
  int64_t first[2] = {0, 0}, last[2] = {0, 0};
  for (int d = 0; d < loop.ndim(); ++d) {
    for (size_t k = 0; k < 2; ++k) {
      const int64_t reach = (loop.extent(d) - 1) * loop.strides(d)[k];
      (reach < 0 ? first : last)[k] += reach;
    }
  }
  const int64_t shift[2] = {out_shift, in_shift};
  std::vector<uint8_t> bytes[2];
  size_t start[2];
  for (size_t k = 0; k < 2; ++k) {
    const int64_t before = (-first[k] + 15) / 16 * 16 + shift[k];
    start[k] = static_cast<size_t>(before * item);
    bytes[k].resize(static_cast<size_t>((before + last[k] + 4) * item));
    for (size_t i = 0; i < bytes[k].size(); ++i)
      bytes[k][i] = static_cast<uint8_t>(i * (k ? 167 : 59) >> (k ? i % 8 : 3));
  }
  registry();  // where the backend says how it copies
  const NDArray out = on_gpu(bytes[0]), in = on_gpu(bytes[1]);
  copy_strided(gpu_device(0).stream(), loop, static_cast<char*>(out.view().data) + start[0],
               static_cast<const char*>(in.view().data) + start[1], item);
  std::vector<uint8_t> have(bytes[0].size());
  gpu_device(0).stream()->synchronize();
  out.copy_to_host(have.data(), have.size());
  copy_strided(loop, bytes[0].data() + start[0], bytes[1].data() + start[1], item);
  CHECK_MESSAGE(have == bytes[0], "item ", item, ", size ", loop.size(), ", from ", in_shift, " to ", out_shift);
}

}  // namespace

TEST_CASE("gpu movement: words as wide as rows, strides and addresses allow") {
  const auto rows = [](int64_t length, int64_t step) { return loop_of({{5, length, step}, {length, 1, 1}}); };
  CHECK(way(rows(24, 40), 2).item == 16);
  CHECK(way(rows(24, 40), 2).loop.size() == 15);
  CHECK(way(rows(24, 40), 2).loop.strides(0) == StridedLoop<2>::Offsets{3, 5});
  CHECK(way(rows(24, 36), 2).item == 8);
  CHECK(way(rows(22, 44), 2).item == 4);
  CHECK(way(rows(23, 40), 2).item == 2);
  CHECK(way(rows(24, 40), 2, 4).item == 4);
  CHECK(way(rows(24, 40), 2, 0, 2).item == 2);
  CHECK(way(rows(24, 40), 8).item == 16);
  CHECK(way(loop_of({{5, 24, -24}, {24, 1, 1}}), 4).item == 16);
  CHECK(way(loop_of({{24, 1, -1}}), 4).item == 4);
  // Rows that are one word become elements of a transpose.
  const CopyWay pairs = way(loop_of({{256, 512, 2}, {256, 2, 512}, {2, 1, 1}}), 2);
  CHECK(pairs.item == 4);
  check_tiles(pairs, 64, 64, 4, 4);
}

TEST_CASE("gpu movement: tiles") {
  check_tiles(way(transpose(3, 256, 128), 2), 64, 64, 8, 8);
  check_tiles(way(transpose(3, 256, 128), 4), 64, 64, 4, 4);
  check_tiles(way(transpose(3, 256, 128), 8), 32, 32, 2, 2);
  check_tiles(way(transpose(3, 256, 128), 1), 64, 64, 8, 8);
  // A little more than a tile is two halves.
  check_tiles(way(transpose(3, 72, 65), 2), 40, 65, 8, 8);
  // Pictures to channels last and back.
  check_tiles(way(transpose(2, 3, 50176), 2), 3, 1360, 8, 8);
  check_tiles(way(transpose(2, 50176, 3), 2), 704, 3, 8, 8);
  // 14 x 14 and 7 x 7 pixels of 512 channels; weights of 3 x 3.
  check_tiles(way(transpose(2, 512, 196), 2), 64, 56, 8, 2);
  check_tiles(way(transpose(2, 512, 49), 2), 80, 49, 8, 8);
  check_tiles(way(transpose(2, 512, 9), 2), 256, 9, 8, 8);
  // Odd addresses, odd steps of other axes.
  check_tiles(way(transpose(3, 256, 128), 2, 2), 64, 64, 1, 8);
  check_tiles(way(transpose(3, 256, 128), 2, 0, 4), 64, 64, 8, 2);
  check_tiles(way(loop_of({{3, 65536, 65537}, {256, 256, 1}, {256, 1, 256}}), 2), 64, 64, 8, 1);
  CHECK(!way(transpose(300, 3, 9), 2).tiles);
  CHECK(!way(transpose(3, 256, 128), 16).tiles);
  CHECK(!way(loop_of({{512, 1, -1}}), 4).tiles);
  CHECK(!way(loop_of({{512, 512, 0}, {512, 1, 0}}), 4).tiles);
}

TEST_CASE("gpu movement: rows and single elements as on the CPU") {
  for (const int64_t item : {1, 2, 4, 8}) {
    for (const int64_t shift : {0, 1, 2}) {
      check_copy(loop_of({{7, 48, 80}, {32, 1, 1}}), item, shift, shift);
      check_copy(loop_of({{7, 33, 47}, {31, 1, 1}}), item, 0, shift);
      check_copy(loop_of({{3, 720, 1}, {5, -144, 48}, {36, 4, 4}}), item, shift, 0);
    }
    check_copy(loop_of({{101, 1, -1}}), item);
    check_copy(loop_of({{9, 33, 0}, {33, 1, 1}}), item);
    check_copy(loop_of({{9, 33, 1}, {33, 1, 0}}), item);
    check_copy(loop_of({{40, 41, 1}}), item);
    check_copy(loop_of({{1, 7, 3}}), item);
    check_copy(loop_of({{0, 7, 3}, {4, 1, 2}}), item);
  }
}

TEST_CASE("gpu movement: transposes as on the CPU") {
  for (const int64_t item : {1, 2, 4, 8}) {
    for (const auto& [rows, columns] : {std::pair{64, 64},
                                        {80, 144},
                                        {65, 66},
                                        {131, 67},
                                        {3, 1376},
                                        {1376, 3},
                                        {49, 80},
                                        {160, 9},
                                        {9, 170},
                                        {2, 2051},
                                        {700, 1},
                                        {68, 36}})
      check_copy(transpose(2, rows, columns), item);
    check_copy(transpose(2, 80, 144), item, 1, 0);
    check_copy(transpose(2, 80, 144), item, 0, 1);
    check_copy(transpose(2, 80, 144), item, 4, 2);
    // Within larger tensors, backwards, between other axes.
    check_copy(loop_of({{2, 20000, 15000}, {70, 96, 1}, {66, 1, 90}}), item);
    check_copy(loop_of({{2, 20000, 16384}, {64, -96, 1}, {64, 1, -96}}), item);
    check_copy(loop_of({{64, 3 * 48 * 5, 1}, {3, 48 * 5, 64 * 48 * 5}, {48, 5, 64 * 5}, {5, 1, 64}}), item);
    check_copy(loop_of({{40, 3 * 64, 1}, {3, 64, 64 * 40}, {64, 1, 40}}), item);
  }
}

}  // namespace mixnet::test
