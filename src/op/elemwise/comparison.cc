// Comparisons and logic: 1 where true, 0 where false, in the dtype of the operands.
#include "op/elemwise/binary.h"

namespace mixnet::op::comparison {
namespace {

using namespace functions;

struct Row {
  const char *same, *same_alias, *broadcast;
  void (*kernel)(const NoParams&, const RunContext&);
  const char* doc;
};

const Row rows[] = {
    {"_equal", "_Equal", "broadcast_equal", binary_kernel<Equal>, "a == b"},
    {"_not_equal", "_Not_Equal", "broadcast_not_equal", binary_kernel<NotEqual>, "a != b"},
    {"_greater", "_Greater", "broadcast_greater", binary_kernel<Greater>, "a > b"},
    {"_greater_equal", "_Greater_Equal", "broadcast_greater_equal", binary_kernel<GreaterEqual>, "a >= b"},
    {"_lesser", "_Lesser", "broadcast_lesser", binary_kernel<Lesser>, "a < b"},
    {"_lesser_equal", "_Lesser_Equal", "broadcast_lesser_equal", binary_kernel<LesserEqual>, "a <= b"},
    {"_logical_and", "_Logical_And", "broadcast_logical_and", binary_kernel<And>, "a and b are both not zero"},
    {"_logical_or", "_Logical_Or", "broadcast_logical_or", binary_kernel<Or>, "a or b is not zero"},
    {"_logical_xor", "_Logical_Xor", "broadcast_logical_xor", binary_kernel<Xor>, "exactly one of a and b is not zero"},
};

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    for (bool broadcast : {false, true}) {
      OpBuilder<> op(registry, broadcast ? row.broadcast : row.same);
      if (!broadcast) op.alias(row.same_alias).inplace(0, 0).inplace(1, 0);
      else op.infer_shape(infer_broadcast);
      op.input("lhs", "The first operand.")
          .input("rhs", "The second operand, of the same dtype.")
          .kernel(row.kernel)
          .zero_gradient()
          .pointwise();
      //[full
      op.doc(std::string("1 where ") + row.doc + ", else 0, in the dtype of the operands" +
             (broadcast ? ", with broadcasting." : "."));
      op.sample({{2, 3}, {2, 3}}).integers({0, 1}, 3);
      op.sample({{1}, {1}});
      op.sample({{0}, {0}});
      if (broadcast) op.sample({{2, 1, 3}, {4, 1}}).integers({0, 1}, 2);
      //]
    }
  }
}

}  // namespace mixnet::op::comparison
