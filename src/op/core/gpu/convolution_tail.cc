#include "op/core/gpu/convolution_tail.h"

namespace mixnet::gpu {
namespace {

Value field(const FusedNode& node, const char* name) { return node.op->field(name)->get(node.params.get()); }

bool is_sum(const OpSchema& op) {
  return op.name == "elemwise_add" || op.name == "broadcast_add" || op.name == "add_n";
}

bool add_curve(const FusedNode& node, Finish* f) {
  const std::string name = node.op->name == "Activation" ? field(node, "act_type").str() : node.op->name;
  if (name == "relu") f->curve = Curve::relu;
  else if (name == "sigmoid") f->curve = Curve::sigmoid;
  else if (name == "tanh") f->curve = Curve::tanh;
  // As relu6: limits that begin elsewhere are another function.
  else if (name == "clip" && field(node, "a_min").as_real() == 0 && field(node, "a_max").as_real() > 0) {
    f->curve = Curve::relu;
    f->most = field(node, "a_max").as_real();
  }
  return f->curve != Curve::none;
}

}  // namespace

std::optional<Finish> finish_of(const FusedGroup& group) {
  Finish f;
  int value = 0;  // the operand that the next operator has to read
  for (size_t n = 0; n < group.nodes.size(); ++n) {
    const FusedNode& node = group.nodes[n];
    const std::vector<int>& of = node.operands;
    if (f.curve != Curve::none) return std::nullopt;
    const bool with_input = of.size() == 2 && ((of[0] == value && of[1] == 1) || (of[0] == 1 && of[1] == value));
    if (with_input && is_sum(*node.op) && !f.residual) {
      f.residual = true;
    } else if (of.size() != 1 || of[0] != value || !add_curve(node, &f)) {
      return std::nullopt;
    }
    value = group.num_inputs + static_cast<int>(n);
  }
  const bool whole = group.num_inputs == (f.residual ? 2 : 1);
  if (!whole || group.outputs != std::vector<int>{static_cast<int>(group.nodes.size()) - 1}) return std::nullopt;
  return f;
}

}  // namespace mixnet::gpu
