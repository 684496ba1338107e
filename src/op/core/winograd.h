// Winograd's minimal filtering F(4x4, 3x3) of images whose channels lie in groups of 16: the pieces of work of one thread.
//
// A tile of 4 x 4 outputs needs a patch of 6 x 6 inputs; patch and filter are evaluated at 36 points, where 36 products per channel do what
// 144 do directly. Points: 0, +-5/8, +-3/2 and infinity on both axes, which keeps the error at that of summing directly (points of 1 and 2
// lose a digit). Formula: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, with other points.
// Plain data and function pointers only: the implementation is compiled once per instruction set.
#pragma once
#include <cstdint>

namespace mixnet::winograd {

constexpr int64_t tile = 4, patch = 6, points = 36, lanes = 16;

// How numbers lie in memory; they are multiplied as float32.
enum class Storage : int32_t { f32, bf16 };

// (images, channels, height, width); a pixel has 16 channels next to each other. Steps count elements.
struct Tensor {
  void* data;
  Storage storage;
  int64_t images, groups, height, width;  // groups of 16 channels
  int64_t image_step, group_step, row_step, pixel_step;
};

// Tiles of all images, counted row by row.
struct Grid {
  int64_t rows, columns;      // of one image
  int64_t pad_top, pad_left;  // rows and columns of zeros before the input's first
};

// Some tiles at all points: [point][group][tile][lane].
struct Block {
  float* data;
  int64_t groups, tiles;
  int64_t first, count;  // the tiles in it, count <= tiles
  float* at(int64_t point, int64_t group) const { return data + (point * groups + group) * tiles * lanes; }
};

// Weights at all points: [point][pair of groups of outputs][input][32], 16 in the last where groups are odd.
struct Filters {
  float* data;
  int64_t inputs, outputs;  // channels
  float* at(int64_t point, int64_t group) const { return data + (point * outputs + group * lanes) * inputs; }
};

// (outputs, inputs, 3, 3) in memory; `flipped` takes a window from its end.
struct Windows {
  void* data;
  Storage storage;
  int64_t output_step, input_step;
  bool flipped;
};

// What is done to a result before it is stored, in this order.
struct Finish {
  enum Kind : int32_t { relu, add, linear };
  struct Step {
    Kind kind;
    float scale, shift;
  };
  static constexpr int most = 6;
  const void* bias;  // by output channel, stored as the result is, or null
  int count;
  Step steps[most];  // `add`: what the result's memory holds
};

// The pieces. Ranges are [first, last).
struct Pieces {
  void (*evaluate_images)(const Tensor& x, const Grid& grid, const Block& v, int64_t first,
                          int64_t last);                                                      // of the block's tiles
  void (*evaluate_windows)(const Windows& w, const Filters& u, int64_t first, int64_t last);  // of groups of outputs
  void (*multiply)(const Block& v, const Filters& u, const Block& m, int64_t point, int64_t first, int64_t last);
  void (*interpolate)(const Block& m, const Grid& grid, const Tensor& y, const Finish& finish, int64_t first,
                      int64_t last);
  // Gradient of the windows: the transposes of the above. `sums`: of the gradients by channel, or null.
  void (*evaluate_gradients)(const Tensor& dy, const Grid& grid, const Block& m, float* sums, int64_t first,
                             int64_t last);
  void (*accumulate)(const Block& v, const Block& m, const Filters& du, int64_t point, bool fresh);
  void (*interpolate_windows)(const Filters& du, const Windows& dw, int64_t first, int64_t last);
};

// By what they were compiled for. Only on a CPU that has it.
const Pieces* pieces_x86_64_v4();
const Pieces* pieces_x86_64_v3();
const Pieces* pieces_default();

}  // namespace mixnet::winograd
