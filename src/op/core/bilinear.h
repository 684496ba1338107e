// Second order of operators F(x, w) [+ b] that are linear in data and in weight: convolutions, matrix products.
//
// Their backward node takes (dy, x, w) to (dx, dw [, db]) and has the parameters of F. With gx, gw, gb the gradients of those,
// <gx, dx> = <dy, F(gx, w)> and <gw, dw> + <gb, db> = <dy, F(x, gw) + gb>, so everything is F and its backward on other arguments.
#pragma once
#include <utility>
#include <vector>

#include "op/core/gradient.h"

namespace mixnet {

inline void bilinear_gradient(GradientContext& g, const char* forward, const char* backward, bool bias) {
  auto apply = [&](Entry x, Entry w, Entry b) {
    std::vector<Entry> inputs{std::move(x), std::move(w)};
    if (bias) inputs.push_back(b ? std::move(b) : g.make("zeros_like", {g.output(2)}));
    return g.make_backward(forward, std::move(inputs))[0];
  };
  const bool of_data = g.has_output_grad(0), of_weight = g.has_output_grad(1), of_bias = bias && g.has_output_grad(2);
  if (g.wants(0)) {
    Entry sum;
    if (of_data) sum = apply(g.output_grad(0), g.input(2), Entry());
    if (of_weight || of_bias) {
      Entry other = apply(g.input(1), g.output_grad(1), of_bias ? g.output_grad(2) : Entry());
      sum = sum ? g.make("elemwise_add", {sum, other}) : other;
    }
    g.set(0, sum);
  }
  if (g.wants(1) && of_weight) g.set(1, g.make_backward(backward, {g.input(0), g.input(1), g.output_grad(1)})[0]);
  if (g.wants(2) && of_data) g.set(2, g.make_backward(backward, {g.input(0), g.output_grad(0), g.input(2)})[1]);
}

}  // namespace mixnet
