// Matrices along other axes, and what does not fit.
#include <doctest/doctest.h>

#include "../run_op.h"

namespace mixnet::test {
using Values = std::vector<double>;

TEST_CASE("linalg_gemm: rows along another axis") {
  // Two interleaved products: matrix b has the elements [:, b, :].
  const Tensor a = tensor({2, 2, 2}, {1, 2, 5, 6, 3, 4, 7, 8}), b = tensor({2, 2, 1}, {1, 2, 1, 2});
  const Tensor out = run_op("linalg_gemm2", {a, b}, {{"axis", 0}})[0];
  CHECK(out.shape() == Shape{2, 2, 1});
  CHECK(out.values() == Values{3, 22, 7, 30});
  const Tensor ones = tensor({2, 2}, {1, 1, 1, 1});
  CHECK(run_op("linalg_gemm", {ones, ones, ones}, {{"alpha", 2.0}, {"beta", 3.0}})[0].values() == Values{7, 7, 7, 7});
  CHECK_THROWS_AS(run_op("linalg_gemm2", {ones, ones}, {{"axis", -1}}), Error);
  CHECK_THROWS_AS(run_op("linalg_gemm2", {ones, tensor({1, 2}, {1, 1})}), Error);
  CHECK_THROWS_AS(run_op("linalg_gemm2", {tensor({2}, {1, 1}), ones}), Error);
}

TEST_CASE("khatri_rao and dot") {
  const Tensor a = tensor({2, 2}, {1, 2, 3, 4}), b = tensor({3, 2}, {1, 0, 0, 1, 2, 2});
  CHECK(run_op("khatri_rao", {a, b}, {{"num_args", 2}})[0].values() == Values{1, 0, 0, 2, 2, 4, 3, 0, 0, 4, 6, 8});
  CHECK_THROWS_AS(run_op("khatri_rao", {a, tensor({2, 1}, {1, 1})}, {{"num_args", 2}}), Error);
  const Tensor v = tensor({2}, {1, 2});
  CHECK(run_op("dot", {v, v})[0].values() == Values{5});
  CHECK_THROWS_AS(run_op("dot", {v, v}, {{"transpose_a", true}}), Error);
  CHECK_THROWS_AS(run_op("dot", {a, b}), Error);
}

}  // namespace mixnet::test
