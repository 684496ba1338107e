// The pieces of Winograd's convolution in compiler vectors of 16 floats. Compiled once per instruction set, each time with another name for
// MIXNET_WINOGRAD_PIECES; nothing may be used here that other files instantiate too.
#include "op/core/winograd.h"

namespace mixnet::winograd {
namespace {

typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t Halves __attribute__((vector_size(32), aligned(2), may_alias));

// Products keep most_rows x 2 registers of sums: 28 of 32, or 12 of 16. A register is a vector, or half of one.
#if defined(__AVX512F__)
constexpr int register_bytes = 64, most_rows = 14, gradient_rows = 8;
#else
constexpr int register_bytes = 32, most_rows = 6, gradient_rows = 4;
#endif
constexpr int64_t register_lanes = register_bytes / 4;
typedef float Register __attribute__((vector_size(register_bytes), aligned(4), may_alias));

inline Vector load(const float* p) { return *reinterpret_cast<const Vector*>(p); }
inline void store(float* p, Vector v) { *reinterpret_cast<Vector*>(p) = v; }
// bfloat16 is the upper half of float32; to nearest, ties to even, and NaN stays what it is.
inline Vector load(const uint16_t* p) {
  return reinterpret_cast<Vector>(__builtin_convertvector(*reinterpret_cast<const Halves*>(p), Bits) << 16);
}
inline void store(uint16_t* p, Vector v) {
  const Bits bits = reinterpret_cast<Bits>(v), rounded = bits + 0x7fff + ((bits >> 16) & 1);
  const Bits kept = v != v ? bits | 0x400000 : rounded;
  *reinterpret_cast<Halves*>(p) = __builtin_convertvector(kept >> 16, Halves);
}
inline float widened(float x) { return x; }
inline float widened(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
inline Register load_register(const float* p) { return *reinterpret_cast<const Register*>(p); }
inline void store_register(float* p, Register v) { *reinterpret_cast<Register*>(p) = v; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// The points other than 0 and infinity, and what their polynomials are made of.
constexpr float a = 0.625f, b = 1.5f, a2 = a * a, b2 = b * b, a3 = a2 * a, b3 = b2 * b, product = a2 * b2,
                sum = a2 + b2;
constexpr float scale_0 = 1 / product, scale_a = 1 / (2 * a2 * (a2 - b2)), scale_b = 1 / (2 * b2 * (b2 - a2));

// A polynomial at +-a and +-b, from the sums of its even and of its odd terms there.
inline void at_points(Vector even_a, Vector odd_a, Vector even_b, Vector odd_b, Vector* to, int step) {
  to[step] = even_a + odd_a;
  to[2 * step] = even_a - odd_a;
  to[3 * step] = even_b + odd_b;
  to[4 * step] = even_b - odd_b;
}

// Six samples of the input at the six points (B^T d), each `step` vectors apart.
inline void input_points(const Vector* d, Vector* to, int step) {
  const Vector even_a = d[4] - b2 * d[2], odd_a = a * d[3] - (a * b2) * d[1];
  const Vector even_b = d[4] - a2 * d[2], odd_b = b * d[3] - (b * a2) * d[1];
  to[0] = product * d[0] - sum * d[2] + d[4];
  at_points(even_a, odd_a, even_b, odd_b, to, step);
  to[5 * step] = product * d[1] - sum * d[3] + d[5];
}

// Three weights at the six points (G g).
inline void window_points(const Vector* g, Vector* to, int step) {
  const Vector even_a = scale_a * g[0] + (scale_a * a2) * g[2], odd_a = (scale_a * a) * g[1];
  const Vector even_b = scale_b * g[0] + (scale_b * b2) * g[2], odd_b = (scale_b * b) * g[1];
  to[0] = scale_0 * g[0];
  at_points(even_a, odd_a, even_b, odd_b, to, step);
  to[5 * step] = g[2];
}

// Four outputs from the six points (A^T m).
inline void outputs(const Vector* m, int step, Vector* to) {
  const Vector even_a = m[step] + m[2 * step], odd_a = m[step] - m[2 * step];
  const Vector even_b = m[3 * step] + m[4 * step], odd_b = m[3 * step] - m[4 * step];
  to[0] = m[0] + even_a + even_b;
  to[1] = a * odd_a + b * odd_b;
  to[2] = a2 * even_a + b2 * even_b;
  to[3] = a3 * odd_a + b3 * odd_b + m[5 * step];
}

struct Place {
  int64_t image, y, x;  // of the tile's first output
};
inline Place place(const Grid& grid, int64_t tile_number) {
  const int64_t of_image = tile_number % (grid.rows * grid.columns);
  return {tile_number / (grid.rows * grid.columns), of_image / grid.columns * tile, of_image % grid.columns * tile};
}

// Side x Side pixels from (y, x) on, zeros where there are none.
template <int Side, class T>
inline void fetch(const Tensor& t, const T* group, int64_t y, int64_t x, Vector* to) {
  if (y >= 0 && x >= 0 && y + Side <= t.height && x + Side <= t.width) {
    const T* from = group + y * t.row_step + x * t.pixel_step;
    for (int i = 0; i < Side; ++i) {
      for (int j = 0; j < Side; ++j) to[i * Side + j] = load(from + i * t.row_step + j * t.pixel_step);
    }
    return;
  }
  for (int i = 0; i < Side; ++i) {
    for (int j = 0; j < Side; ++j) {
      const bool inside = y + i >= 0 && y + i < t.height && x + j >= 0 && x + j < t.width;
      to[i * Side + j] = inside ? load(group + (y + i) * t.row_step + (x + j) * t.pixel_step) : Vector{};
    }
  }
}

template <class T>
void evaluate_images_of(const Tensor& x, const Grid& grid, const Block& v, int64_t first, int64_t last) {
  const int64_t point_step = v.groups * v.tiles * lanes;
  for (int64_t t = first; t < last; ++t) {
    const Place p = place(grid, v.first + t);
    const T* image = static_cast<const T*>(x.data) + p.image * x.image_step;
    for (int64_t g = 0; g < x.groups; ++g) {
      Vector d[patch * patch], half[patch * patch], whole[patch];
      fetch<patch>(x, image + g * x.group_step, p.y - grid.pad_top, p.x - grid.pad_left, d);
#pragma GCC unroll 6
      for (int i = 0; i < patch; ++i) input_points(d + i * patch, half + i, patch);
      float* to = v.at(0, g) + t * lanes;
#pragma GCC unroll 6
      for (int j = 0; j < patch; ++j) {
        input_points(half + j * patch, whole, 1);
        for (int i = 0; i < patch; ++i) store(to + (i * patch + j) * point_step, whole[i]);
      }
    }
  }
}

template <class T>
void evaluate_windows_of(const Windows& w, const Filters& u, int64_t first, int64_t last) {
  const int64_t groups = u.outputs / lanes, point_step = u.outputs * u.inputs;
  for (int64_t g = first; g < last; ++g) {
    const bool paired = g % 2 == 1 || g + 1 < groups;
    float* column = u.at(0, g - g % 2) + g % 2 * lanes;
    for (int64_t c = 0; c < u.inputs; ++c) {
      const T* from = static_cast<const T*>(w.data) + g * lanes * w.output_step + c * w.input_step;
      Vector taps[9], half[3 * patch], whole[patch];
      for (int k = 0; k < 9; ++k) {
        for (int l = 0; l < lanes; ++l) taps[k][l] = widened(from[l * w.output_step + (w.flipped ? 8 - k : k)]);
      }
      for (int i = 0; i < 3; ++i) window_points(taps + 3 * i, half + i, 3);
      float* to = column + c * (paired ? 2 * lanes : lanes);
      for (int j = 0; j < patch; ++j) {
        window_points(half + 3 * j, whole, 1);
        for (int i = 0; i < patch; ++i) store(to + (i * patch + j) * point_step, whole[i]);
      }
    }
  }
}

// m[Rows tiles][Registers] = v u over all inputs. The row loops must be unrolled, or the sums live in memory.
template <int Rows, int Registers>
void product_tile(const float* v, int64_t group_step, int64_t groups, const float* u, int64_t u_step, float* m,
                  int64_t m_step) {
  Register total[Rows][Registers] = {};
  for (int64_t g = 0; g < groups; ++g, v += group_step) {
#pragma GCC unroll 2
    for (int k = 0; k < lanes; ++k, u += u_step) {
      Register column[Registers];
#pragma GCC unroll 2
      for (int j = 0; j < Registers; ++j) column[j] = load_register(u + j * register_lanes);
#pragma GCC unroll 14
      for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (int j = 0; j < Registers; ++j) total[r][j] += v[r * lanes + k] * column[j];
      }
    }
  }
#pragma GCC unroll 14
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < Registers; ++j) store_register(m + j * m_step + r * lanes, total[r][j]);
  }
}

using ProductTile = void (*)(const float*, int64_t, int64_t, const float*, int64_t, float*, int64_t);
template <int Registers>
inline ProductTile product_of(int64_t rows) {
  constexpr ProductTile all[] = {
      product_tile<1, Registers>,  product_tile<2, Registers>,  product_tile<3, Registers>,
      product_tile<4, Registers>,  product_tile<5, Registers>,  product_tile<6, Registers>,
#if defined(__AVX512F__)
      product_tile<7, Registers>,  product_tile<8, Registers>,  product_tile<9, Registers>,
      product_tile<10, Registers>, product_tile<11, Registers>, product_tile<12, Registers>,
      product_tile<13, Registers>, product_tile<14, Registers>,
#endif
  };
  return all[rows - 1];
}

// Groups of outputs that one product makes: two where a register holds a group.
constexpr int64_t product_groups = 2 * register_lanes / lanes;

// Outputs [first, last) in groups, an even one first.
void multiply(const Block& v, const Filters& u, const Block& m, int64_t point, int64_t first, int64_t last) {
  const int64_t parts = (v.count + most_rows - 1) / most_rows;
  for (int64_t g = first; g < last; g += product_groups) {
    const bool paired = g % 2 == 1 || g + 1 < m.groups, alone = product_groups == 2 && !paired;
    const float* filters = u.at(point, g - g % 2) + g % 2 * lanes;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t t = part * v.count / parts, rows = (part + 1) * v.count / parts - t;
      const ProductTile run = alone ? product_of<1>(rows) : product_of<2>(rows);
      run(v.at(point, 0) + t * lanes, v.tiles * lanes, v.groups, filters, paired ? 2 * lanes : lanes,
          m.at(point, g) + t * lanes, product_groups == 2 ? m.tiles * lanes : register_lanes);
    }
  }
}

