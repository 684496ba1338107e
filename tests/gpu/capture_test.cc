// What is recorded of a stream and launched as a whole, without any operator: nothing is run before that, and what cannot be repeated is refused.
#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include "device/gpu.h"
#include "gpu/arrays.h"

namespace mixnet::test {

TEST_CASE("gpu capture: what is captured runs when it is launched, as often as it is") {
  StreamDevice& device = gpu_device(0);
  const NDArray a = filled(1), b = filled(0);
  void *const from = a.view().data, *const to = b.view().data;
  const auto graph = device.capture([&](Stream& stream) { stream.copy(to, from, 256); });
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
