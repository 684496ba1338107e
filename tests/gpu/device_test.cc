// Copies to GPUs and back, waits and memory, without any operator. Without CUDA they are emulated ones.
#include "device/gpu.h"

#include <doctest/doctest.h>

#include <future>

#include "base/environment.h"
#include "gpu/arrays.h"
#include "storage/storage.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0}, cpu{};

}  // namespace

TEST_CASE("gpu: a device that is not there is an ordinary error") {
  CHECK(device_count(DeviceKind::gpu) >= 1);
  const DeviceId none{DeviceKind::gpu, device_count(DeviceKind::gpu)};
  CHECK_THROWS_AS(NDArray({2}, DType::f32, none), Error);
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
  const bool keeps = environment_string("GPU_MEM_POOL_TYPE", "Naive") != "Unpooled";
  CHECK((pool.statistics().device_calls == calls) == keeps);
  pool.set_limit(pool.statistics().in_use + pool.statistics().cached + (1 << 20));
  CHECK_THROWS_AS(filled(1, gpu, 64 << 20).wait_to_read(), Error);
  pool.set_limit(0);
  CHECK(values(filled(2, gpu))[0] == 2);
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
}

}  // namespace mixnet::test
