// A tail of pointwise operators (op/core/tailed.h) in oneDNN's words: a chain of post-ops on the result, with at most one sum.
//
// Only included by *.dnnl.cc files. The sum is made in the memory of the result, which first takes a copy of the other value unless both are
// one.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "op/core/dnnl_kernel.h"
#include "op/core/fused.h"
#include "op/core/schema.h"

namespace mixnet {

struct DnnlTail {
  enum Kind { relu, sum, linear, other };
  struct Step {
    Kind kind;
    double scale, shift;  // of a linear one
  };
  dnnl::post_ops ops;
  std::vector<Step> steps;  // the same, by operator
  int summand = 0;          // the input of the group that is added; 0: none
};

namespace dnnl_tail {

inline double number(const FusedNode& node, const char* field) {
  return node.op->field(field)->get(node.params.get()).as_real();
}

inline bool is_sum(const FusedNode& node) {
  return node.op->name == "elemwise_add" || node.op->name == "broadcast_add" || node.op->name == "add_n";
}

// An operator with one input; false: oneDNN has no word for it.
inline bool append_unary(const FusedNode& node, DnnlTail* tail) {
  using A = dnnl::algorithm;
  std::string name = node.op->name;
  if (name == "Activation") name = node.op->field("act_type")->get(node.params.get()).str();
  auto append = [tail](DnnlTail::Step step, A algorithm, double alpha = 0, double beta = 0) {
    tail->steps.push_back(step);
    tail->ops.append_eltwise(algorithm, static_cast<float>(alpha), static_cast<float>(beta));
    return true;
  };
  auto linear = [&](double scale, double shift) {
    return append({DnnlTail::linear, scale, shift}, A::eltwise_linear, scale, shift);
  };
  // oneDNN's relu (and clip) makes numbers of what is none. x min(max(s x, 0), 1) with a steep s does not; the 0 added takes the sign off -0.
  if (name == "relu") {
    append({DnnlTail::relu, 0, 0}, A::eltwise_hardswish, 1e38, 0);
    tail->ops.append_eltwise(A::eltwise_linear, 1, 0);
    return true;
  }
  if (name == "sigmoid") return append({DnnlTail::other, 0, 0}, A::eltwise_logistic);
  if (name == "tanh") return append({DnnlTail::other, 0, 0}, A::eltwise_tanh);
  if (name == "softrelu") return append({DnnlTail::other, 0, 0}, A::eltwise_soft_relu, 1);
  if (name == "LeakyReLU") {
    const std::string act = node.op->field("act_type")->get(node.params.get()).str();
    const double slope = number(node, "slope");
    const DnnlTail::Step step{DnnlTail::other, 0, 0};
    // Of a NaN, oneDNN's relu with a slope makes a NaN.
    if (act == "leaky" && slope != 0) return append(step, A::eltwise_relu, slope);
    if (act == "elu") return append(step, A::eltwise_elu, slope);
    if (act == "gelu") return append(step, A::eltwise_gelu_erf);
    return false;
  }
  if (name == "_plus_scalar") return linear(1, number(node, "scalar"));
  if (name == "_mul_scalar") return linear(number(node, "scalar"), 0);
  return false;
}

}  // namespace dnnl_tail

// Nothing when the tail is not a chain of operators that oneDNN knows.
inline std::optional<DnnlTail> make_dnnl_tail(const FusedGroup& group) {
  DnnlTail tail;
  int value = 0;  // the operand that the next operator has to read
  for (size_t n = 0; n < group.nodes.size(); ++n) {
    const FusedNode& node = group.nodes[n];
    if (node.operands.size() == 1 && node.operands[0] == value) {
      if (!dnnl_tail::append_unary(node, &tail)) return std::nullopt;
    } else if (node.operands.size() == 2 && dnnl_tail::is_sum(node) && tail.summand == 0) {
      const int other = node.operands[0] == value ? node.operands[1] : node.operands[0];
      if ((node.operands[0] != value && node.operands[1] != value) || other == 0 || other >= group.num_inputs)
        return std::nullopt;
      tail.ops.append_sum(1.0f);
      tail.steps.push_back({DnnlTail::sum, 0, 0});
      tail.summand = other;
    } else {
      return std::nullopt;
    }
    value = group.num_inputs + static_cast<int>(n);
  }
  if (group.outputs != std::vector<int>{static_cast<int>(group.nodes.size()) - 1}) return std::nullopt;
  return tail;
}

inline bool dnnl_takes_tail(const FusedGroup& group) { return make_dnnl_tail(group).has_value(); }

}  // namespace mixnet
