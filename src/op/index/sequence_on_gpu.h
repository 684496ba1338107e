// Where a step of a sequence is, for kernels with a thread per word: elements of one step may be as wide together as their number allows.
#pragma once
#include "op/core/gpu/register.h"
#include "op/core/gpu/split.h"
#include "op/core/gpu/words.h"
#include "op/index/sequence.h"

namespace mixnet::op {

struct SequenceWords {
  Sequences s;  // of words
  gpu::Split words, lines;
  SequenceWords(const Sequences& of_elements, int64_t item, int64_t word) : s(of_elements) {
    s.inner = s.inner * item / word;
    words = gpu::Split(s.inner, size());
    lines = gpu::Split(s.time_first ? s.batch : s.steps, size());
  }
  int64_t size() const { return s.steps * s.batch * s.inner; }

  // Where word i of the tensor is.
  struct Place {
    int64_t step, sequence, inside;
  };
  MIXNET_ON_DEVICE Place place(int64_t i) const {
    const int64_t line = words.number(i), outer = lines.number(line);
    const int64_t inside = i - line * words.length(), inner = line - outer * lines.length();
    if (s.time_first) return {outer, inner, inside};
    return {inner, outer, inside};
  }
};

// f(word type, the places of words) with words as wide as a step's elements and both addresses allow.
template <class F>
void dispatch_sequences(const Sequences& s, const TensorView& in, const TensorView& out, F f) {
  const int64_t item = dtype_size(in.dtype), word = gpu::widest_word({in.data, out.data}, s.inner * item);
  gpu::dispatch_wide_words(word, [&](auto tag) { f(tag, SequenceWords(s, item, word)); });
}

}  // namespace mixnet::op
