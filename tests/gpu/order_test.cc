// Operators and copies in the order that the engine sees to, although the host does not wait for the GPU.
#include "device/device.h"

#include <doctest/doctest.h>

#include <cmath>

#include "executor/invoke.h"
#include "gpu/arrays.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0}, cpu{};

NDArray exponential(const NDArray& a) {
  std::vector<NDArray> out;
  invoke(registry().at("exp"), registry().at("exp").make_params({}), Span<const NDArray>(&a, 1), out);
  return out[0];
}

}  // namespace

TEST_CASE("gpu: what is written is waited for, whoever reads it") {
  // The chain is long, so that a copy that did not wait would find an unfinished value.
  NDArray a = filled(0, gpu, 100000);
  const NDArray host = filled(0, cpu, 100000);
  for (int round = 0; round < 20; ++round) {
    NDArray b = exponential(a);
    for (int i = 0; i < 3; ++i) b = exponential(a);
    copy(b, host);
    CHECK(values(host)[99999] == 1);
    copy(filled(0, cpu, 100000), a);
  }
}

TEST_CASE("gpu: operands on different devices are refused by name") {
  const NDArray on_gpu = filled(1, gpu), on_cpu = filled(1, cpu);
  const OpSchema& op = registry().at("elemwise_add");
  const std::vector<NDArray> both{on_gpu, on_cpu};
  std::vector<NDArray> out;
  CHECK_THROWS_WITH_AS(invoke(op, op.make_params({}), both, out),
                       "[elemwise_add] inputs: expected one device, got gpu(0) and cpu(0)", Error);
}

TEST_CASE("gpu: blocks go from one array to the next in the stream's order") {
  std::vector<float> want;
  for (int i = 0; i < 200; ++i) {
    NDArray a = filled(static_cast<float>(i % 3), gpu, 4096);
    const NDArray b = exponential(a);  // a's block is free as soon as the kernel is in the stream
    a = NDArray();
    const NDArray c = filled(7, gpu, 4096);
    CHECK(values(b)[4095] == doctest::Approx(std::exp(static_cast<float>(i % 3))));
    CHECK(values(c)[0] == 7);
  }
}

TEST_CASE("gpu: values go from one to the other") {
  if (device_count(DeviceKind::gpu) < 2) return;
  const NDArray other = filled(0, {DeviceKind::gpu, 1});
  copy(exponential(filled(3, gpu)), other);
  CHECK(values(other)[999] == doctest::Approx(std::exp(3.f)));
}

}  // namespace mixnet::test
