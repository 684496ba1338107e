// _shuffle: the rows of an array in random order.
#include "op/random/shuffle.h"

#include <cstring>
#include <numeric>

#include "op/core/builder.h"

namespace mixnet::op::shuffle {
namespace {

// Fisher and Yates, 1938, on row numbers in workspace.
class Shuffle : public Kernel {
 public:
  explicit Shuffle(const PrepareContext& c) : rows_(c.inputs[0].ndim() > 0 ? c.inputs[0].shape[0] : 1) {}
  size_t workspace() const override { return static_cast<size_t>(rows_) * sizeof(int64_t); }
  void run(const RunContext& r) const override {
    if (r.out[0].size() == 0) return;
    int64_t* order = static_cast<int64_t*>(r.context.workspace);
    std::iota(order, order + rows_, int64_t{0});
    for (int64_t i = rows_ - 1; i > 0; --i) std::swap(order[i], order[partner(r.context.random, i)]);
    const size_t width = static_cast<size_t>(r.out[0].bytes() / rows_);
    for (int64_t i = 0; i < rows_; ++i) {
      std::memcpy(r.out[0].as<char>() + static_cast<size_t>(i) * width,
                  r.in[0].as<char>() + static_cast<size_t>(order[i]) * width, width);
    }
  }

 private:
  int64_t rows_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Shuffle>(c); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_shuffle");
  op.alias("shuffle")
      .input("data", "Any shape and dtype.")
      .random()
      .prepare(prepare)
      .no_gradient("draws have no gradient");
  //[full
  op.doc("The rows of data, along axis 0, in random order; every order is equally likely.");
  op.sample({{5, 2}});
  op.sample({{1}});
  op.sample({{0, 2}});
  //]
}

}  // namespace mixnet::op::shuffle
