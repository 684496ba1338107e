// Arrays whose size their writer says: sparse ones and those of late shape, through the engine.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "executor/invoke.h"
#include "ndarray/serialize.h"
#include "ndarray/sparse_parts.h"

namespace mixnet::test {
namespace {

NDArray array_of(const Shape& shape, std::vector<float> values) {
  const NDArray a(shape, DType::f32);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}
std::vector<float> values_of(const NDArray& array) {
  const NDArray dense(array.shape(), array.dtype());
  convert(array, dense);
  std::vector<float> values(static_cast<size_t>(dense.size()));
  dense.copy_to_host(values.data(), dense.bytes());
  return values;
}
NDArray call(const char* name, std::vector<NDArray> inputs, const Attributes& attributes = {}) {
  const OpSchema& op = registry().at(name);
  std::vector<NDArray> out;
  invoke(op, op.make_params(attributes), inputs, out);
  return out[0];
}
const std::vector<float> some{0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 0, 4};

}  // namespace

TEST_CASE("sparse arrays: written again with another size, read by tasks in order") {
  const NDArray dense = array_of({3, 4}, some), other = array_of({3, 4}, std::vector<float>(12, 7.f));
  for (StorageKind kind : {StorageKind::csr, StorageKind::row_sparse}) {
    const NDArray sparse(kind, {3, 4}, DType::f32);
    CHECK(values_of(sparse) == std::vector<float>(12, 0.f));
    for (int i = 0; i < 20; ++i) {
      convert(i % 2 ? other : dense, sparse);
      const NDArray copy = empty_like(sparse);
      mixnet::copy(sparse, copy);
      CHECK(values_of(copy) == (i % 2 ? std::vector<float>(12, 7.f) : some));
    }
    CHECK(sparse.bytes() > 12 * 4);
    CHECK_THROWS_AS(sparse.slice(0, 1), Error);
    CHECK_THROWS_AS(mixnet::copy(dense, sparse), Error);
  }
}

TEST_CASE("late shapes: the call returns before the shape is known, which waits") {
  const NDArray data = array_of({3, 2}, {1, 2, 3, 4, 5, 6}), mask(Shape{3}, DType::f32);
  std::atomic<bool> go{false};
  std::thread other([&go] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    go = true;
  });
  Variable* writes[] = {mask.variable()};
  engine().push(make_task(
                    [mask, &go] {
                      while (!go) std::this_thread::yield();
                      float* m = mask.view().as<float>();
                      m[0] = m[2] = 1;
                      m[1] = 0;
                    },
                    "a slow mask"),
                {}, writes);
  const NDArray out = call("_contrib_boolean_mask", {data, mask});
  CHECK(out.shape() == Shape{2, 2});
  other.join();
  CHECK(values_of(out) == std::vector<float>{1, 2, 5, 6});
  CHECK(values_of(call("elemwise_add", {out, out})) == std::vector<float>{2, 4, 10, 12});
}

TEST_CASE("late shapes: an error stands on the array, and asking for its shape raises it") {
  const NDArray data = array_of({3, 2}, {1, 2, 3, 4, 5, 6}), mask(Shape{3}, DType::f32);
  Variable* writes[] = {mask.variable()};
  engine().push(make_task([] { fail(Code::user, "[mask] no"); }, "a mask that fails"), {}, writes);
  const NDArray out = call("_contrib_boolean_mask", {data, mask});
  CHECK_THROWS_WITH_AS(out.shape(), doctest::Contains("no"), Error);
}

TEST_CASE("operators without a sparse kernel work on dense copies") {
  const NDArray sparse(StorageKind::csr, {3, 4}, DType::f32), dense = array_of({3, 4}, some);
  convert(dense, sparse);
  const NDArray out = call("_plus_scalar", {sparse}, {{"scalar", 1.0}});
  CHECK(out.dense());
  std::vector<float> expected = some;
  for (float& v : expected) v += 1;
  CHECK(values_of(out) == expected);
  // Into a sparse array that is an input too.
  const OpSchema& op = registry().at("elemwise_add");
  std::vector<NDArray> into{sparse};
  const NDArray inputs[] = {sparse, sparse};
  invoke(op, op.make_params({}), inputs, into);
  CHECK(values_of(sparse)[11] == 8);
  CHECK(sparse_part(sparse, SparsePart::indices).shape() == Shape{4});
}

TEST_CASE("products with a transposed sparse matrix: row_sparse or dense, as the dense product") {
  const NDArray dense = array_of({3, 4}, some), right = array_of({3, 2}, {1, 2, 3, 4, 5, 6});
  const NDArray sparse(StorageKind::csr, {3, 4}, DType::f32);
  convert(dense, sparse);
  const std::vector<float> expected{15, 18, 1, 2, 0, 0, 22, 28};
  CHECK(values_of(call("dot", {dense, right}, {{"transpose_a", true}})) == expected);
  const NDArray rows = call("dot", {sparse, right}, {{"transpose_a", true}});
  CHECK(rows.kind() == StorageKind::row_sparse);
  CHECK(sparse_part(rows, SparsePart::indices).shape() == Shape{3});
  CHECK(values_of(rows) == expected);
  CHECK(values_of(call("dot", {sparse, right}, {{"transpose_a", true}, {"forward_stype", "default"}})) == expected);
}

TEST_CASE("sparse records: written and read") {
  const NDArray dense = array_of({3, 4}, some);
  for (StorageKind kind : {StorageKind::csr, StorageKind::row_sparse}) {
    const NDArray sparse(kind, {3, 4}, DType::f32);
    convert(dense, sparse);
    const std::string record = save_record(sparse);
    const NDArray loaded = load_record(record.data(), record.size(), "test");
    CHECK(loaded.kind() == kind);
    CHECK(values_of(loaded) == some);
    CHECK(values_of(dense_copy(loaded)) == some);
    for (size_t n = 0; n < record.size(); ++n) CHECK_THROWS_AS(load_record(record.data(), n, "test"), Error);
  }
}

}  // namespace mixnet::test
