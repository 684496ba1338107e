// The local store by rows: taken out, added in, with and without an updater of rows, wrong numbers.
#include <doctest/doctest.h>

#include "executor/invoke.h"
#include "kvstore/kvstore.h"
#include "op/core/registry.h"
#include "optimizer/optimizer.h"

namespace mixnet {
namespace {

using Values = std::vector<float>;

template <class T>
NDArray array(const Shape& shape, const std::vector<T>& values) {
  const NDArray a(shape, dtype_of<T>::value);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}
Values values(const NDArray& a) {
  Values v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}
NDArray table() { return array<float>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}); }
NDArray ids(const std::vector<int64_t>& numbers) {
  return array<int64_t>({static_cast<int64_t>(numbers.size())}, numbers);
}

}  // namespace

TEST_CASE("kvstore rows: pulled ones stand in their places, the others are zero") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {table()});
  const NDArray out = array<float>({4, 2}, Values(8, 9));
  store->pull_rows({"w"}, {out}, {ids({2, 0, 2})}, 0);
  CHECK(values(out) == Values{1, 2, 0, 0, 5, 6, 0, 0});
  store->pull_rows({"w"}, {out}, {array<float>({1}, {3})}, 0);
  CHECK(values(out) == Values{0, 0, 0, 0, 0, 0, 7, 8});
  store->pull_rows({"w"}, {out}, {array<int32_t>({2}, {1, 3})}, 0);
  CHECK(values(out) == Values{0, 0, 3, 4, 0, 0, 7, 8});
  store->pull_rows({"w"}, {out}, {ids({})}, 0);
  CHECK(values(out) == Values(8, 0));
}

TEST_CASE("kvstore rows: without an updater pushed rows replace the value, added up over devices and repetitions") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {table()});
  const NDArray first = array<float>({3, 2}, {1, 1, 2, 2, 4, 4}), second = array<float>({1, 2}, {8, 16});
  store->push_rows({"w", "w"}, {ids({1, 3, 1}), ids({3})}, {first, second}, 0);
  const NDArray out = table();
  store->pull({"w"}, {out}, 0);
  CHECK(values(out) == Values{0, 0, 5, 5, 0, 0, 10, 18});
}

TEST_CASE("kvstore rows: any updater gets the whole array, one of rows the rows") {
  for (bool by_row : {false, true}) {
    const auto store = make_kvstore("local");
    store->init({"w"}, {table()});
    std::vector<Values> seen;
    auto updater = [&](const std::string&, const NDArray& received, const NDArray& stored) {
      seen.push_back(values(received));
      std::vector<NDArray> in{stored, received}, out{stored};
      const OpSchema& add = registry().at("elemwise_add");
      invoke(add, add.make_params({}), in, out);
    };
    if (by_row) store->set_row_updater(updater, [](const std::string& key) { return key == "w"; });
    else store->set_updater(updater);
    store->push_rows({"w", "w"}, {ids({3, 1}), ids({3})},
                     {array<float>({2, 2}, {1, 1, 2, 2}), array<float>({1, 2}, {4, 4})}, 0);
    store->push_rows({"w"}, {ids({})}, {NDArray({0, 2}, DType::f32)}, 0);
    const NDArray out = table();
    store->pull({"w"}, {out}, 0);
    CHECK(values(out) == Values{1, 2, 5, 6, 5, 6, 12, 13});
    REQUIRE(seen.size() == (by_row ? 1 : 2));
    CHECK(seen[0] == (by_row ? Values{2, 2, 5, 5} : Values{0, 0, 2, 2, 0, 0, 5, 5}));
  }
}

