// _shuffle: the rows of an array in random order.
#include "op/random/shuffle.h"

#include <algorithm>
#include <cstdint>
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
    if (rows_ <= INT32_MAX) shuffle<uint32_t>(r);
    else shuffle<uint64_t>(r);
  }

 private:
  // I: of row numbers; the smaller, the more of them are in the cache.
  template <class I>
  void shuffle(const RunContext& r) const {
    I* const order = static_cast<I*>(r.context.workspace);
    std::iota(order, order + rows_, I{0});
    for (int64_t i = rows_ - 1; i > 0; --i) std::swap(order[i], order[partner(r.context.random, i)]);
    const int64_t width = r.out[0].bytes() / rows_;
    const char* const from = r.in[0].as<char>();
    char* const to = r.out[0].as<char>();
    const auto each = [&](auto copy) {
      parallel_for(rows_, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)), [=](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) copy(to + i * width, from + static_cast<int64_t>(order[i]) * width);
      });
    };
    if (width == 4) each([](char* y, const char* x) { std::memcpy(y, x, 4); });
    else each([width](char* y, const char* x) { std::memcpy(y, x, static_cast<size_t>(width)); });
  }

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
