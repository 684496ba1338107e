// The local store: sums over devices, updaters that compute and wait, order, errors.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "executor/invoke.h"
#include "kvstore/kvstore.h"
#include "op/core/registry.h"

namespace mixnet {
namespace {

NDArray full(float x) {
  NDArray a({3}, DType::f32);
  const float v[] = {x, x, x};
  a.copy_from_host(v, sizeof v);
  return a;
}
float first(const NDArray& a) {
  float v[3];
  a.copy_to_host(v, sizeof v);
  return v[0];
}

}  // namespace

TEST_CASE("kvstore: push sums, pull copies") {
  const auto store = make_kvstore("local");
  store->init({"a", "b"}, {full(1), full(2)});
  NDArray out = full(0);
  store->pull({"a"}, {out}, 0);
  CHECK(first(out) == 1);
  store->push({"a", "a", "b"}, {full(3), full(4), full(5)}, 0);
  store->pull({"a"}, {out}, 0);
  CHECK(first(out) == 7);
  store->pull({"b"}, {out}, 0);
  CHECK(first(out) == 5);
}

TEST_CASE("kvstore: an updater may compute and wait, and updates keep their order") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {full(1)});
  std::vector<float> seen;
  store->set_updater([&](const std::string&, const NDArray& received, const NDArray& stored) {
    seen.push_back(first(received));
    std::vector<NDArray> in{stored, received}, out{stored};
    const OpSchema& add = registry().at("elemwise_add");
    invoke(add, add.make_params({}), in, out);
    stored.wait_to_read();
  });
  NDArray out = full(0), grad = full(0);
  for (int i = 1; i <= 20; ++i) {
    const float v[] = {static_cast<float>(i), 0, 0};
    grad.copy_from_host(v, sizeof v);
    store->push({"w"}, {grad}, -i);
  }
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 1 + 210);
  REQUIRE(seen.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(seen[static_cast<size_t>(i)] == static_cast<float>(i + 1));
}

TEST_CASE("kvstore: an updater that fails is raised by pull") {
  const auto store = make_kvstore("local");
  store->init({"w", "v"}, {full(1), full(2)});
  store->set_updater([](const std::string& key, const NDArray&, const NDArray&) {
    if (key == "w") throw Error(Code::user, "no");
  });
  NDArray out = full(0), other = full(0);
  store->push({"w"}, {full(1)}, 0);
  store->push({"v"}, {full(1)}, 0);
  store->pull({"w"}, {out}, 0);
  store->pull({"v"}, {other}, 0);
  CHECK_THROWS_WITH_AS(out.wait_to_read(), doctest::Contains("no"), Error);
  CHECK(first(other) == 2);
  CHECK_THROWS_AS(engine().wait_all(), Error);
}

TEST_CASE("kvstore: a failing updater leaves the old value, and the next push heals its key") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {full(1)});
  bool fails = true;
  store->set_updater([&](const std::string&, const NDArray& received, const NDArray& stored) {
    if (fails) throw Error(Code::user, "not this time");
    std::vector<NDArray> in{stored, received}, out{stored};
    const OpSchema& add = registry().at("elemwise_add");
    invoke(add, add.make_params({}), in, out);
  });
  NDArray out = full(0);
  store->push({"w"}, {full(10)}, 0);
  for (int i = 0; i < 2; ++i) {
    store->pull({"w"}, {out}, 0);
    CHECK_THROWS_WITH_AS(first(out), doctest::Contains("not this time"), Error);
  }
  store->push({"w"}, {full(10)}, 0);
  CHECK_THROWS_AS(engine().wait_all(), Error);
  fails = false;
  store->push({"w"}, {full(10)}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 11);
  engine().wait_all();
}

