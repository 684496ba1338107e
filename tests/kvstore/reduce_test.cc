// Sums of several arrays: values against a plain loop, the order of additions, every dtype, large ones, through the engine.
#include "kvstore/reduce.h"
#include "kvstore/push_sum.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/thread_pool.h"

namespace mixnet {
namespace {

template <class T>
std::vector<std::vector<T>> make_values(size_t count, int64_t size) {
  std::vector<std::vector<T>> values(count, std::vector<T>(static_cast<size_t>(size)));
  for (size_t k = 0; k < count; ++k) {
    for (size_t i = 0; i < values[k].size(); ++i)
      values[k][i] = static_cast<T>(static_cast<float>((i * 7 + k * 13) % 50) / (k % 2 ? 3.0f : 1.0f));
  }
  return values;
}

template <class T>
std::vector<const void*> pointers(const std::vector<std::vector<T>>& values) {
  std::vector<const void*> data;
  for (const auto& value : values) data.push_back(value.data());
  return data;
}

template <class T, class A>
void check_sums(DType dtype, size_t count, int64_t size) {
  const auto values = make_values<T>(count, size);
  std::vector<T> out(static_cast<size_t>(size));
  sum_values(dtype, pointers(values), out.data(), size);
  int64_t wrong = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    A sum = static_cast<A>(values[0][i]);
    for (size_t k = 1; k < count; ++k) sum = static_cast<A>(sum + static_cast<A>(values[k][i]));
    const T expected = static_cast<T>(sum);
    wrong += std::memcmp(&expected, &out[i], sizeof(T)) != 0;
  }
  CAPTURE(dtype);
  CAPTURE(count);
  CAPTURE(size);
  CHECK(wrong == 0);
}

NDArray filled(const Shape& shape, float x) {
  const NDArray array(shape, DType::f32);
  const std::vector<float> values(static_cast<size_t>(array.size()), x);
  array.copy_from_host(values.data(), array.bytes());
  return array;
}

}  // namespace

TEST_CASE("reduce: every dtype, from the first value to the last") {
  for (size_t count : {1, 2, 3, 5}) {
    for (int64_t size : {0, 1, 31, 1024, 5000}) {
      check_sums<float, float>(DType::f32, count, size);
      check_sums<double, double>(DType::f64, count, size);
      check_sums<f16, float>(DType::f16, count, size);
      check_sums<bf16, float>(DType::bf16, count, size);
      check_sums<uint8_t, uint8_t>(DType::u8, count, size);
      check_sums<int8_t, int8_t>(DType::i8, count, size);
      check_sums<int32_t, int32_t>(DType::i32, count, size);
      check_sums<int64_t, int64_t>(DType::i64, count, size);
    }
  }
}

TEST_CASE("reduce: sums that are written past the caches, on any number of threads") {
  const int before = parallel_threads();
  for (int threads : {1, 3}) {
    set_parallel_threads(threads);
    check_sums<float, float>(DType::f32, 1, 2200003);
    check_sums<float, float>(DType::f32, 3, 2200003);
    check_sums<f16, float>(DType::f16, 2, 4300001);
    check_sums<int8_t, int8_t>(DType::i8, 2, 8500001);
  }
  set_parallel_threads(before);
}

TEST_CASE("reduce: an unaligned sum") {
  const auto values = make_values<float>(2, 2200001);
  std::vector<float> out(2200004, -1.0f);
  sum_values(DType::f32, pointers(values), out.data() + 3, 2200001);
  CHECK(out[2] == -1);
  CHECK(out[3] == values[0][0] + values[1][0]);
  CHECK(out.back() == values[0].back() + values[1].back());
}

TEST_CASE("reduce: integers wrap, 16-bit floats are rounded once, truths are joined") {
  const int8_t a[] = {100, -100}, b[] = {100, -100};
  int8_t wrapped[2];
  sum_values(DType::i8, std::vector<const void*>{a, b}, wrapped, 2);
  CHECK(wrapped[0] == -56);
  CHECK(wrapped[1] == 56);
  // 2048 + 1 is halfway between two float16 and rounds to 2048; 2048 + 1 + 1 is one.
  const f16 big[] = {2048.0f}, one[] = {1.0f};
  f16 sum[1];
  sum_values(DType::f16, std::vector<const void*>{big, one, one}, sum, 1);
  CHECK(sum[0] == 2050);
  f16 growing[] = {2048.0f};
  for (int i = 0; i < 2; ++i) add_to(DType::f16, growing, one, 1);
  CHECK(growing[0] == 2048);
  const bool yes[] = {true, false}, no[] = {true, false};
  bool joined[2];
  sum_values(DType::boolean, std::vector<const void*>{yes, no}, joined, 2);
  CHECK((joined[0] && !joined[1]));
}

TEST_CASE("reduce: add_to gives what a sum of all gives") {
  const auto values = make_values<float>(4, 3001);
  std::vector<float> all(3001), growing = values[0];
  sum_values(DType::f32, pointers(values), all.data(), 3001);
  for (size_t k = 1; k < 4; ++k) add_to(DType::f32, growing.data(), values[k].data(), 3001);
  CHECK(std::memcmp(all.data(), growing.data(), 4 * 3001) == 0);
  std::vector<bf16> sum = make_values<bf16>(1, 3001)[0];
  const std::vector<bf16> before = sum;
  add_to(DType::bf16, sum.data(), before.data(), 3001);
  int64_t wrong = 0;
  for (size_t i = 0; i < sum.size(); ++i) wrong += static_cast<float>(sum[i]) != 2 * static_cast<float>(before[i]);
  CHECK(wrong == 0);
}

TEST_CASE("reduce: the buffer is kept, one value is handed through, errors are passed on") {
  NDArray buffer;
  const std::vector<NDArray> three{filled({4}, 1), filled({4}, 2), filled({4}, 4)};
  float out[4];
  reduce(three, buffer, 0).copy_to_host(out, sizeof out);
  CHECK(out[3] == 7);
  const NDArray first = buffer;
  CHECK(reduce(Span<const NDArray>(three.data(), 2), buffer, 0).same_memory(first));
  buffer.copy_to_host(out, sizeof out);
  CHECK(out[0] == 3);
  CHECK(reduce(Span<const NDArray>(three.data(), 1), buffer, 0).same_memory(three[0]));
  engine().poison(three[1].variable(), Code::io, "[test] no value");
  CHECK_THROWS_WITH_AS(reduce(three, buffer, 0).wait_to_read(), doctest::Contains("no value"), Error);
  CHECK_THROWS_AS(engine().wait_all(), Error);
  const std::vector<NDArray> others{filled({5}, 1), filled({5}, 2)};
  CHECK(reduce(others, buffer, 0).shape() == Shape{5});
}

}  // namespace mixnet
