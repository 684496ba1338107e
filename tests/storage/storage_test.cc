// The memory pool: no two blocks overlap, neighbours merge, the cap holds, a refusing device is asked again after trimming.
#include "storage/storage.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"
#include "storage/capacity.h"
#include "storage/pool.h"

namespace mixnet {
namespace {

// Counts what it gave; refuses beyond a capacity.
class FakeDevice : public Device {
 public:
  explicit FakeDevice(size_t capacity) : capacity_(capacity) {}
  DeviceId id() const override { return {}; }
  void* allocate(size_t bytes) override {
    if (given + bytes > capacity_) return nullptr;
    given += bytes;
    return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  }
  void deallocate(void* data, size_t bytes) override {
    given -= bytes;
    std::free(data);
  }
  void copy_from(const Device&, void*, const void*, size_t) override {}
  MemoryInfo memory() const override { return {}; }
  size_t given = 0;

 private:
  size_t capacity_;
};

}  // namespace

TEST_CASE("the CPU's large blocks begin at huge pages and can be used to their ends") {
  Device& cpu = get_device({});
  for (const size_t bytes : {size_t{1}, size_t{100}, size_t{4} << 20, (size_t{5} << 20) + 3}) {
    char* data = static_cast<char*>(cpu.allocate(bytes));
    REQUIRE(data != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(data) % (bytes >= size_t{4} << 20 ? size_t{2} << 20 : 64) == 0);
    data[0] = data[bytes - 1] = 1;
    cpu.deallocate(data, bytes);
  }
}

TEST_CASE("storage: random allocations never overlap and all comes back") {
  FakeDevice device(size_t{1} << 32);
  {
    Pool pool(device, 0);
    std::mt19937 random(3);
    std::map<char*, Block> live;
    for (int step = 0; step < 20000; ++step) {
      if (live.size() < 60 && random() % 2) {
        const size_t size = random() % 3 == 0 ? 1 + random() % (1 << 20) : 1 + random() % 5000;
        const Block b = pool.allocate(size);
        char* at = static_cast<char*>(b.data);
        REQUIRE(b.size >= size);
        REQUIRE(reinterpret_cast<size_t>(at) % 64 == 0);
        auto after = live.lower_bound(at);
        if (after != live.end()) REQUIRE(at + b.size <= after->first);
        if (after != live.begin()) {
          --after;
          REQUIRE(after->first + after->second.size <= at);
        }
        live.emplace(at, b);
      } else if (!live.empty()) {
        auto it = live.begin();
        std::advance(it, random() % live.size());
        pool.release(it->second);
        live.erase(it);
      }
    }
    for (auto& item : live) pool.release(item.second);
    CHECK(pool.statistics().in_use == 0);
    CHECK(pool.statistics().hits > 0);
    pool.empty_cache();
    CHECK(pool.statistics().cached == 0);
  }
  CHECK(device.given == 0);
}

TEST_CASE("storage: a split segment merges again") {
  FakeDevice device(size_t{1} << 30);
  Pool pool(device, 0);
  pool.release(pool.allocate(4 << 20));
  std::vector<Block> parts;
  for (int i = 0; i < 4; ++i) parts.push_back(pool.allocate(1 << 20));
  CHECK(pool.statistics().device_calls == 1);
  for (size_t i : {1, 3, 0, 2}) pool.release(parts[i]);
  pool.release(pool.allocate(4 << 20));
  CHECK(pool.statistics().device_calls == 1);
}

TEST_CASE("storage: a pool that keeps nothing asks for what is wanted, and gives it back at once") {
  FakeDevice device(size_t{1} << 20);
  Pool pool(device, 0, false);
  const Block small = pool.allocate(13), large = pool.allocate(100001);
  CHECK(small.size == 13);
  CHECK(large.size == 100001);
  CHECK(device.given == 100014);
  pool.release(small);
  pool.release(large);
  CHECK(device.given == 0);
  CHECK(pool.statistics().cached == 0);
  CHECK_THROWS_WITH_AS(pool.allocate(2 << 20), doctest::Contains("out of memory"), Error);
  CHECK(pool.statistics().in_use == 0);
}

TEST_CASE("storage: caps, refusals and absurd sizes") {
  FakeDevice device(10 << 20);
  Pool pool(device, 0);
  pool.release(pool.allocate(8 << 20));
  // The device is full of cached memory: it is given back and asked again.
  const Block b = pool.allocate(9 << 20);
  CHECK(b.data != nullptr);
  CHECK_THROWS_WITH_AS(pool.allocate(2 << 20), doctest::Contains("out of memory"), Error);
  pool.release(b);
  pool.empty_cache();
  pool.set_limit(1 << 20);
  CHECK_THROWS_WITH_AS(pool.allocate(2 << 20), doctest::Contains("the limit is"), Error);
  CHECK_THROWS_AS(pool.set_limit(-1), Error);
  CHECK_THROWS_AS(pool.allocate(size_t{1} << 63), Error);
  CHECK(pool.allocate(0).data == nullptr);
  CHECK(pool.statistics().in_use == 0);
}

TEST_CASE("storage: more than the machine has is refused, not promised") {
  const int64_t total = get_device({}).memory().total_bytes;
  REQUIRE(total > 0);
  CHECK(storage_capacity({}) == total);
  CHECK_THROWS_WITH_AS(storage({}).allocate(static_cast<size_t>(total) + 1), doctest::Contains("it has"), Error);
  storage({}).set_limit(1 << 20);
  CHECK(storage_capacity({}) == 1 << 20);
  storage({}).set_limit(0);
  CHECK(storage_capacity({}) == total);
}

TEST_CASE("storage: threads") {
  FakeDevice device(size_t{1} << 32);
  Pool pool(device, 0);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 3000; ++i) {
        const Block b = pool.allocate(1 + random() % 200000);
        static_cast<char*>(b.data)[b.size - 1] = 1;
        pool.release(b);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(pool.statistics().in_use == 0);
}

}  // namespace mixnet