TEST_CASE("kvstore: an error on the pushed value is raised by pull until a good push") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {full(1)});
  const NDArray bad = full(5);
  engine().poison(bad.variable(), Code::io, "[test] a bad gradient");
  NDArray out = full(0);
  int runs = 0;
  store->set_updater([&](const std::string&, const NDArray& received, const NDArray& stored) {
    ++runs;
    copy(received, stored);
  });
  store->push({"w"}, {bad}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK_THROWS_WITH_AS(first(out), doctest::Contains("a bad gradient"), Error);
  store->push({"w"}, {full(7)}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 7);
  CHECK(runs == 1);
  store->set_updater({});
  store->push({"w"}, {bad}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK_THROWS_AS(first(out), Error);
  store->push({"w"}, {full(8)}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 8);
  CHECK_THROWS_AS(engine().wait_all(), Error);
}

TEST_CASE("kvstore: init again begins a key anew on which an error stands, and no other") {
  const auto store = make_kvstore("local");
  const NDArray bad = full(5);
  engine().poison(bad.variable(), Code::io, "[test] a bad value");
  store->init({"w", "v"}, {bad, full(2)});
  store->set_updater(
      [](const std::string&, const NDArray& received, const NDArray& stored) { copy(received, stored); });
  NDArray out = full(0);
  // There is no value to update.
  store->push({"w"}, {full(1)}, 0);
  store->pull({"w"}, {out}, 0);
  CHECK_THROWS_WITH_AS(first(out), doctest::Contains("a bad value"), Error);
  CHECK_THROWS_WITH_AS(store->init({"w", "v"}, {full(3), full(3)}), doctest::Contains("key v exists already"), Error);
  store->init({"w"}, {full(3)});
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 3);
  CHECK_THROWS_AS(store->init({"x", "x"}, {full(3), full(3)}), Error);
  CHECK_THROWS_AS(engine().wait_all(), Error);
}

TEST_CASE("kvstore: large values of several devices are summed into the store and pulled whole") {
  const auto store = make_kvstore("device");
  constexpr int64_t size = 3000001;
  auto large = [](float x) {
    const NDArray a({size}, DType::f32);
    std::vector<float> v(static_cast<size_t>(size));
    for (size_t i = 0; i < v.size(); ++i) v[i] = x * static_cast<float>(i % 1000);
    a.copy_from_host(v.data(), a.bytes());
    return a;
  };
  store->init({"w"}, {large(0)});
  store->push({"w", "w", "w"}, {large(1), large(2), large(4)}, 0);
  const NDArray out = large(0);
  store->pull({"w"}, {out}, 0);
  std::vector<float> v(static_cast<size_t>(size));
  out.copy_to_host(v.data(), out.bytes());
  int64_t wrong = 0;
  for (size_t i = 0; i < v.size(); ++i) wrong += v[i] != 7 * static_cast<float>(i % 1000);
  CHECK(wrong == 0);
}

TEST_CASE("kvstore: an array pulled into part of another leaves the rest") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {full(5)});
  const NDArray both({2, 3}, DType::f32);
  const float v[] = {1, 1, 1, 2, 2, 2};
  both.copy_from_host(v, sizeof v);
  store->pull({"w"}, {both.at(1)}, 0);
  float out[6];
  both.copy_to_host(out, sizeof out);
  CHECK(out[0] == 1);
  CHECK(out[5] == 5);
}

TEST_CASE("kvstore: a device store compresses what each device pushes, with and without an updater") {
  for (bool updated : {false, true}) {
    const auto store = make_kvstore("device");
    store->init({"w"}, {full(0)});
    store->set_compression(make_compression("2bit", 0.5));
    if (updated)
      store->set_updater(
          [](const std::string&, const NDArray& received, const NDArray& stored) { copy(received, stored); });
    NDArray out = full(9);
    std::vector<float> seen;
    for (int step = 0; step < 3; ++step) {
      store->push({"w", "w"}, {full(0.25f), full(2)}, 0);
      store->pull({"w"}, {out}, 0);
      seen.push_back(first(out));
    }
    CHECK(seen == std::vector<float>{0.5f, 1, 0.5f});
    // A gradient that fails takes no residual with it: the first device has 0.25 left, and then 0.5.
    const NDArray bad = full(5);
    engine().poison(bad.variable(), Code::io, "[test] a bad gradient");
    store->push({"w", "w"}, {full(0.25f), bad}, 0);
    store->pull({"w"}, {out}, 0);
    CHECK_THROWS_AS(first(out), Error);
    store->push({"w"}, {full(0.25f)}, 0);
    store->pull({"w"}, {out}, 0);
    CHECK(first(out) == 0.5f);
    store->set_compression({});
    store->push({"w"}, {full(0.1f)}, 0);
    store->pull({"w"}, {out}, 0);
    CHECK(first(out) == 0.1f);
    CHECK_THROWS_AS(engine().wait_all(), Error);
  }
}

