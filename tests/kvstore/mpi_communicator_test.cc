// Workers as threads over a network of the test's own: sums in any order, meetings, and everything that ends a group.
#include "kvstore/mpi/communicator.h"

#include <doctest/doctest.h>

#include <functional>
#include <future>

#include "kvstore/mpi_fake.h"

namespace mixnet::mpi {
namespace {

using Workers = std::shared_ptr<Communicator>;
constexpr Deadlines patient{60, 600};  // a loaded machine may stop a thread for seconds

// Runs `body` on so many threads, each a worker; worlds do not overlap.
void run_workers(int size, const Deadlines& deadlines, unsigned seed, const std::function<void(Communicator&)>& body,
                 int missing = -1) {
  World one;
  one.size = size;
  one.random.seed(seed);
  one.alive.assign(static_cast<size_t>(size), 1);
  if (missing >= 0) one.alive[static_cast<size_t>(missing)] = 0;
  world = &one;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    if (rank == missing) continue;
    threads.emplace_back([&, rank] {
      own_rank = rank;
      const Workers workers = Communicator::make(fake_plugin(), rank, size, deadlines);
      body(*workers);
      workers->leave();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

NDArray filled(int64_t count, float value) {
  NDArray array({count}, DType::f32);
  const std::vector<float> values(static_cast<size_t>(count), value);
  array.copy_from_host(values.data(), count * 4);
  return array;
}

// Whether all of it is `value`.
bool holds(const NDArray& array, float value) {
  std::vector<float> values(static_cast<size_t>(array.size()));
  array.copy_to_host(values.data(), array.bytes());
  return std::all_of(values.begin(), values.end(), [&](float x) { return x == value; });
}

class Outcome : public Completion {
 public:
  void end() override { promise_.set_value(""); }
  void fail(Code code, const std::string& message) override {
    promise_.set_value(concat(static_cast<int>(code), " ", message));
  }
  std::string wait() { return promise_.get_future().get(); }

 private:
  std::promise<std::string> promise_;
};

std::shared_ptr<Outcome> start(Communicator& workers, int32_t slot, const NDArray& value, const NDArray& sum,
                               int32_t priority = 0) {
  auto outcome = std::make_shared<Outcome>();
  workers.announce();
  workers.reduce(slot, {"k" + std::to_string(slot), {value}, sum, priority, outcome});
  return outcome;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return concat(static_cast<int>(error.code()), " ", error.what());
  }
  return "";
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("mpi: sums come out right whatever the order in which workers have their values") {
  for (unsigned seed = 0; seed < 8; ++seed) {
    std::atomic<int> wrong{0};
    run_workers(3, patient, seed, [&](Communicator& workers) {
      std::mt19937 random(seed * 10 + static_cast<unsigned>(workers.rank()));
      std::vector<std::string> keys;
      std::vector<NDArray> first, sums;
      for (int k = 0; k < 40; ++k) {
        keys.push_back(std::to_string(k));
        first.push_back(filled(k == 17 ? 3000001 : 1 + k * k * 97, static_cast<float>(workers.rank() + k)));
        sums.push_back(filled(first.back().size(), 0));
      }
      CHECK(workers.add_keys(keys, first) == 0);
      for (int k = 0; k < 40; ++k) wrong += !holds(first[static_cast<size_t>(k)], static_cast<float>(k));
      for (int round = 0; round < 3; ++round) {
        std::vector<size_t> order(40);
        for (size_t i = 0; i < 40; ++i) order[i] = i;
        std::shuffle(order.begin(), order.end(), random);
        std::vector<std::shared_ptr<Outcome>> outcomes;
        for (size_t k : order) {
          const NDArray value = filled(first[k].size(), static_cast<float>(workers.rank() + round));
          outcomes.push_back(
              start(workers, static_cast<int32_t>(k), value, sums[k], static_cast<int32_t>(random() % 5)));
          if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        for (const auto& outcome : outcomes) wrong += outcome->wait() != "";
        for (const NDArray& sum : sums) wrong += !holds(sum, static_cast<float>(3 + 3 * round));
      }
      workers.barrier();
    });
    CHECK(wrong == 0);
  }
}

TEST_CASE("mpi: small keys that are there together travel together") {
  run_workers(2, patient, 1, [&](Communicator& workers) {
    std::vector<std::string> keys;
    std::vector<NDArray> values;
    for (int k = 0; k < 1000; ++k) keys.push_back(std::to_string(k)), values.push_back(filled(10, 1));
    workers.add_keys(keys, values);
    const int64_t before = world->count;
    std::vector<std::shared_ptr<Outcome>> outcomes;
    // As a call on a list does, on one of the workers.
    std::unique_ptr<Communicator::Gathering> together;
    if (workers.rank() == 1) together = std::make_unique<Communicator::Gathering>(workers);
    for (int32_t k = 999; k >= 0; --k)
      outcomes.push_back(start(workers, k, values[static_cast<size_t>(k)], values[static_cast<size_t>(k)]));
    for (const auto& outcome : outcomes) CHECK(outcome->wait() == "");
    CHECK(holds(values[0], 2));
    CHECK(world->count - before < 500);
  });
}

TEST_CASE("mpi: different calls are an error for all, and the group goes on") {
  run_workers(2, patient, 1, [&](Communicator& workers) {
    const std::string error = error_of([&] {
      if (workers.rank() == 0) workers.add_keys({"a"}, {filled(3, 1)});
      else workers.barrier();
    });
    CHECK(has(error,
              "-1 [kvstore dist_allreduce] expected the same call on all workers, got init of a (3,) float32 on worker "
              "0, barrier on worker 1"));
    workers.barrier();
  });
}

TEST_CASE("mpi: a value that failed fails the sum for the others, and only that one") {
  run_workers(2, patient, 1, [&](Communicator& workers) {
    const NDArray value = filled(3, 1), sum = filled(3, 0);
    workers.add_keys({"a"}, {value});
    if (workers.rank() == 1) {
      workers.announce();
      workers.reduce(0, {"a", {}, sum, 0, nullptr});
    } else {
      CHECK(has(start(workers, 0, value, sum)->wait(),
                "-7 [kvstore push] key k0: another worker could not compute its value"));
    }
    CHECK(start(workers, 0, value, sum)->wait() == "");
    CHECK(holds(sum, 2));
  });
}

TEST_CASE("mpi: a worker that does not answer is named by all, now and later") {
  run_workers(
      3, {0.4, 10}, 1,
      [&](Communicator& workers) {
        const std::string expected = "no answer from worker 2";
        CHECK(has(error_of([&] { workers.add_keys({"a"}, {filled(3, 1)}); }), expected.c_str()));
        CHECK(has(error_of([&] { workers.announce(); }), expected.c_str()));
        CHECK(has(error_of([&] { workers.barrier(); }), expected.c_str()));
      },
      2);
}

TEST_CASE("mpi: who is late with a key, or does not come to a barrier, is named by all") {
  for (const bool meeting : {false, true}) {
    run_workers(3, {2, 0.3}, 1, [&](Communicator& workers) {
      workers.add_keys({"a", "b"}, {filled(3, 1), filled(3, 1)});
      const std::string expected = concat("-7 [kvstore dist_allreduce] ", meeting ? "init or barrier" : "push of key b",
                                          ": worker 1 did not come within 0.3 s");
      if (workers.rank() == 1) {
        for (std::string error; (error = error_of([&] { workers.announce(); })) != expected;) {
          REQUIRE(error == "");
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
      } else if (meeting) {
        CHECK(error_of([&] { workers.barrier(); }) == expected);
      } else {
        CHECK(start(workers, 1, filled(3, 1), filled(3, 1))->wait() == expected);
      }
    });
  }
}

TEST_CASE("mpi: a worker that leaves ends what the others wait for") {
  run_workers(2, patient, 1, [&](Communicator& workers) {
    const NDArray value = filled(3, 1);
    workers.add_keys({"a"}, {value});
    if (workers.rank() == 1) return workers.leave();
    CHECK(has(start(workers, 0, value, value)->wait(), "-7 [kvstore dist_allreduce] worker 1 has left the group"));
  });
}

}  // namespace mixnet::mpi