template <class T>
inline Vector finished(Vector y, const Finish& finish, const T* before) {
  for (int s = 0; s < finish.count; ++s) {
    const Finish::Step& step = finish.steps[s];
    if (step.kind == Finish::relu) y = y < 0 ? Vector{} : y;
    else if (step.kind == Finish::add) y += load(before);
    else y = step.scale * y + step.shift;
  }
  return y;
}

template <class T>
void interpolate_to(const Block& m, const Grid& grid, const Tensor& y, const Finish& finish, int64_t first,
                    int64_t last) {
  const int64_t point_step = m.groups * m.tiles * lanes;
  for (int64_t t = first; t < last; ++t) {
    const Place p = place(grid, m.first + t);
    const int64_t height = least(tile, y.height - p.y), width = least(tile, y.width - p.x);
    T* corner = static_cast<T*>(y.data) + p.image * y.image_step + p.y * y.row_step + p.x * y.pixel_step;
    for (int64_t g = 0; g < y.groups; ++g) {
      Vector d[patch], half[tile * patch], whole[tile];
      const float* from = m.at(0, g) + t * lanes;
      for (int j = 0; j < patch; ++j) {
        for (int i = 0; i < patch; ++i) d[i] = load(from + (i * patch + j) * point_step);
        Vector column[tile];
        outputs(d, 1, column);
        for (int i = 0; i < tile; ++i) half[i * patch + j] = column[i];
      }
      const Vector bias = finish.bias ? load(static_cast<const T*>(finish.bias) + g * lanes) : Vector{};
      for (int64_t i = 0; i < height; ++i) {
        outputs(half + i * patch, 1, whole);
        T* to = corner + g * y.group_step + i * y.row_step;
        for (int64_t j = 0; j < width; ++j)
          store(to + j * y.pixel_step, finished(whole[j] + bias, finish, to + j * y.pixel_step));
      }
    }
  }
}

