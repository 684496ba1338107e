// dist_allreduce on arrays of GPUs: two workers as threads, each on a GPU of its own, by NCCL and through the host. Emulated ones only.
#if defined(MIXNET_GPU_EMULATED)
#include "kvstore/mpi/allreduce_store.h"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>

#include "device/collectives.h"
#include "gpu/arrays.h"
#include "kvstore/mpi_fake.h"

namespace mixnet::mpi {
namespace {

using test::filled;

constexpr Deadlines patient{60, 600};
const char* const stand_in = MIXNET_STAND_INS "/libnccl.so";

using Body = std::function<void(KVStore& store, DeviceId gpu)>;

void run_workers(const char* library, const Body& body) {
  setenv("MIXNET_NCCL", library, 1);
  World one;
  one.size = 2;
  one.alive = {1, 1};
  world = &one;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&, rank] {
      own_rank = rank;
      const auto store = make_allreduce_store("dist_allreduce", Communicator::make(fake_plugin(), rank, 2, patient));
      body(*store, {DeviceKind::gpu, rank});
    });
  }
  for (std::thread& thread : threads) thread.join();
  unsetenv("MIXNET_NCCL");
}

// The one number that all of it is, or -1.
float value(const NDArray& a) {
  const std::vector<float> v = test::values(a);
  return std::all_of(v.begin(), v.end(), [&](float x) { return x == v[0]; }) ? v[0] : -1;
}

float pulled(KVStore& store, const std::string& key, DeviceId device, int64_t n) {
  const NDArray out = filled(0, device, n);
  store.pull({key}, {out}, 0);
  return value(out);
}

// What workers saw: checks are made by the test's own thread.
struct Seen {
  std::mutex mutex;
  std::vector<float> values;
  void operator()(float value) {
    const std::lock_guard<std::mutex> lock(mutex);
    values.push_back(value);
  }
  bool all(std::vector<float> want) {
    std::sort(values.begin(), values.end());
    std::sort(want.begin(), want.end());
    return values == want;
  }
};

}  // namespace

TEST_CASE("allreduce: values on GPUs are summed over devices and workers, with NCCL and without") {
  for (const char* library : {stand_in, "0"}) {
    Seen seen;
    const int64_t calls = Collectives::calls();
    run_workers(library, [&](KVStore& store, DeviceId gpu) {
      constexpr DeviceId cpu{}, first{DeviceKind::gpu, 0};
      const float rank = static_cast<float>(store.rank());
      for (const int64_t n : {int64_t{1}, int64_t{1000}, int64_t{1200000}}) {
        const std::string key = std::to_string(n);
        store.init({key}, {filled(7, gpu, n)});
        seen(pulled(store, key, gpu, n));
        // One worker has two arrays, on different GPUs.
        std::vector<NDArray> own{filled(rank + 1, gpu, n)};
        if (store.rank() == 1) own.push_back(filled(10, first, n));
        store.push(std::vector<std::string>(own.size(), key), own, 0);
        seen(pulled(store, key, gpu, n));
        seen(pulled(store, key, cpu, n));
        const NDArray in = filled(rank + 5, gpu, n), out = filled(0, gpu, n);
        store.push_pull({key}, {in}, {out}, 0);
        store.push_pull({key}, {in}, {in}, 0);
        seen(value(out));
        seen(value(in));
      }
    });
    std::vector<float> want;
    for (int i = 0; i < 6; ++i) want.insert(want.end(), {7, 13, 13, 11, 11});
    CHECK(seen.all(want));
    CHECK((Collectives::calls() > calls) == (library == stand_in));
  }
}

TEST_CASE("allreduce: a worker's value on the CPU meets another's on a GPU") {
  Seen seen;
  const int64_t calls = Collectives::calls();
  run_workers(stand_in, [&](KVStore& store, DeviceId gpu) {
    const DeviceId own = store.rank() == 0 ? DeviceId{} : gpu;
    store.init({"w"}, {filled(0, {}, 1000)});
    store.push({"w"}, {filled(2, own, 1000)}, 0);
    seen(pulled(store, "w", own, 1000));
  });
  CHECK(seen.all({4, 4}));
  CHECK(Collectives::calls() == calls);
}

TEST_CASE("allreduce: an updater runs on the sum where it is") {
  Seen seen;
  run_workers(stand_in, [&](KVStore& store, DeviceId gpu) {
    store.set_updater([&](const std::string&, const NDArray& received, const NDArray& stored) {
      seen(received.device() == gpu && stored.device() == gpu ? value(received) : -2);
      copy(received, stored);
    });
    store.init({"w"}, {filled(0, {}, 1000)});
    store.push({"w"}, {filled(3, gpu, 1000)}, 0);
    seen(pulled(store, "w", gpu, 1000));
  });
  CHECK(seen.all({6, 6, 6, 6}));
}

TEST_CASE("allreduce: a collective that fails is an error of all workers' pushes") {
  std::atomic<int> failed{0};
  run_workers(stand_in, [&](KVStore& store, DeviceId gpu) {
    store.init({"w"}, {filled(0, {}, 1000)});
    store.push({"w"}, {filled(3, gpu, 1000)}, 0);
    pulled(store, "w", gpu, 1000);
    store.barrier();
    if (store.rank() == 0) {
      void* const library = dlopen(stand_in, RTLD_NOW | RTLD_NOLOAD);
      reinterpret_cast<void (*)(int)>(dlsym(library, "stand_in_nccl_fail"))(2);
    }
    store.barrier();
    store.push({"w"}, {filled(3, gpu, 1000)}, 0);
    try {
      pulled(store, "w", gpu, 1000);
    } catch (const Error& error) {
      failed += error.code() == Code::net && std::string(error.what()).find("the sum of key w") != std::string::npos;
    }
  });
  CHECK(failed == 2);
  CHECK_THROWS_AS(engine().wait_all(), Error);
}

}  // namespace mixnet::mpi
#endif
