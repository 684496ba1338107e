// The stand-in of cuDNN (stand_ins/cudnn.cc) in use, and convolutions to give it, for tests on emulated GPUs.
#pragma once
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/setting.h"
#include "device/gpu.h"
#include "ndarray/ndarray.h"
#include "op/core/gpu/cudnn.h"
#include "op/core/gpu/prepared_convolution.h"
#include "op/evaluate.h"
#include "storage/storage.h"

namespace mixnet::test {
namespace cudnn_stand_in {

using gpu::Convolution, gpu::ConvolutionData, gpu::Curve, gpu::Direction, gpu::Finish, gpu::PlanWishes,
    gpu::PreparedConvolution, gpu::Tuning;

inline constexpr DeviceId device{DeviceKind::gpu, 0};
inline const std::string path = MIXNET_STAND_INS "/libcudnn.so";

// The stand-in in use, with an empty cache of its own.
class StandIn {
 public:
  StandIn()
      : folder_(std::filesystem::temp_directory_path() / ("mixnet-cudnn-" + std::to_string(getpid()))),
        cache_("MIXNET_CACHE", folder_.string()),
        cudnn_("MIXNET_CUDNN", path),
        it_(dlopen(path.c_str(), RTLD_NOW)) {
    REQUIRE(it_);
    std::filesystem::remove_all(folder_);
    gpu::cudnn::reopen();
    refuse(0);
  }
  ~StandIn() {
    refuse(0);
    std::filesystem::remove_all(folder_);
  }
  void refuse(int what) const { function<void (*)(int)>("stand_in_refuse")(what); }
  int64_t engine() const { return function<int64_t (*)()>("stand_in_last_engine")(); }
  // Of the graph that ran last.
  int64_t operations() const { return function<int64_t (*)()>("stand_in_last_operations")(); }
  int64_t channel_step() const { return function<int64_t (*)()>("stand_in_last_channel_step")(); }
  int64_t knob() const { return function<int64_t (*)()>("stand_in_last_knob")(); }
  int64_t live() const { return function<int64_t (*)()>("stand_in_live")(); }
  const std::filesystem::path& folder() const { return folder_; }
  // What was remembered; one file.
  std::filesystem::path file() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cudnn")) return entry.path();
    return {};
  }

 private:
  template <class F> F function(const char* name) const { return reinterpret_cast<F>(dlsym(it_, name)); }

  // When the settings are as they were.
  struct Reopen {
    ~Reopen() { gpu::cudnn::reopen(); }
  };
  const Reopen reopen_;
  const std::filesystem::path folder_;
  const Setting cache_, cudnn_;
  void* const it_;
};

struct Case {
  const char* what;
  int64_t images, groups, filters, channels, in[3], kernel[3], stride[3] = {1, 1, 1}, dilate[3] = {1, 1, 1},
                                                               pad[3] = {0, 0, 0};
  bool last = false;
  DType dtype = DType::f32;
  int64_t more[3] = {0, 0, 0};  // windows beyond those that the padding gives room for
};

inline Convolution::Steps steps(int64_t planes, const int64_t (&e)[3], bool last) {
  const int64_t pixels = e[0] * e[1] * e[2], unit = last ? planes : 1;
  // As operators say it: no step along axes that they do not have.
  return {planes * pixels, last ? 1 : pixels, {e[0] > 1 ? e[1] * e[2] * unit : 0, e[1] > 1 ? e[2] * unit : 0, unit}};
}

inline Convolution convolution_of(const Case& k) {
  Convolution c{};
  c.images = k.images;
  c.groups = k.groups;
  c.filters = k.filters;
  c.channels = k.channels;
  for (int d = 0; d < 3; ++d) {
    c.in[d] = k.in[d];
    c.kernel[d] = k.kernel[d];
    c.stride[d] = k.stride[d];
    c.dilate[d] = k.dilate[d];
    c.pad[d] = k.pad[d];
    c.out[d] = (k.in[d] + 2 * k.pad[d] - (k.kernel[d] - 1) * k.dilate[d] - 1) / k.stride[d] + 1 + k.more[d];
  }
  c.x = steps(c.groups * c.channels, c.in, k.last);
  c.y = steps(c.groups * c.filters, c.out, k.last);
  c.weight = steps(c.channels, c.kernel, k.last);
  c.dtype = k.dtype;
  return c;
}

inline const Case plain{"plain", 2, 1, 5, 3, {1, 7, 8}, {1, 3, 3}};

// Tensors of a convolution on the device.
struct Tensors {
  explicit Tensors(const Convolution& c)
      : x(make(c, c.images * c.groups * c.channels * c.pixels(), 1)),
        w(make(c, c.groups * c.filters * c.channels * c.volume(), 2)),
        y(make(c, c.images * c.groups * c.filters * c.positions(), 3)),
        bias(make(c, c.groups * std::max(c.filters, c.channels), 4)),
        residual(make(c, y.size(), 5)) {}
  static NDArray make(const Convolution& c, int64_t n, uint64_t seed) {
    NDArray a({n}, c.dtype, device);
    Tensor t = random_tensor({n}, c.dtype, -1, 1, seed);
    a.copy_from_host(t.view().data, a.bytes());
    a.wait_to_read();
    return a;
  }
  NDArray x, w, y, bias, residual;
};

inline Tensor host(const NDArray& a) {
  Tensor t(a.shape(), a.dtype());
  a.copy_to_host(t.view().data, a.bytes());
  return t;
}

// The result of one direction.
inline Tensor result_of(const PreparedConvolution& prepared, Direction direction, const Convolution& c,
                        const Finish& finish) {
  const Tensors t(c);
  Stream& stream = *get_device(device).stream();
  const Block workspace = storage(device).allocate(prepared.workspace());
  ConvolutionData data{t.x.view().data, t.w.view().data, t.y.view().data};
  if (finish.bias) data.bias = t.bias.view().data;
  if (finish.residual) data.residual = t.residual.view().data;
  prepared.run(stream, data, workspace.data);
  stream.synchronize();
  storage(device).release(workspace);
  return host(direction == Direction::forward ? t.y : direction == Direction::data ? t.x : t.w);
}

inline double bound(DType dtype) {
  return dtype == DType::f64 ? 1e-12 : dtype == DType::f32 ? 1e-5 : dtype == DType::f16 ? 4e-3 : 3e-2;
}

inline void check_same(const Tensor& got, const Tensor& want) {
  REQUIRE(got.size() == want.size());
  for (int64_t i = 0; i < got.size(); ++i) {
    const double x = got.get(i), y = want.get(i);
    const bool same = std::fabs(x - y) <= bound(want.dtype()) * std::max(1.0, std::fabs(y));
    CHECK_MESSAGE(same, "element ", i, ": expected ", y, ", got ", x);
    if (!same) return;
  }
}

}  // namespace cudnn_stand_in
}  // namespace mixnet::test