// Four gradients of outputs at the six points (A dy), the transpose of outputs().
inline void gradient_points(const Vector* y, Vector* to, int step) {
  const Vector even_a = y[0] + a2 * y[2], odd_a = a * y[1] + a3 * y[3];
  const Vector even_b = y[0] + b2 * y[2], odd_b = b * y[1] + b3 * y[3];
  to[0] = y[0];
  at_points(even_a, odd_a, even_b, odd_b, to, step);
  to[5 * step] = y[3];
}

// The transpose of window_points().
inline void windows(const Vector* m, int step, Vector* to) {
  const Vector even_a = m[step] + m[2 * step], odd_a = m[step] - m[2 * step];
  const Vector even_b = m[3 * step] + m[4 * step], odd_b = m[3 * step] - m[4 * step];
  to[0] = scale_0 * m[0] + scale_a * even_a + scale_b * even_b;
  to[1] = (scale_a * a) * odd_a + (scale_b * b) * odd_b;
  to[2] = (scale_a * a2) * even_a + (scale_b * b2) * even_b + m[5 * step];
}

template <class T>
void evaluate_gradients_of(const Tensor& dy, const Grid& grid, const Block& m, float* sums, int64_t first,
                           int64_t last) {
  const int64_t point_step = m.groups * m.tiles * lanes;
  for (int64_t c = 0; sums && c < dy.groups * lanes; ++c) sums[c] = 0;
  for (int64_t t = first; t < last; ++t) {
    const Place p = place(grid, m.first + t);
    const T* image = static_cast<const T*>(dy.data) + p.image * dy.image_step;
    for (int64_t g = 0; g < dy.groups; ++g) {
      Vector d[tile * tile], half[tile * patch], whole[patch];
      fetch<tile>(dy, image + g * dy.group_step, p.y, p.x, d);
      if (sums) {
        Vector total = load(sums + g * lanes);
        for (const Vector& v : d) total += v;
        store(sums + g * lanes, total);
      }
      for (int i = 0; i < tile; ++i) gradient_points(d + i * tile, half + i, tile);
      float* to = m.at(0, g) + t * lanes;
      for (int j = 0; j < patch; ++j) {
        gradient_points(half + j * tile, whole, 1);
        for (int i = 0; i < patch; ++i) store(to + (i * patch + j) * point_step, whole[i]);
      }
    }
  }
}

