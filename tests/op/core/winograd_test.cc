// The pieces of Winograd's convolution, for every instruction set of this machine, against the definition in double.
#ifdef MIXNET_ONEDNN
#include "op/core/winograd.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace mixnet::winograd {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Case {
  int64_t images, inputs, outputs, height, width, pad;
  int64_t out_height() const { return height + 2 * pad - 2; }
  int64_t out_width() const { return width + 2 * pad - 2; }
  Grid grid() const { return {(out_height() + 3) / 4, (out_width() + 3) / 4, pad, pad}; }
  int64_t tiles() const { return images * grid().rows * grid().columns; }
};

// Between -1 and 1.
Floats numbers(int64_t count, uint32_t seed) {
  Floats v(static_cast<size_t>(count));
  for (float& x : v) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(seed >> 8) * 0x1p-23f - 1;
  }
  return v;
}

// Channels last.
Tensor tensor(Floats& v, int64_t images, int64_t channels, int64_t height, int64_t width) {
  return {v.data(), Storage::f32,     images,  channels / lanes, height, width, height * width * channels,
          lanes,    width * channels, channels};
}

// f(index of x, index of w, index of y) of every product; w is (outputs, inputs, 3, 3), the others have their channels last.
template <class F>
void for_products(const Case& c, F f) {
  for (int64_t at = 0; at < c.images * c.out_height() * c.out_width(); ++at) {
    const int64_t x = at % c.out_width(), y = at / c.out_width() % c.out_height(),
                  n = at / c.out_width() / c.out_height();
    for (int64_t k = 0; k < 9; ++k) {
      const int64_t i = y + k / 3 - c.pad, j = x + k % 3 - c.pad;
      if (i < 0 || j < 0 || i >= c.height || j >= c.width) continue;
      for (int64_t o = 0; o < c.outputs; ++o) {
        for (int64_t in = 0; in < c.inputs; ++in) {
          f(static_cast<size_t>(((n * c.height + i) * c.width + j) * c.inputs + in),
            static_cast<size_t>((o * c.inputs + in) * 9 + k), static_cast<size_t>(at * c.outputs + o));
        }
      }
    }
  }
}

double error(const Floats& got, const Doubles& expected) {
  double worst = 0, size = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::fabs(got[i] - expected[i]));
    size = std::max(size, std::fabs(expected[i]));
  }
  return worst / size;
}

struct Buffers {
  Floats v, m, u;
  explicit Buffers(const Case& c)
      : v(static_cast<size_t>(points * c.inputs * c.tiles())),
        m(static_cast<size_t>(points * c.outputs * c.tiles())),
        u(static_cast<size_t>(points * c.inputs * c.outputs)) {}
  Block inputs(const Case& c) { return {v.data(), c.inputs / lanes, c.tiles(), 0, c.tiles()}; }
  Block outputs(const Case& c) { return {m.data(), c.outputs / lanes, c.tiles(), 0, c.tiles()}; }
  Filters filters(const Case& c) { return {u.data(), c.inputs, c.outputs}; }
};

void check_forward(const Pieces& pieces, const Case& c) {
  Floats x = numbers(c.images * c.height * c.width * c.inputs, 1), w = numbers(c.outputs * c.inputs * 9, 2);
  Floats bias = numbers(c.outputs, 3), y = numbers(c.images * c.out_height() * c.out_width() * c.outputs, 4);
  // y = max(2 (conv + bias) + 1 + y, 0)
  Doubles expected(y.size());
  for_products(c, [&](size_t i, size_t k, size_t o) { expected[o] += static_cast<double>(x[i]) * w[k]; });
  for (size_t i = 0; i < y.size(); ++i)
    expected[i] = std::max(2 * (expected[i] + bias[i % bias.size()]) + 1 + y[i], 0.0);
  Buffers b(c);
  const Block v = b.inputs(c), m = b.outputs(c);
  const Tensor from = tensor(x, c.images, c.inputs, c.height, c.width);
  const Tensor to = tensor(y, c.images, c.outputs, c.out_height(), c.out_width());
  Finish finish{bias.data(), 3, {{Finish::linear, 2, 1}, {Finish::add, 0, 0}, {Finish::relu, 0, 0}}};
  pieces.evaluate_windows({w.data(), Storage::f32, c.inputs * 9, 9, false}, b.filters(c), 0, m.groups);
  pieces.evaluate_images(from, c.grid(), v, 0, v.count);
  for (int64_t p = 0; p < points; ++p) pieces.multiply(v, b.filters(c), m, p, 0, m.groups);
  pieces.interpolate(m, c.grid(), to, finish, 0, m.count);
  CHECK(error(y, expected) < 3e-6);
}