TEST_CASE("kvstore: what cannot be compressed is refused") {
  const auto local = make_kvstore("local"), device = make_kvstore("device");
  CHECK_THROWS_WITH_AS(local->set_compression(make_compression("2bit", 0.5)), doctest::Contains("got local"), Error);
  device->init({"w"}, {NDArray({2}, DType::f16)});
  device->set_compression(make_compression("fp16", 0.5));
  CHECK_THROWS_WITH_AS(device->push({"w"}, {NDArray({2}, DType::f16)}, 0),
                       doctest::Contains("compression expects float32, got float16"), Error);
}

TEST_CASE("kvstore: eventual stores update by each value on its own, those first that are there first") {
  const auto store = make_kvstore("local");
  store->init({"w"}, {full(0)});
  store->set_consistency(Consistency::eventual);
  std::vector<float> seen;
  store->set_updater([&](const std::string&, const NDArray& received, const NDArray& stored) {
    seen.push_back(first(received));
    std::vector<NDArray> in{stored, received}, out{stored};
    const OpSchema& add = registry().at("elemwise_add");
    invoke(add, add.make_params({}), in, out);
  });
  const NDArray early = full(2), failed = full(3);
  engine().poison(failed.variable(), Code::io, "[test] a bad gradient");
  store->push({"w", "w", "w"}, {full(1), failed, early}, 0);
  early.wait_to_write();
  const float later[] = {100, 100, 100};
  early.copy_from_host(later, sizeof later);
  CHECK_THROWS_AS(engine().wait_all(), Error);
  NDArray out = full(0);
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 3);
  CHECK(seen == std::vector<float>{1, 2});
  engine().wait_all();
}

TEST_CASE("kvstore: eventual stores do not wait for a device that is late") {
  if (engine().statistics().threads == 0) return;  // the naive engine computes every value before the push
  const auto store = make_kvstore("device");
  store->init({"w"}, {full(0)});
  store->set_consistency(Consistency::eventual);
  store->set_compression(make_compression("2bit", 0.5));
  store->set_updater([&](const std::string&, const NDArray& received, const NDArray& stored) {
    std::vector<NDArray> in{stored, received}, out{stored};
    const OpSchema& add = registry().at("elemwise_add");
    invoke(add, add.make_params({}), in, out);
  });
  const NDArray late = full(8);
  std::atomic<bool> released{false};
  PushOptions io;
  io.lane = Lane::io;
  Variable* reads[] = {late.variable()};
  auto hold = [&] {
    while (!released) std::this_thread::yield();
  };
  engine().push(make_task(hold, "a slow device"), reads, reads, io);
  store->push({"w", "w"}, {late, full(4)}, 0);
  NDArray out = full(0);
  float seen = 0;
  for (int tries = 0; tries < 1000 && seen == 0; ++tries) {
    store->pull({"w"}, {out}, 0);
    seen = first(out);
    if (seen == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(seen == 0.5f);
  released = true;
  engine().wait_all();
  store->pull({"w"}, {out}, 0);
  CHECK(first(out) == 1);
}

TEST_CASE("kvstore: mistakes are named") {
  const auto store = make_kvstore("device");
  store->init({"w"}, {full(1)});
  CHECK_THROWS_WITH_AS(store->init({"w"}, {full(1)}), doctest::Contains("key w exists already"), Error);
  CHECK_THROWS_WITH_AS(store->push({"x"}, {full(1)}, 0), doctest::Contains("key x was not initialised"), Error);
  CHECK_THROWS_WITH_AS(store->push({"w"}, {NDArray({2}, DType::f32)}, 0), doctest::Contains("expected (3,), got (2,)"),
                       Error);
  CHECK_THROWS_AS(make_kvstore("nonsense"), Error);
  CHECK_THROWS_AS(make_kvstore("dist_sync"), Error);
}

}  // namespace mixnet
