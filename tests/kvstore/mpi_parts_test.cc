// What dist_allreduce is made of and needs no other worker: agreement, batches, how arrays travel, settings.
#include <doctest/doctest.h>

#include <cstdlib>

#include "kvstore/mpi/agreement.h"
#include "kvstore/mpi/batches.h"
#include "kvstore/mpi/link.h"
#include "kvstore/mpi/wire.h"

namespace mixnet::mpi {
namespace {

// The minimum of what two workers say.
Agreement least(Agreement a, Agreement b) {
  for (int64_t i = 0; i < a.size(); ++i) a.data()[i] = std::min(a.data()[i], b.data()[i]);
  return a;
}

template <class T>
NDArray array_of(DType dtype, const std::vector<float>& values) {
  std::vector<T> converted(values.begin(), values.end());
  NDArray array({static_cast<int64_t>(values.size())}, dtype);
  array.copy_from_host(converted.data(), array.bytes());
  return array;
}

}  // namespace

TEST_CASE("mpi agreement: what all have, the most urgent first, then in order") {
  Agreement a(5), b(5);
  for (int32_t slot : {0, 1, 2, 4}) a.ready(slot, slot == 2 ? 7 : 1);
  for (int32_t slot : {4, 3, 2, 1}) b.ready(slot, slot == 2 ? 5 : 1);
  const Agreement both = least(a, b);
  std::vector<int32_t> slots;
  for (const auto& ready : both.all_ready()) {
    slots.push_back(ready.slot);
    CHECK(!ready.failed);
  }
  CHECK(slots == std::vector<int32_t>{2, 1, 4});
  CHECK(both.all_ready()[0].priority == 5);
  CHECK(both.leaver() == -1);
  CHECK(!both.complained());
  CHECK(!both.all_meet());
}

TEST_CASE("mpi agreement: a value that failed counts when all others are there, even with the least priority") {
  Agreement a(2), b(2), c(2);
  a.fail(0), b.ready(0, INT32_MIN);
  a.fail(1);
  const auto ready = least(a, b).all_ready();
  REQUIRE(ready.size() == 1);
  CHECK(ready[0].slot == 0);
  CHECK(ready[0].failed);
  c.ready(0, INT32_MIN);
  CHECK(!least(b, c).all_ready()[0].failed);
}

TEST_CASE("mpi agreement: meetings, complaints and leaving") {
  Agreement a(1), b(1);
  a.meet("barrier");
  CHECK(!least(a, b).all_meet());
  b.meet("barrier");
  CHECK(least(a, b).all_meet());
  CHECK(!least(a, b).meetings_differ());
  b.meet("init of a (3,) float32");
  CHECK(least(a, b).meetings_differ());
  b.complain(-1);
  CHECK(least(a, b).complained());
  CHECK(least(a, b).complaint() == -1);
  a.complain(0);
  CHECK(least(a, b).complaint() == 0);
  b.leave(0);
  CHECK(least(a, b).leaver() == 0);
}

TEST_CASE("mpi batches: small items together by type, large ones in parts, everything once") {
  const int64_t large = batch_bytes / 4 * 2 + 5;
  const std::vector<Item> items{{10, Type::f32},    {0, Type::f32},  {20, Type::f64},
                                {large, Type::f32}, {30, Type::f32}, {40, Type::f64}};
  const auto batches = plan_batches(items);
  REQUIRE(batches.size() == 5);
  CHECK(batches[0].count == 40);
  CHECK(batches[1].count == 60);
  CHECK(batches[1].type == Type::f64);
  CHECK(batches[4].count == 5);
  std::vector<int64_t> seen(items.size());
  for (const Batch& batch : batches) {
    int64_t count = 0;
    for (const Part& part : batch.parts) {
      CHECK(seen[part.item] == part.first);
      CHECK(items[part.item].type == batch.type);
      seen[part.item] += part.count, count += part.count;
    }
    CHECK(count == batch.count);
  }
  for (size_t i = 0; i < items.size(); ++i) CHECK(seen[i] == items[i].count);
}

TEST_CASE("mpi batches: none is larger than what is gathered in one place") {
  const std::vector<Item> items(1000, {small_bytes / 8, Type::f64});
  const auto batches = plan_batches(items);
  CHECK(batches.size() > 1);
  for (const Batch& batch : batches) CHECK(batch.count * 8 <= batch_bytes);
}

TEST_CASE("mpi wire: 16-bit floats are added in float32 and rounded once") {
  const auto halves = [](float x) { return array_of<f16>(DType::f16, {0, x, x}); };
  float wire[2];
  pack({halves(2048), halves(1), halves(1)}, 1, 2, wire);
  CHECK(wire[1] == 2050);  // 2048 + 1 is 2048 in float16
  NDArray back = halves(0);
  unpack(wire, back, 1, 2);
  f16 values[3];
  back.copy_to_host(values, sizeof values);
  CHECK(static_cast<float>(values[0]) == 0);
  CHECK(static_cast<float>(values[2]) == 2050);
}

TEST_CASE("mpi wire: integers and wide floats travel as they are") {
  int64_t wire[2];
  pack({array_of<int64_t>(DType::i64, {1, 2, 3}), array_of<int64_t>(DType::i64, {10, 20, 30})}, 1, 2, wire);
  CHECK(wire[0] == 22);
  CHECK(wire[1] == 33);
  CHECK(travels_as_is(DType::f64, wire_type(DType::f64, "test")));
  CHECK(!travels_as_is(DType::bf16, wire_type(DType::bf16, "test")));
  CHECK_THROWS_WITH_AS(wire_type(DType::boolean, "test"), "[test] dtype: expected a number, got bool", Error);
}

TEST_CASE("mpi link: who is absent, and settings") {
  const int32_t present[] = {1, 0, 0, 1, 0};
  CHECK(absent_workers(present, 2) == "worker 1");
  CHECK(absent_workers(present, 3) == "workers 1 and 2");
  CHECK(absent_workers(present, 5) == "workers 1, 2 and 4");
  setenv("MIXNET_PS_TIMEOUT_S", "2.5", 1);
  CHECK(deadlines_from_environment().answer == 2.5);
  setenv("MIXNET_PS_TIMEOUT_S", "-1", 1);
  CHECK_THROWS_AS(deadlines_from_environment(), Error);
  unsetenv("MIXNET_PS_TIMEOUT_S");
}

}  // namespace mixnet::mpi