// The same from outputs to inputs, with the windows turned round.
void check_data(const Pieces& pieces, const Case& c) {
  Floats w = numbers(c.outputs * c.inputs * 9, 2),
         dy = numbers(c.images * c.out_height() * c.out_width() * c.outputs, 4);
  Floats dx(static_cast<size_t>(c.images * c.height * c.width * c.inputs), NAN);
  Doubles expected(dx.size());
  for_products(c, [&](size_t i, size_t k, size_t o) { expected[i] += static_cast<double>(dy[o]) * w[k]; });
  const Case t{c.images, c.outputs, c.inputs, c.out_height(), c.out_width(), 2 - c.pad};
  Buffers b(t);
  const Block v = b.inputs(t), m = b.outputs(t);
  const Tensor from = tensor(dy, c.images, c.outputs, c.out_height(), c.out_width());
  const Tensor to = tensor(dx, c.images, c.inputs, c.height, c.width);
  pieces.evaluate_windows({w.data(), Storage::f32, 9, c.inputs * 9, true}, b.filters(t), 0, m.groups);
  pieces.evaluate_images(from, t.grid(), v, 0, v.count);
  for (int64_t p = 0; p < points; ++p) pieces.multiply(v, b.filters(t), m, p, 0, m.groups);
  pieces.interpolate(m, t.grid(), to, {nullptr, 0, {}}, 0, m.count);
  CHECK(error(dx, expected) < 3e-6);
}

void check_weights(const Pieces& pieces, const Case& c) {
  Floats x = numbers(c.images * c.height * c.width * c.inputs, 1);
  Floats dy = numbers(c.images * c.out_height() * c.out_width() * c.outputs, 4);
  Floats dw(static_cast<size_t>(c.outputs * c.inputs * 9), NAN), db(static_cast<size_t>(c.outputs), NAN);
  Doubles expected(dw.size()), sums(db.size());
  for_products(c, [&](size_t i, size_t k, size_t o) { expected[k] += static_cast<double>(x[i]) * dy[o]; });
  for (size_t i = 0; i < dy.size(); ++i) sums[i % sums.size()] += dy[i];
  Buffers b(c);
  const Tensor from = tensor(x, c.images, c.inputs, c.height, c.width);
  const Tensor gradient = tensor(dy, c.images, c.outputs, c.out_height(), c.out_width());
  // In two blocks.
  const int64_t half = (c.tiles() + 1) / 2;
  for (int64_t first = 0; first < c.tiles(); first += half) {
    const int64_t count = std::min(half, c.tiles() - first);
    const Block v{b.v.data(), c.inputs / lanes, half, first, count},
        m{b.m.data(), c.outputs / lanes, half, first, count};
    pieces.evaluate_images(from, c.grid(), v, 0, count);
    Floats part(db.size(), NAN);
    pieces.evaluate_gradients(gradient, c.grid(), m, part.data(), 0, count);
    for (size_t i = 0; i < db.size(); ++i) db[i] = first == 0 ? part[i] : db[i] + part[i];
    for (int64_t p = 0; p < points; ++p) pieces.accumulate(v, m, b.filters(c), p, first == 0);
  }
  pieces.interpolate_windows(b.filters(c), {dw.data(), Storage::f32, c.inputs * 9, 9, false}, 0, c.outputs / lanes);
  CHECK(error(dw, expected) < 5e-6);
  CHECK(error(db, sums) < 5e-6);
}

std::vector<const Pieces*> of_this_machine() {
#if defined(__x86_64__)
  std::vector<const Pieces*> all;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(pieces_x86_64_v3());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    all.push_back(pieces_x86_64_v4());
  return all;
#else
  return {pieces_default()};
#endif
}

TEST_CASE("Winograd's convolution and its gradients are those of the definition") {
  REQUIRE(!of_this_machine().empty());
  const Case cases[] = {{1, 16, 16, 3, 3, 1},  {2, 16, 48, 5, 9, 1},   {1, 48, 32, 6, 6, 0}, {3, 32, 16, 4, 7, 2},
                        {1, 32, 80, 9, 13, 1}, {2, 64, 32, 14, 14, 1}, {1, 16, 16, 1, 1, 1}, {1, 16, 32, 11, 30, 0}};
  for (const Pieces* pieces : of_this_machine()) {
    for (const Case& c : cases) {
      INFO(c.images, " x ", c.inputs, " -> ", c.outputs, ", ", c.height, " x ", c.width, ", pad ", c.pad);
      check_forward(*pieces, c);
      check_data(*pieces, c);
      check_weights(*pieces, c);
    }
  }
}

}  // namespace
}  // namespace mixnet::winograd
#endif
