#include "op/core/column_sums.h"

#include <doctest/doctest.h>

#include <vector>

namespace mixnet {

TEST_CASE("column sums: every remainder of rows and columns, and a pitch") {
  for (const int64_t rows : {0, 1, 3, 4, 7, 64}) {
    for (const int64_t columns : {0, 1, 255, 256, 600}) {
      const int64_t pitch = columns + 3;
      std::vector<double> x(static_cast<size_t>(rows * pitch), 1e9), sums(static_cast<size_t>(columns + 1), -1);
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) x[static_cast<size_t>(i * pitch + j)] = static_cast<double>(i + 2 * j);
      }
      column_sums(x.data(), rows, columns, pitch, sums.data());
      CAPTURE(rows);
      CAPTURE(columns);
      for (int64_t j = 0; j < columns; ++j) {
        REQUIRE(sums[static_cast<size_t>(j)] == static_cast<double>(rows * (rows - 1) / 2 + 2 * j * rows));
      }
      CHECK(sums.back() == -1);
    }
  }
}

}  // namespace mixnet
