// Every element of a transposed tensor stands where the order of axes says, in tiles, at their edges and for every item
// size.
#include <doctest/doctest.h>

#include "../run_op.h"

namespace mixnet::test {

TEST_CASE("transpose agrees with its definition") {
  struct Row {
    Shape in, axes;
  };
  const Row rows[] = {{{35, 41}, {1, 0}},           {{3, 33, 40}, {0, 2, 1}},      {{2, 5, 6, 9}, {0, 3, 1, 2}},
                      {{2, 9, 5, 6}, {0, 2, 3, 1}}, {{4, 3, 2, 17}, {2, 0, 1, 3}}, {{64, 8}, {1, 0}},
                      {{2, 3, 4, 5}, {3, 2, 1, 0}}, {{1, 70, 1, 33}, {3, 0, 1, 2}}};
  for (DType dtype : {DType::u8, DType::f16, DType::f32, DType::f64}) {
    for (const Row& row : rows) {
      // Small whole numbers, which even uint8 and float16 hold exactly.
      Tensor in(row.in, dtype);
      for (int64_t i = 0; i < in.size(); ++i) in.set(i, static_cast<double>(i * 7 % 251));
      const Tensor out = run_op("transpose", {in}, {{"axes", row.axes}})[0];
      const int n = row.in.ndim();
      int64_t wrong = 0;
      for (int64_t i = 0; i < out.size(); ++i) {
        int64_t index[4] = {}, rest = i, at = 0;
        for (int d = n - 1; d >= 0; --d) {
          index[row.axes[d]] = rest % out.shape()[d];
          rest /= out.shape()[d];
        }
        for (int d = 0; d < n; ++d) at = at * row.in[d] + index[d];
        wrong += out.get(i) != in.get(at);
      }
      INFO(row.in.str(), " ", row.axes.str(), " ", dtype_name(dtype));
      CHECK(wrong == 0);
    }
  }
}

}  // namespace mixnet::test
