// Attention on GPUs: y = softmax(scale q k^T + mask) v for every head of every item of a batch, and its gradients, with operands that lie at any steps.
//
// cuDNN is asked first (cudnn_attention.h) for 16-bit operands; these kernels are ours, for float32 and float64: scores are made for as many
// matrices at a time as fit into a workspace of bounded size (of one matrix at least).
#pragma once
#include <cstddef>

#include "base/dtype.h"
#include "base/shape.h"
#include "device/stream.h"

namespace mixnet::gpu {

// Matrix i, with heads counted last, begins at i * step, its row r at r * pitch behind that; rows are dense.
struct Rows {
  int64_t step, pitch;
};

struct Attention {
  DType dtype;
  int64_t batch, heads, queries, keys, depth, width;  // width: of a value
  double scale;
  bool causal;  // query i sees the keys 0 to i alone
  Rows q, k, v, y;
  // (batch, heads, queries, keys), or 1 along an axis; no axes: there is none.
  Shape mask;
  DType mask_dtype;

  int64_t matrices() const { return batch * heads; }
  size_t lines() const { return static_cast<size_t>(matrices() * queries); }
  bool masked() const { return mask.ndim() > 0; }
};

// Matrices one behind the other.
inline Rows dense(int64_t rows, int64_t width) { return {rows * width, width}; }

struct AttentionData {
  const void *q, *k, *v, *mask;
  void* y;
  void*
      sums;  // per query the logarithm of the sum of the exponentials, in the dtype that sums are made in; -inf where no key is seen
};
// With the gradients, which lie as their operands do. `sums` are those of `attend`.
struct AttentionSlopes {
  const void *dy, *q, *k, *v, *mask, *y, *sums;
  void *dq, *dk, *dv;
};

// Of float32 or float64, mask included; `workspace` of so many bytes.
size_t attend_bytes(const Attention& a);
void attend(Stream& stream, const Attention& a, const AttentionData& data, void* workspace);
size_t attend_backward_bytes(const Attention& a);
void attend_backward(Stream& stream, const Attention& a, const AttentionSlopes& data, void* workspace);

// Queries to which the mask leaves no key, of which others make NaN, give 0: their rows of y and sums. Any dtypes; sums are float32.
void clear_hidden_queries(Stream& stream, const Attention& a, const AttentionData& data);
// The sums of queries that see no key as +inf, with which their probabilities come out as 0: n of them, float32.
void lift_hidden_sums(Stream& stream, int64_t n, const float* sums, float* lifted);

}  // namespace mixnet::gpu