// du[gradient_rows inputs][Registers] (+)= v^T m over all tiles.
template <int Registers>
void gradient_tile(const float* v, const float* m, int64_t m_step, int64_t count, float* du, int64_t du_step,
                   bool fresh) {
  Register total[gradient_rows][Registers] = {};
  for (int64_t t = 0; t < count; ++t, v += lanes, m += lanes) {
    Register column[Registers];
#pragma GCC unroll 2
    for (int j = 0; j < Registers; ++j) column[j] = load_register(m + j * m_step);
#pragma GCC unroll 8
    for (int r = 0; r < gradient_rows; ++r) {
#pragma GCC unroll 2
      for (int j = 0; j < Registers; ++j) total[r][j] += v[r] * column[j];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < gradient_rows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < Registers; ++j) {
      float* to = du + r * du_step + j * register_lanes;
      store_register(to, fresh ? total[r][j] : load_register(to) + total[r][j]);
    }
  }
}

void accumulate(const Block& v, const Block& m, const Filters& du, int64_t point, bool fresh) {
  for (int64_t g = 0; g < m.groups; g += product_groups) {
    const bool paired = g % 2 == 1 || g + 1 < m.groups;
    const int64_t step = paired ? 2 * lanes : lanes;
    const auto run = product_groups == 2 && !paired ? gradient_tile<1> : gradient_tile<2>;
    for (int64_t c = 0; c < du.inputs; c += gradient_rows) {
      run(v.at(point, c / lanes) + c % lanes, m.at(point, g), product_groups == 2 ? m.tiles * lanes : register_lanes,
          v.count, du.at(point, g - g % 2) + g % 2 * lanes + c * step, step, fresh);
    }
  }
}

