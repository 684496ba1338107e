// Random programs on arrays of the host and of GPUs, compared with what they mean when run one by one; and memory that threads take and give back
// until there is none left.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "device/gpu.h"
#include "executor/invoke.h"
#include "gpu/arrays.h"
#include "storage/storage.h"

namespace mixnet::test {
namespace {

constexpr int64_t length = 300;
using Numbers = std::vector<int32_t>;

std::vector<DeviceId> places() {
  std::vector<DeviceId> all{{}, {DeviceKind::gpu, 0}};
  if (device_count(DeviceKind::gpu) > 1) all.push_back({DeviceKind::gpu, 1});
  return all;
}

// An array, and what has to be in it.
struct Cell {
  NDArray array;
  Numbers meant;
};

Numbers read(const NDArray& a) {
  Numbers v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

class Program {
 public:
  Program(uint32_t seed, std::shared_ptr<const Cell> common) : random_(seed), common_(std::move(common)) {
    for (const DeviceId device : places()) {
      std::vector<Cell> here;
      for (size_t i = 0; i < cells; ++i) here.push_back(fresh(device));
      cells_.push_back(std::move(here));
    }
  }

  static Cell fresh(DeviceId device, int32_t first = 0) {
    Cell cell{NDArray({length}, DType::i32, device), Numbers(static_cast<size_t>(length))};
    for (size_t i = 0; i < cell.meant.size(); ++i) cell.meant[i] = first + static_cast<int32_t>(i);
    cell.array.copy_from_host(cell.meant.data(), cell.array.bytes());
    return cell;
  }

  // False: an array did not hold what it had to.
  bool step() {
    const size_t place = draw(cells_.size());
    std::vector<Cell>& here = cells_[place];
    Cell &a = here[draw(cells)], &b = here[draw(cells)], &out = here[draw(cells)];
    switch (draw(8)) {
      case 0:
      case 1: combine("elemwise_add", a, b, out, [](uint32_t x, uint32_t y) { return x + y; }); break;
      case 2: combine("elemwise_mul", a, b, out, [](uint32_t x, uint32_t y) { return x * y; }); break;
      case 3: {  // from anywhere, a part to another part
        const Cell& from = cells_[draw(cells_.size())][draw(cells)];
        if (&from == &out) break;
        const int64_t at = static_cast<int64_t>(draw(length / 2)), to = static_cast<int64_t>(draw(length / 2));
        copy(from.array.slice(at, at + length / 2), out.array.slice(to, to + length / 2));
        std::copy_n(from.meant.begin() + at, length / 2, out.meant.begin() + to);
        break;
      }
      case 4:
        copy(common_->array, out.array);
        out.meant = common_->meant;
        break;
      case 5: out = fresh(places()[place], static_cast<int32_t>(draw(1000))); break;
      case 6:  // what the host overwrites while others may still read it
        for (int32_t& number : out.meant) number = static_cast<int32_t>(draw(100));
        out.array.copy_from_host(out.meant.data(), out.array.bytes());
        break;
      case 7: return draw(4) != 0 || read(a.array) == a.meant;
    }
    return true;
  }

  bool holds() const {
    for (const std::vector<Cell>& here : cells_) {
      for (const Cell& cell : here) {
        if (read(cell.array) != cell.meant) return false;
      }
    }
    return true;
  }

 private:
  static constexpr size_t cells = 4;

  size_t draw(size_t below) { return random_() % below; }

  template <class F>
  void combine(const char* name, const Cell& a, const Cell& b, Cell& out, F f) {
    const OpSchema& op = registry().at(name);
    std::vector<NDArray> given{out.array};
    invoke(op, op.make_params({}), std::vector<NDArray>{a.array, b.array}, given);
    for (size_t i = 0; i < out.meant.size(); ++i)
      out.meant[i] = static_cast<int32_t>(f(static_cast<uint32_t>(a.meant[i]), static_cast<uint32_t>(b.meant[i])));
  }

  std::mt19937 random_;
  const std::shared_ptr<const Cell> common_;
  std::vector<std::vector<Cell>> cells_;
};

// Everything is done; what went wrong before, with arrays that are gone, has been told.
void settle() {
  try {
    engine().wait_all();
  } catch (const Error&) {
  }
  synchronize_gpus();
}

bool runs(uint32_t seed, int steps, const std::shared_ptr<const Cell>& common) {
  Program program(seed, common);
  for (int i = 0; i < steps; ++i) {
    if (!program.step()) return false;
  }
  return program.holds();
}

}  // namespace

TEST_CASE("gpu: programs on both kinds of devices mean what they mean one by one") {
  const auto common = std::make_shared<const Cell>(Program::fresh({DeviceKind::gpu, 0}, 7));
  for (uint32_t seed = 0; seed < 30; ++seed) CHECK_MESSAGE(runs(seed, 200, common), "seed ", seed);
}

TEST_CASE("gpu: programs of several threads at once mean what they mean alone") {
  const auto common = std::make_shared<const Cell>(Program::fresh({DeviceKind::gpu, 0}, 7));
  std::vector<std::thread> threads;
  std::vector<int> right(3);
  for (size_t t = 0; t < right.size(); ++t)
    threads.emplace_back([&, t] {
      for (uint32_t k = 0; k < 5; ++k) right[t] += runs(static_cast<uint32_t>(100 + t * 10) + k, 200, common);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(right.size(), 5));
}

TEST_CASE("gpu: threads that take and give back memory until there is none get what is theirs, or an error") {
  constexpr DeviceId gpu{DeviceKind::gpu, 0};
  Storage& pool = storage(gpu);
  settle();
  pool.empty_cache();
  const StorageStatistics before = pool.statistics();
  pool.set_limit(before.in_use + (4 << 20));
  constexpr int rounds = 150;
  std::atomic<int> wrong{0}, refused{0}, unexpected{0};
  const auto work = [&](uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::pair<NDArray, float>> own;
    for (int round = 0; round < rounds; ++round) {
      const float number = static_cast<float>(random() % 1000);
      try {
        const NDArray first = filled(number, gpu, 1 + static_cast<int64_t>(random() % (1 << 18)));
        NDArray second(first.shape(), DType::f32, gpu);
        copy(first, second);
        second.wait_to_read();
        own.emplace_back(second, number);
        const auto& [array, meant] = own[random() % own.size()];
        const std::vector<float> got = values(array);
        wrong += std::count(got.begin(), got.end(), meant) != static_cast<int64_t>(got.size());
      } catch (const Error& error) {
        ++(error.code() == Code::memory ? refused : unexpected);
        own.clear();
      }
      if (own.size() > 6) own.erase(own.begin());
      if (round % 20 == 0) pool.empty_cache();
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(unexpected == 0);
  CHECK(refused > 0);
  settle();
  CHECK(pool.statistics().in_use == before.in_use);
  CHECK(values(filled(3, gpu, 1 << 19)) == std::vector<float>(1 << 19, 3));  // 2 of the 4 MiB: nothing is lost
  pool.set_limit(0);
}

}  // namespace mixnet::test
