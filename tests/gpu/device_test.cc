// Streams, events, copies between devices, waits, memory and errors of GPUs; without CUDA, of emulated ones.
#include "device/gpu.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <future>

#include "executor/invoke.h"
#include "ndarray/ndarray.h"
#include "storage/storage.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0}, cpu{};

NDArray filled(float value, DeviceId device, int64_t n = 1000) {
  NDArray a({n}, DType::f32, device);
  const std::vector<float> values(static_cast<size_t>(n), value);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}

std::vector<float> values(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

NDArray exponential(const NDArray& a) {
  std::vector<NDArray> out;
  invoke(registry().at("exp"), registry().at("exp").make_params({}), Span<const NDArray>(&a, 1), out);
  return out[0];
}

}  // namespace

TEST_CASE("gpu: a device that is not there is an ordinary error") {
  CHECK(device_count(DeviceKind::gpu) >= 1);
  const DeviceId none{DeviceKind::gpu, device_count(DeviceKind::gpu)};
  CHECK_THROWS_AS(NDArray({2}, DType::f32, none), Error);
}

TEST_CASE("gpu: values go there and come back, by copies of every kind") {
  const NDArray host = filled(3, cpu), there = filled(0, gpu), again = filled(0, gpu), back = filled(0, cpu);
  copy(host, there);
  copy(there, again);
  copy(again, back);
  CHECK(values(back) == std::vector<float>(1000, 3));
  // A part of an array.
  copy(host.slice(0, 10), there.slice(20, 30));
  copy(filled(5, cpu).slice(0, 10), there.slice(30, 40));
  const std::vector<float> got = values(there);
  CHECK(got[29] == 3);
  CHECK(got[30] == 5);
  CHECK(got[40] == 3);
  if (device_count(DeviceKind::gpu) > 1) {
    const DeviceId second{DeviceKind::gpu, 1};
    const NDArray other = filled(0, second);
    copy(exponential(again), other);
    CHECK(values(other)[999] == doctest::Approx(std::exp(3.f)));
  }
}

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

TEST_CASE("gpu: memory is kept, counted and capped") {
  Storage& pool = storage(gpu);
  synchronize_gpus();
  engine().wait_all();
  const int64_t before = pool.statistics().in_use;
  {
    const NDArray a = filled(1, gpu, 1 << 20);
    CHECK(pool.statistics().in_use - before >= 4 << 20);
  }
  engine().wait_all();
  CHECK(pool.statistics().in_use == before);
  const int64_t calls = pool.statistics().device_calls;
  {
    const NDArray a = filled(1, gpu, 1 << 20);
  }
  CHECK(pool.statistics().device_calls == calls);
  pool.set_limit(pool.statistics().in_use + pool.statistics().cached + (1 << 20));
  CHECK_THROWS_AS(filled(1, gpu, 64 << 20).wait_to_read(), Error);
  pool.set_limit(0);
  CHECK(values(filled(2, gpu))[0] == 2);
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

TEST_CASE("gpu: a copy tells when the bytes have arrived") {
  StreamDevice& device = gpu_device(0);
  const NDArray from = filled(4, gpu);
  from.wait_to_read();
  std::vector<float> to(1000, 0);
  std::promise<bool> arrived;
  device.copy_later(device, get_device(cpu), to.data(), from.view().data, 4000,
                    [&](const Error* error) { arrived.set_value(error == nullptr); });
  CHECK(arrived.get_future().get());
  CHECK(to[999] == 4);
}

}  // namespace mixnet::test