TEST_CASE("kvstore rows: an optimizer without states decays only the rows pushed") {
  const auto steps = std::make_shared<Optimizer>("sgd", Attributes{{"learning_rate", Value(1.0)}, {"wd", Value(0.5)}});
  const auto store = make_kvstore("local");
  store->init({"a_weight"}, {table()});
  auto step = [steps](const std::string& key, const NDArray& received, const NDArray& stored) {
    steps->update(key, stored, received);
  };
  store->set_row_updater(step, [steps](const std::string& key) { return steps->by_row(key); });
  const NDArray out = table(), one = array<float>({1, 2}, {1, 1});
  store->push_rows({"a_weight"}, {ids({1})}, {one}, 0);
  store->pull({"a_weight"}, {out}, 0);
  CHECK(values(out) == Values{1, 2, 0.5f, 1, 5, 6, 7, 8});
  // With momentum every key that begins now has a state as large as its array.
  steps->set("momentum", Value(0.5));
  CHECK(steps->by_row("a_weight"));
  CHECK(!steps->by_row("b_weight"));
  store->init({"b_weight"}, {table()});
  store->push_rows({"b_weight"}, {ids({1})}, {one}, 0);
  store->pull({"b_weight"}, {out}, 0);
  CHECK(values(out) == Values{0.5f, 1, 0.5f, 1, 2.5f, 3, 3.5f, 4});
}

TEST_CASE("kvstore rows: wrong numbers are raised by what they concern") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {table()});
  const NDArray out = table();
  store->pull_rows({"w"}, {out}, {ids({0, 4})}, 0);
  CHECK_THROWS_WITH_AS(values(out), doctest::Contains("expected whole numbers from 0 to 3, got 4"), Error);
  store->pull_rows({"w"}, {out}, {ids({-1})}, 0);
  CHECK_THROWS_AS(values(out), Error);
  store->pull_rows({"w"}, {out}, {array<float>({1}, {0.5f})}, 0);
  CHECK_THROWS_WITH_AS(values(out), doctest::Contains("got 0.5"), Error);
  store->pull({"w"}, {out}, 0);
  CHECK(values(out) == values(table()));
  // The value stays as it is, and the next good push heals the key.
  store->set_updater(
      [](const std::string&, const NDArray& received, const NDArray& stored) { copy(received, stored); });
  const NDArray one = array<float>({1, 2}, {1, 1});
  store->push_rows({"w"}, {ids({7})}, {one}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK_THROWS_WITH_AS(values(out), doctest::Contains("got 7"), Error);
  store->push_rows({"w"}, {ids({2})}, {one}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK(values(out) == Values{0, 0, 0, 0, 1, 1, 0, 0});
  CHECK_THROWS_AS(engine().wait_all(), Error);
}

TEST_CASE("kvstore rows: mistakes are named") {
  const auto store = make_kvstore("local");
  const NDArray scalar({}, DType::f32);
  store->init({"w", "s"}, {table(), array<float>({}, {1})});
  const NDArray out = table(), one = array<float>({1, 2}, {1, 1});
  CHECK_THROWS_WITH_AS(store->pull_rows({"x"}, {out}, {ids({1})}, 0), doctest::Contains("key x was not initialised"),
                       Error);
  CHECK_THROWS_WITH_AS(store->pull_rows({"w"}, {one}, {ids({1})}, 0), doctest::Contains("expected (4, 2), got (1, 2)"),
                       Error);
  CHECK_THROWS_WITH_AS(store->pull_rows({"w"}, {out}, {array<int64_t>({1, 1}, {1})}, 0),
                       doctest::Contains("expected one axis, got (1, 1)"), Error);
  CHECK_THROWS_WITH_AS(store->push_rows({"w"}, {ids({1, 2})}, {one}, 0),
                       doctest::Contains("expected (2, 2), got (1, 2)"), Error);
  CHECK_THROWS_WITH_AS(store->push_rows({"w"}, {ids({1})}, {array<int32_t>({1, 2}, {1, 1})}, 0),
                       doctest::Contains("expected float32, got int32"), Error);
  CHECK_THROWS_WITH_AS(store->pull_rows({"s"}, {scalar}, {ids({0})}, 0),
                       doctest::Contains("expected an array with rows"), Error);
}

}  // namespace mixnet
