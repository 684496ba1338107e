// A GPU that is lost: what is known of it is an ordinary error, on everything that depends on it, until it is well again. Emulated ones only.
#if defined(MIXNET_GPU_EMULATED)
#include <doctest/doctest.h>

#include "device/emulated/emulated_gpu.h"
#include "device/gpu.h"
#include "ndarray/ndarray.h"

namespace mixnet::test {

TEST_CASE("gpu: a lost device is an error of what depends on it, and of nothing else") {
  constexpr DeviceId second{DeviceKind::gpu, 1}, first{DeviceKind::gpu, 0};
  const std::vector<float> ones(10, 1);
  NDArray there({10}, DType::f32, second), host({10}, DType::f32, {});
  there.copy_from_host(ones.data(), 40);
  break_emulated_gpu(1, "an illegal memory access was encountered");
  copy(there, host);
  CHECK_THROWS_WITH_AS(host.wait_to_read(), doctest::Contains("[gpu] an illegal memory access was encountered"), Error);
  CHECK_THROWS_AS(there.wait_to_read(), Error);
  CHECK_THROWS_AS(synchronize_gpus(), Error);
  CHECK_THROWS_AS(engine().wait_all(), Error);
  NDArray other({10}, DType::f32, first);
  other.copy_from_host(ones.data(), 40);
  other.wait_to_read();
  mend_emulated_gpu(1);
  // An error stays on an array until it is overwritten.
  host.copy_from_host(ones.data(), 40);
  there.copy_from_host(ones.data(), 40);
  copy(there, host);
  host.wait_to_read();
  synchronize_gpus();
}

}  // namespace mixnet::test
#endif