template <class T>
void interpolate_windows_to(const Filters& du, const Windows& dw, int64_t first, int64_t last) {
  const int64_t groups = du.outputs / lanes, point_step = du.outputs * du.inputs;
  for (int64_t g = first; g < last; ++g) {
    const bool paired = g % 2 == 1 || g + 1 < groups;
    const float* column = du.at(0, g - g % 2) + g % 2 * lanes;
    for (int64_t c = 0; c < du.inputs; ++c) {
      const float* from = column + c * (paired ? 2 * lanes : lanes);
      Vector d[patch], half[3 * patch], taps[9];
      for (int j = 0; j < patch; ++j) {
        for (int i = 0; i < patch; ++i) d[i] = load(from + (i * patch + j) * point_step);
        Vector three[3];
        windows(d, 1, three);
        for (int i = 0; i < 3; ++i) half[i * patch + j] = three[i];
      }
      for (int i = 0; i < 3; ++i) windows(half + i * patch, 1, taps + 3 * i);
      T* to = static_cast<T*>(dw.data) + g * lanes * dw.output_step + c * dw.input_step;
      for (int k = 0; k < 9; ++k) {
        T stored[lanes];
        store(stored, taps[k]);
        for (int l = 0; l < lanes; ++l) to[l * dw.output_step + k] = stored[l];
      }
    }
  }
}

bool half(Storage storage) { return storage == Storage::bf16; }
void evaluate_images(const Tensor& x, const Grid& grid, const Block& v, int64_t first, int64_t last) {
  (half(x.storage) ? evaluate_images_of<uint16_t> : evaluate_images_of<float>)(x, grid, v, first, last);
}
void evaluate_windows(const Windows& w, const Filters& u, int64_t first, int64_t last) {
  (half(w.storage) ? evaluate_windows_of<uint16_t> : evaluate_windows_of<float>)(w, u, first, last);
}
void interpolate(const Block& m, const Grid& grid, const Tensor& y, const Finish& finish, int64_t first, int64_t last) {
  (half(y.storage) ? interpolate_to<uint16_t> : interpolate_to<float>)(m, grid, y, finish, first, last);
}
void evaluate_gradients(const Tensor& dy, const Grid& grid, const Block& m, float* sums, int64_t first, int64_t last) {
  (half(dy.storage) ? evaluate_gradients_of<uint16_t> : evaluate_gradients_of<float>)(dy, grid, m, sums, first, last);
}
void interpolate_windows(const Filters& du, const Windows& dw, int64_t first, int64_t last) {
  (half(dw.storage) ? interpolate_windows_to<uint16_t> : interpolate_windows_to<float>)(du, dw, first, last);
}

constexpr Pieces pieces{evaluate_images,    evaluate_windows, multiply,           interpolate,
                        evaluate_gradients, accumulate,       interpolate_windows};

}  // namespace

const Pieces* MIXNET_WINOGRAD_PIECES() { return &pieces; }

}  // namespace mixnet::winograd
