// What is recorded of a stream and launched as a whole, without any operator: nothing is run before that, and what cannot be repeated is refused.
#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <thread>

#include "device/gpu.h"
#include "executor/branch_plan.h"
#include "gpu/arrays.h"

namespace mixnet::test {

TEST_CASE("gpu capture: what is captured runs when it is launched, as often as it is") {
  StreamDevice& device = gpu_device(0);
  const NDArray a = filled(1), b = filled(0);
  void *const from = a.view().data, *const to = b.view().data;
  const auto graph = device.capture([&](Stream& stream) {
    stream.copy(to, from, 256);
    stream.copy(nullptr, nullptr, 0);  // of an array without elements
    stream.fill_zero(nullptr, 0);
  });
  CHECK(values(b)[63] == 0);
  for (const float x : {1.f, 2.f}) {
    copy(filled(x), a);
    a.wait_to_read();
    graph->launch(*device.stream());
    CHECK(values(b)[63] == x);
  }
}

TEST_CASE("gpu capture: what cannot be done again and again is refused, and nothing is lost by it") {
  StreamDevice& device = gpu_device(0);
  const NDArray a = filled(1), b = filled(2);
  void *const there = a.view().data, *const other = b.view().data;
  a.wait_to_read();
  const EventPtr event = device.stream()->record();
  std::vector<float> host(64);
  std::vector<std::function<void(Stream&)>> wrong{
      [&](Stream& s) { s.copy(host.data(), there, 256); },
      [&](Stream& s) { s.copy(there, host.data(), 256); },
      [&](Stream& s) { s.synchronize(); },
      [&](Stream& s) { s.record(); },
      [&](Stream& s) { s.wait(*event); },
      [&](Stream&) { device.allocate(1 << 20); },
  };
#if defined(MIXNET_GPU_EMULATED)
  wrong.push_back([&](Stream&) { event->wait(); });
  wrong.push_back([&](Stream&) { device.stream()->fill_zero(there, 256); });
#endif
  for (const auto& work : wrong) {
    CHECK_THROWS_AS(device.capture(work), Error);
    // Who catches it does not get a graph either.
    const auto caught = [&](Stream& s) {
      CHECK_THROWS_AS(work(s), Error);
      s.fill_zero(other, 256);
    };
    CHECK_THROWS_AS(device.capture(caught), Error);
    CHECK_THROWS_AS(device.capture([](Stream&) { throw Error(Code::user, "mine"); }), Error);
    CHECK(values(a)[0] == 1);
    CHECK(values(b)[0] == 2);
  }
  const auto graph = device.capture([&](Stream& s) { s.copy(other, there, 256); });
  graph->launch(*device.stream());
  CHECK(values(b)[0] == 1);
}

TEST_CASE("gpu capture: branches run side by side, and wait where they are told to") {
  constexpr int cells = 24, programs = 40;
  constexpr size_t cell = 512;
  StreamDevice& device = gpu_device(0);
  for (uint32_t seed = 0; seed < programs; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
    NDArray all({cells, cell / 4}, DType::f32, {DeviceKind::gpu, 0});
    std::vector<float> want(cells * cell / 4);
    for (size_t i = 0; i < want.size(); ++i) want[i] = static_cast<float>(i);
    all.copy_from_host(want.data(), all.bytes());
    char* const data = all.view().as<char>();
    // Copies of one cell to another, or zeros, planned as if cells were large.
    struct Copy {
      int to, from;
    };
    std::vector<Copy> copies;
    std::vector<std::vector<Touched>> touched;
    const auto large = [](int i, bool written) {
      return Touched{reinterpret_cast<const char*>((int64_t{i} + 1) << 26), 1 << 26, written};
    };
    for (int i = 0; i < 60; ++i) {
      const int to = below(cells), from = (to + 1 + below(cells - 1)) % cells;
      copies.push_back({to, below(6) == 0 ? -1 : from});
      touched.push_back({large(to, true)});
      if (copies.back().from >= 0) touched.back().push_back(large(from, false));
    }
    const BranchPlan plan = plan_branches(touched, 1 + below(Branches::most));
    const auto graph = device.capture_branches([&](Branches& branches) {
      std::vector<int> places(copies.size());
      for (size_t i = 0; i < copies.size(); ++i) {
        const BranchPlan::Step& step = plan.steps[i];
        for (const int before : step.after) branches.wait(step.branch, places[static_cast<size_t>(before)]);
        Stream& stream = branches.stream(step.branch);
        char* const to = data + static_cast<size_t>(copies[i].to) * cell;
        if (copies[i].from < 0) stream.fill_zero(to, cell);
        else stream.copy(to, data + static_cast<size_t>(copies[i].from) * cell, cell);
        if (step.waited_for) places[i] = branches.mark(step.branch);
      }
    });
    for (int launch = 0; launch < 2; ++launch) {
      graph->launch(*device.stream());
      for (const Copy& c : copies) {
        for (size_t k = 0; k < cell / 4; ++k) {
          const auto row = [&](int i) { return static_cast<size_t>(i) * cell / 4 + k; };
          want[row(c.to)] = c.from < 0 ? 0 : want[row(c.from)];
        }
      }
    }
    CHECK(values(all) == want);
  }
}

TEST_CASE("gpu capture: what is refused in a branch leaves all of them usable") {
  StreamDevice& device = gpu_device(0);
  const NDArray a = filled(1), b = filled(2), c = filled(3);
  void *const first = a.view().data, *const second = b.view().data, *const third = c.view().data;
  a.wait_to_read();
  b.wait_to_read();
  c.wait_to_read();
  for (int branch = 0; branch < Branches::most; ++branch) {
    CHECK_THROWS_AS(device.capture_branches([&](Branches& branches) {
      branches.stream(1).copy(second, first, 256);
      branches.stream(2).fill_zero(third, 256);
      branches.wait(2, branches.mark(1));
      branches.stream(branch).synchronize();
    }),
                    Error);
    const auto graph = device.capture_branches([&](Branches& branches) {
      branches.stream(branch).copy(second, first, 256);
      const int copied = branches.mark(branch);
      branches.wait(3, copied);
      branches.stream(3).copy(third, second, 256);
    });
    graph->launch(*device.stream());
    CHECK(values(b)[0] == 1);
    CHECK(values(c)[0] == 1);
    for (const NDArray* array : {&b, &c}) {
      copy(filled(5), *array);
      array->wait_to_read();
    }
  }
  CHECK(device.branch_of(*device.stream()) == 0);
}

TEST_CASE("gpu capture: what other threads do meanwhile is not captured") {
  StreamDevice& device = gpu_device(0);
  const NDArray a = filled(1), b = filled(2);
  void* const data = a.view().data;
  a.wait_to_read();
  const auto graph = device.capture([&](Stream& s) {
    std::thread([&] {
      copy(filled(3, {DeviceKind::gpu, 0}, 1 << 18).slice(0, 1000), b);
      CHECK(values(b)[0] == 3);
    }).join();
    s.fill_zero(data, 256);
  });
  CHECK(values(a)[0] == 1);
  copy(filled(4), b);
  b.wait_to_read();
  graph->launch(*device.stream());
  CHECK(values(a)[0] == 0);
  CHECK(values(b)[0] == 4);
}

}  // namespace mixnet::test
