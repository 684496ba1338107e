// Sequences of unequal length in one tensor: (T, N, ...) or, with axis 1, (N, T, ...), and how long each of the N is.
#pragma once
#include <algorithm>

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op {

struct SequenceParams {
  bool use_sequence_length = false;
  int64_t axis = 0;
};

struct Sequences {
  int64_t steps, batch, inner;  // inner: elements of one step of one sequence
  bool time_first;
  Sequences(const SequenceParams& p, const Shape& s)
      : steps(s[p.axis == 0 ? 0 : 1]),
        batch(s[p.axis == 0 ? 1 : 0]),
        inner(s.size(2, s.ndim())),
        time_first(p.axis == 0) {}
  // First element of step t of sequence n.
  MIXNET_ON_DEVICE int64_t at(int64_t t, int64_t n) const {
    return (time_first ? t * batch + n : n * steps + t) * inner;
  }
};

// Length of sequence n, at least `least` and at most all steps.
class Lengths {
 public:
  Lengths(const SequenceParams& p, Span<const TensorView> in, size_t position, int64_t steps, int64_t least)
      : steps_(steps), least_(std::min(least, steps)), given_(p.use_sequence_length) {
    if (given_) length_ = Indices(in[position]);
  }
  MIXNET_ON_DEVICE int64_t operator[](int64_t n) const {
    if (!given_) return steps_;
    const int64_t length = length_[n];
    return length < least_ ? least_ : length < steps_ ? length : steps_;
  }

 private:
  int64_t steps_, least_;
  bool given_;
  Indices length_;
};

template <class P>
std::vector<std::string> sequence_inputs(const P& p) {
  if (p.use_sequence_length) return {"data", "sequence_length"};
  return {"data"};
}
template <class P>
void check_sequence(const P& p) {
  MIXNET_CHECK(p.axis == 0 || p.axis == 1, invalid, "axis: expected 0 or 1, got ", p.axis);
}
// data has at least two axes; there is a length for each sequence.
template <class P>
void infer_sequence_inputs(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  const P& p = c.params<P>();
  if (p.use_sequence_length && c.in[0].ndim_known()) c.set_in(1, Shape{c.in[0][p.axis == 0 ? 1 : 0]});
}
inline void infer_sequence_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.num_inputs() > 1 && c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

template <class P>
void add_sequence_length(OpBuilder<P>& op) {
  op.param("use_sequence_length", &P::use_sequence_length)
      .doc("Takes the lengths from a second input; else all are full.");
}
template <class P>
void add_sequence_axis(OpBuilder<P>& op) {
  op.param("axis", &P::axis).doc("The axis of time, 0 or 1; the other one is the batch.");
}
template <class P>
void add_sequence_inputs(OpBuilder<P>& op) {
  op.input("data", "(T, N, ...), or (N, T, ...) with axis 1.");
  op.input("sequence_length", "(N,), lengths, clipped into range; only with use_sequence_length.");
  op.input_names(sequence_inputs<P>);
}

}  // namespace mixnet::op
