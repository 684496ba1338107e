// Attention in cuDNN's words: products, pointwise operations and reductions between tensors that are nowhere. cuDNN knows the whole
// by its pattern and computes it without the matrix of scores.
#pragma once
#include <list>
#include <string>
#include <vector>

#include "op/core/gpu/attention.h"
#include "op/core/gpu/cudnn.h"

namespace mixnet::gpu::cudnn {

class AttentionOperations {
 public:
  // Of the tensors, in a plan; those between operations are id_inner and the numbers behind it. `scale` and `lowest` are one float of the host each.
  // Only backward has id_dy to id_dv; `dots` is what it keeps dy . y in.
  enum Id : int64_t {
    id_q = 1,
    id_k = 2,
    id_v = 3,
    id_y = 4,
    id_sums = 5,
    id_mask = 6,
    id_scale = 7,
    id_lowest = 8,
    id_dy = 9,
    id_dots = 10,
    id_dq = 11,
    id_dk = 12,
    id_dv = 13,
    id_inner = 14
  };

  AttentionOperations(const Functions& cudnn, const Attention& a, bool backward);
  const std::vector<const Descriptor*>& all() const { return operations_; }

 private:
  using Numbers = std::vector<int64_t>;
  Descriptor& add(Kind kind) { return parts_.emplace_back(cudnn_, kind); }
  const Descriptor& tensor(int64_t id, const Numbers& extents, const Numbers& strides, int dtype,
                           bool by_value = false);
  const Descriptor& inner(const Numbers& extents, int dtype);
  const Descriptor& operand(Id id, const Rows& rows, int64_t length, int64_t columns, bool transposed = false);
  const Descriptor& lines(Id id);
  // Each gives its result.
  const Descriptor& multiply(const Descriptor& a, const Descriptor& b, const Descriptor& c);
  const Descriptor& apply(int mode, const Descriptor& x, const Descriptor* b, const Descriptor& y,
                          const Descriptor* choice = nullptr, int64_t axis = -1);
  const Descriptor& reduce(int mode, const Descriptor& x, const Descriptor& y);
  const Descriptor& finish(Descriptor& operation);

  const Descriptor& transpose(const Descriptor& x, const Numbers& extents, const Numbers& strides);

  void forward();
  void backward();
  const Descriptor& masked(const Descriptor& scores);
  const Descriptor& softmax(const Descriptor& scores);

  const Functions& cudnn_;
  const Attention a_;
  const int dtype_;
  const Numbers scores_, lines_;  // extents
  int64_t inner_ = id_inner;
  std::list<Descriptor> parts_;
  const Descriptor& scale_;
  std::vector<const Descriptor*> operations_;
};

// One word that says all that a plan depends on: not the scale, which is given when it runs.
std::string problem_text(const Attention& a);

}  // namespace mixnet::gpu::cudnn
