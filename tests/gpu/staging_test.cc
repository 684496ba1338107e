// Copies between a GPU and pageable memory, which go through pinned blocks: content around the blocks' size, order, many at a time, errors.
#include "device/staging.h"

#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "device/gpu.h"
#include "ndarray/ndarray.h"
#if defined(MIXNET_GPU_EMULATED)
#include "device/emulated/emulated_gpu.h"
#endif

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0}, cpu{};
constexpr auto block = static_cast<int64_t>(Staging::block_bytes);

std::vector<uint8_t> numbers(int64_t n, int seed) {
  std::vector<uint8_t> v(static_cast<size_t>(n));
  uint32_t x = static_cast<uint32_t>(seed) * 2654435761u + 1;
  for (uint8_t& value : v) value = static_cast<uint8_t>((x = x * 1664525 + 1013904223) >> 24);
  return v;
}

NDArray bytes_on(DeviceId device, int64_t n) { return NDArray({n}, DType::u8, device); }

NDArray made_of(const std::vector<uint8_t>& values, DeviceId device) {
  NDArray a = bytes_on(device, static_cast<int64_t>(values.size()));
  a.copy_from_host(values.data(), a.bytes());
  return a;
}

std::vector<uint8_t> values(const NDArray& a) {
  std::vector<uint8_t> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

// Copies by a pool of its own; waits for the end of all.
struct Own {
  explicit Own(int64_t limit) : staging(gpu_device(0), limit) {}
  std::future<bool> copy(void* to, const void* from, size_t bytes, bool inwards) {
    auto arrived = std::make_shared<std::promise<bool>>();
    staging.copy({*gpu_device(0).stream(), watcher, {}, to, from, bytes, inwards, [arrived](const Error* error) {
                    arrived->set_value(error == nullptr);
                  }});
    return arrived->get_future();
  }
  Staging staging;
  Watcher watcher;
};

}  // namespace

TEST_CASE("staging: arrays of all sizes around those of blocks go there and come back") {
  const Staging::Statistics before = gpu_device(0).staging().statistics();
  int64_t bytes = 0;
  for (const int64_t n :
       {int64_t{1}, block - 1, block, block + 1, 2 * block - 1, 2 * block, 2 * block + 7, 5 * block + 3}) {
    const std::vector<uint8_t> want = numbers(n, static_cast<int>(n));
    const NDArray host = made_of(want, cpu), there = bytes_on(gpu, n), back = bytes_on(cpu, n);
    copy(host, there);
    copy(there, back);
    CHECK(values(back) == want);
    bytes += 2 * n;
  }
  const Staging::Statistics after = gpu_device(0).staging().statistics();
  CHECK(after.copies - before.copies == 16);
  CHECK(after.bytes - before.bytes == bytes);
  CHECK(after.in_use == 0);
  CHECK(after.pinned > 0);
}

TEST_CASE("staging: copies are behind what was computed, and what follows is behind them") {
  const NDArray there = bytes_on(gpu, 3 * block), back = bytes_on(cpu, 3 * block);
  for (int round = 0; round < 5; ++round) {
    const std::vector<uint8_t> want = numbers(3 * block, round);
    copy(made_of(want, cpu), there);
    copy(there, back);
    copy(made_of(numbers(3 * block, 100), cpu), there);  // must not be what comes back
    CHECK(values(back) == want);
  }
}

TEST_CASE("staging: many copies share few blocks, from several threads") {
  for (const int64_t limit : {block, 2 * block, 3 * block}) {
    Own own(limit);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 6; ++i) {
          const int64_t n = i % 3 == 0 ? 2 * block + t + 1 : 1000 * (t + 1);
          const std::vector<uint8_t> want = numbers(n, 10 * t + i);
          std::vector<uint8_t> got(want.size());
          const NDArray there = bytes_on(gpu, n);
          there.wait_to_write();
          void* const data = there.view().data;
          std::future<bool> in = own.copy(data, want.data(), want.size(), true);
          const bool ended = in.get() && own.copy(got.data(), data, got.size(), false).get();
          wrong += !ended || got != want;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(own.staging.statistics().pinned <= limit);
    CHECK(own.staging.statistics().in_use == 0);
    CHECK(own.staging.statistics().copies == 48);
  }
}

TEST_CASE("staging: copies begin in the order of asking when there are too few blocks") {
  Own own(block);
  const NDArray there = bytes_on(gpu, 3 * block);
  std::vector<uint8_t> first = numbers(3 * block, 1), second = numbers(3 * block, 2), got(first.size());
  void* const data = there.view().data;
  std::future<bool> a = own.copy(data, first.data(), first.size(), true);
  std::future<bool> b = own.copy(data, second.data(), second.size(), true);
  std::future<bool> c = own.copy(got.data(), data, got.size(), false);
  CHECK(a.get());
  CHECK(b.get());
  CHECK(c.get());
  CHECK(got == second);
}

TEST_CASE("staging: without blocks the device copies directly") {
  Own own(block - 1);
  std::vector<uint8_t> want = numbers(block + 1, 3), got(want.size());
  const NDArray there = bytes_on(gpu, block + 1);
  CHECK(own.copy(there.view().data, want.data(), want.size(), true).get());
  CHECK(own.copy(got.data(), there.view().data, got.size(), false).get());
  CHECK(got == want);
  CHECK(own.staging.statistics().pinned == 0);
}

#if defined(MIXNET_GPU_EMULATED)
TEST_CASE("staging: a device that is lost on the way is an error of the copies under way, and blocks come back") {
  constexpr DeviceId second{DeviceKind::gpu, 1};
  const NDArray there = bytes_on(second, 6 * block), host = made_of(numbers(6 * block, 4), cpu);
  std::vector<NDArray> back;
  copy(host, there);
  there.wait_to_read();
  for (int i = 0; i < 4; ++i) back.push_back(bytes_on(cpu, 6 * block));
  for (int i = 0; i < 4; ++i) {
    copy(there, back[static_cast<size_t>(i)]);
    if (i == 1) break_emulated_gpu(1, "lost");
  }
  CHECK_THROWS_WITH_AS(back[3].wait_to_read(), doctest::Contains("[gpu] lost"), Error);
  CHECK_THROWS_AS(engine().wait_all(), Error);
  CHECK(gpu_device(1).staging().statistics().in_use == 0);
  mend_emulated_gpu(1);
  const std::vector<uint8_t> want = numbers(6 * block, 5);
  there.copy_from_host(want.data(), 6 * block);
  copy(there, back[3]);
  CHECK(values(back[3]) == want);
}
#endif

}  // namespace mixnet::test
