// What indices out of range do; numbers from MXNet 1.9.1.
#include <doctest/doctest.h>

#include <cmath>

#include "../run_op.h"
#include "base/thread_pool.h"

namespace mixnet::test {
namespace {
using Values = std::vector<double>;
Values take(const char* mode, const Values& index) {
  return run_op("take", {counting({5}), tensor({static_cast<int64_t>(index.size())}, index)}, {{"mode", mode}})[0]
      .values();
}
}  // namespace

TEST_CASE("take: modes") {
  CHECK(take("clip", {-1, -7, 3, 9}) == Values{0, 0, 3, 4});
  CHECK(take("wrap", {-1, -7, 3, 9}) == Values{4, 3, 3, 4});
  CHECK(take("raise", {4, 0}) == Values{4, 0});
  CHECK_THROWS_AS(take("raise", {-1}), Error);
  CHECK_THROWS_AS(take("raise", {5}), Error);
}

TEST_CASE("indices that are no numbers stay in range") {
  CHECK(take("clip", {NAN, INFINITY, -INFINITY, 1e30}) == Values{0, 4, 0, 4});
  for (double v : take("wrap", {NAN, INFINITY, -INFINITY})) CHECK((v >= 0 && v <= 4));
  CHECK_THROWS_AS(take("raise", {NAN}), Error);
}

// More indices than are resolved at once, rows of every length that is copied in a way of its own.
TEST_CASE("take and its gradient: many indices along a middle axis") {
  const int before = parallel_threads();
  for (int threads : {1, 3}) {
    set_parallel_threads(threads);
    for (DType dtype : {DType::f32, DType::f64, DType::u8, DType::f16}) {
      for (int64_t inner : {1, 3, 70}) {
        const int64_t outer = 2, n = 5, count = 1300;
        const Tensor x = counting({outer, n, inner}, dtype);
        Tensor index({count}, DType::f32), dy({outer, count, inner}, dtype);
        for (int64_t i = 0; i < count; ++i) index.set(i, static_cast<double>(i * i % 7 - 1));  // -1 to 3, clipped
        for (int64_t i = 0; i < dy.size(); ++i) dy.set(i, i / inner % 40 == 0);
        const Values y = run_op("take", {x, index}, {{"axis", 1}})[0].values();
        const Values dx = run_op("_backward_take", {dy, index, x}, {{"axis", 1}})[0].values();
        const Values values = x.values();
        Values want_y(y.size()), want_dx(dx.size());
        for (int64_t o = 0; o < outer; ++o) {
          for (int64_t i = 0; i < count; ++i) {
            for (int64_t c = 0; c < inner; ++c) {
              const int64_t from = (o * n + std::max<int64_t>(0, i * i % 7 - 1)) * inner + c;
              want_y[static_cast<size_t>((o * count + i) * inner + c)] = values[static_cast<size_t>(from)];
              want_dx[static_cast<size_t>(from)] += (o * count + i) % 40 == 0;
            }
          }
        }
        CHECK(y == want_y);
        CHECK(dx == want_dx);
      }
    }
  }
  set_parallel_threads(before);
}

TEST_CASE("pick, batch_take, fill_element_0index, _onehot_encode") {
  const Tensor x = counting({2, 4}), y = counting({3, 4});
  CHECK(run_op("pick", {x, tensor({2}, {-1, 9})})[0].values() == Values{0, 7});
  CHECK(run_op("pick", {x, tensor({2}, {-1, 9})}, {{"mode", "wrap"}})[0].values() == Values{3, 5});
  CHECK(run_op("batch_take", {y, tensor({3}, {0, 3, 2}, DType::i32)})[0].values() == Values{0, 7, 10});
  CHECK(run_op("choose_element_0index", {y, tensor({3}, {0, 9, -2})})[0].values() == Values{0, 7, 8});
  CHECK(run_op("fill_element_0index", {y, tensor({3}, {50, 60, 70}), tensor({3}, {0, 9, -1})})[0].values() ==
        Values{50, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(run_op("_onehot_encode", {tensor({3}, {1, 3, 9}), y})[0].values() ==
        Values{0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0});
}

TEST_CASE("gather_nd and scatter_nd") {
  const Tensor x = counting({3, 4});
  CHECK(run_op("gather_nd", {x, tensor({2, 2}, {0, 2, 1, -1})})[0].values() == Values{1, 11});
  CHECK_THROWS_AS(run_op("gather_nd", {x, tensor({1, 1}, {7})}), Error);
  CHECK_THROWS_AS(run_op("gather_nd", {x, tensor({3, 1}, {0, 0, 0})}), Error);
  // The last of equal addresses counts.
  CHECK(run_op("scatter_nd", {tensor({3}, {1, 2, 3}), tensor({2, 3}, {0, 1, 0, 1, 1, 1})}, {{"shape", Shape{2, 2}}})[0]
            .values() == Values{0, 3, 0, 2});
  CHECK_THROWS_AS(run_op("scatter_nd", {tensor({1}, {1}), tensor({1, 1}, {2})}, {{"shape", Shape{2}}}), Error);
}

TEST_CASE("ravel and unravel") {
  CHECK(run_op("ravel_multi_index", {tensor({2, 3}, {1, 2, 5, 3, 0, 1})}, {{"shape", Shape{3, 4}}})[0].values() ==
        Values{7, 8, 21});
  CHECK(run_op("unravel_index", {tensor({3}, {7, 8, 13})}, {{"shape", Shape{3, 4}}})[0].values() ==
        Values{1, 2, 3, 3, 0, 1});
}

}  // namespace mixnet::test
