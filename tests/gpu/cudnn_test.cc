// Convolutions by cuDNN, by a stand-in of the library (stand_ins/cudnn.cc) on emulated GPUs: what is asked of it, which engine is chosen, what is
// remembered, and that whatever it refuses is our own kernels' again.
#if defined(MIXNET_STAND_INS)
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/setting.h"
#include "device/gpu.h"
#include "executor/invoke.h"
#include "op/core/gpu/cudnn.h"
#include "op/core/gpu/prepared_convolution.h"
#include "op/core/registry.h"
#include "op/evaluate.h"
#include "storage/storage.h"

namespace mixnet::test {
namespace {

using gpu::Convolution, gpu::ConvolutionData, gpu::Direction, gpu::PlanWishes, gpu::PreparedConvolution, gpu::Tuning;

constexpr DeviceId device{DeviceKind::gpu, 0};
const std::string library = MIXNET_STAND_INS "/libcudnn.so";

// The stand-in in use, with an empty cache of its own.
class StandIn {
 public:
  StandIn()
      : folder_(std::filesystem::temp_directory_path() / ("mixnet-cudnn-" + std::to_string(getpid()))),
        cache_("MIXNET_CACHE", folder_.string()),
        cudnn_("MIXNET_CUDNN", library),
        it_(dlopen(library.c_str(), RTLD_NOW)) {
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

Convolution::Steps steps(int64_t planes, const int64_t (&e)[3], bool last) {
  const int64_t pixels = e[0] * e[1] * e[2], unit = last ? planes : 1;
  // As operators say it: no step along axes that they do not have.
  return {planes * pixels, last ? 1 : pixels, {e[0] > 1 ? e[1] * e[2] * unit : 0, e[1] > 1 ? e[2] * unit : 0, unit}};
}

Convolution convolution_of(const Case& k) {
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

const Case plain{"plain", 2, 1, 5, 3, {1, 7, 8}, {1, 3, 3}};

// Tensors of a convolution on the device.
struct Tensors {
  explicit Tensors(const Convolution& c)
      : x(make(c, c.images * c.groups * c.channels * c.pixels(), 1)),
        w(make(c, c.groups * c.filters * c.channels * c.volume(), 2)),
        y(make(c, c.images * c.groups * c.filters * c.positions(), 3)),
        bias(make(c, c.groups * std::max(c.filters, c.channels), 4)) {}
  static NDArray make(const Convolution& c, int64_t n, uint64_t seed) {
    NDArray a({n}, c.dtype, device);
    Tensor t = random_tensor({n}, c.dtype, -1, 1, seed);
    a.copy_from_host(t.view().data, a.bytes());
    a.wait_to_read();
    return a;
  }
  NDArray x, w, y, bias;
};

Tensor host(const NDArray& a) {
  Tensor t(a.shape(), a.dtype());
  a.copy_to_host(t.view().data, a.bytes());
  return t;
}

// The result of one direction.
Tensor result_of(const PreparedConvolution& prepared, Direction direction, const Convolution& c, bool bias) {
  const Tensors t(c);
  Stream& stream = *get_device(device).stream();
  const Block workspace = storage(device).allocate(prepared.workspace());
  prepared.run(stream, {t.x.view().data, t.w.view().data, t.y.view().data, bias ? t.bias.view().data : nullptr},
               workspace.data);
  stream.synchronize();
  storage(device).release(workspace);
  return host(direction == Direction::forward ? t.y : direction == Direction::data ? t.x : t.w);
}

double bound(DType dtype) {
  return dtype == DType::f64 ? 1e-12 : dtype == DType::f32 ? 1e-5 : dtype == DType::f16 ? 4e-3 : 3e-2;
}

void check_same(const Tensor& got, const Tensor& want) {
  REQUIRE(got.size() == want.size());
  for (int64_t i = 0; i < got.size(); ++i) {
    const double x = got.get(i), y = want.get(i);
    const bool same = std::fabs(x - y) <= bound(want.dtype()) * std::max(1.0, std::fabs(y));
    CHECK_MESSAGE(same, "element ", i, ": expected ", y, ", got ", x);
    if (!same) return;
  }
}

// By the library and by our own kernel; how often the library ran.
int64_t compare(Direction direction, const Convolution& c, bool bias, const PlanWishes& wishes = {}) {
  const int64_t before = gpu::cudnn_counts().runs;
  const PreparedConvolution by_library(device.index, direction, c, bias, wishes), own(direction, c);
  CHECK(!own.by_cudnn());
  check_same(result_of(by_library, direction, c, bias), result_of(own, direction, c, bias));
  return gpu::cudnn_counts().runs - before;
}

}  // namespace

TEST_CASE("cudnn: every direction, dtype and layout gives what our own kernels give") {
  const StandIn library;
  const std::vector<Case> cases{
      plain,
      {"strides, padding and dilation", 2, 1, 4, 6, {1, 9, 10}, {1, 3, 2}, {1, 2, 3}, {1, 2, 1}, {0, 1, 2}},
      {"groups", 2, 3, 2, 4, {1, 6, 5}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
      {"a group for every channel", 1, 6, 1, 1, {1, 6, 5}, {1, 3, 3}, {1, 2, 2}},
      {"one axis", 3, 1, 4, 3, {1, 1, 17}, {1, 1, 4}, {1, 1, 3}, {1, 1, 2}, {0, 0, 3}},
      {"three axes", 2, 2, 3, 2, {4, 5, 6}, {2, 3, 2}, {2, 1, 1}, {1, 1, 2}, {1, 0, 1}},
      {"more padding behind than before",
       1,
       1,
       2,
       2,
       {1, 5, 5},
       {1, 3, 3},
       {1, 2, 2},
       {1, 1, 1},
       {0, 1, 1},
       false,
       DType::f32,
       {0, 1, 0}},
  };
  for (const Case& k : cases) {
    for (const bool last : {false, true}) {
      for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
        Case now = k;
        now.last = last;
        now.dtype = dtype;
        const Convolution c = convolution_of(now);
        for (const Direction direction : {Direction::forward, Direction::data, Direction::weight}) {
          for (const bool bias : {false, true}) {
            if (bias && direction == Direction::weight) continue;
            INFO(k.what, last ? ", channels last, " : ", ", dtype_name(dtype), " direction ",
                 static_cast<int>(direction), bias ? ", bias" : "");
            CHECK(compare(direction, c, bias) == 1);
          }
        }
      }
    }
  }
}

TEST_CASE("cudnn: a bias that no engine adds is added after it") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  const int64_t refused = gpu::cudnn_counts().refused;
  CHECK(compare(Direction::forward, c, true) == 1);
  CHECK(gpu::cudnn_counts().refused == refused);
  gpu::cudnn::reopen();
  library.refuse(5);
  CHECK(compare(Direction::forward, c, true) == 1);
  CHECK(gpu::cudnn_counts().refused == refused + 1);
}

TEST_CASE("cudnn: what it refuses is our own kernel's, and is asked for once") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  for (const int how : {1, 2}) {
    gpu::cudnn::reopen();
    library.refuse(how);
    const int64_t refused = gpu::cudnn_counts().refused;
    CHECK(compare(Direction::data, c, false) == 0);
    CHECK(gpu::cudnn_counts().refused == refused + 1);
    CHECK(compare(Direction::data, c, false) == 0);
    CHECK(gpu::cudnn_counts().refused == refused + 1);
  }
  // Windows that do not reach the last pixels, which cuDNN cannot be told.
  library.refuse(0);
  Case few = plain;
  few.more[1] = -1;
  CHECK(compare(Direction::forward, convolution_of(few), false) == 0);
}

TEST_CASE("cudnn: errors name the direction and say what cuDNN says") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  const PreparedConvolution prepared(device.index, Direction::weight, c, false, {});
  library.refuse(3);
  CHECK_THROWS_WITH_AS(
      result_of(prepared, Direction::weight, c, false),
      "[gpu] cuDNN, a convolution's weight gradient: CUDNN_STATUS_EXECUTION_FAILED (the engine's own words)", Error);
  library.refuse(4);
  CHECK_THROWS_WITH_AS(PreparedConvolution(device.index, Direction::data, c, false, {}),
                       "[gpu] cuDNN, heuristics: CUDNN_STATUS_INTERNAL_ERROR", Error);
  library.refuse(0);
  const Setting none("MIXNET_CUDNN", "/no/such/libcudnn.so");
  gpu::cudnn::reopen();
  CHECK_THROWS_WITH_AS(PreparedConvolution(device.index, Direction::data, c, false, {}),
                       "[gpu] cuDNN: expected MIXNET_CUDNN to be a library's path, got none at /no/such/libcudnn.so",
                       Error);
  setenv("MIXNET_CUDNN", "0", 1);
  gpu::cudnn::reopen();
  CHECK(compare(Direction::data, c, false) == 0);
}

TEST_CASE("cudnn: addresses that are not aligned are our own kernel's") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  const PreparedConvolution prepared(device.index, Direction::forward, c, false, {}), own(Direction::forward, c);
  const Tensors t(c);
  NDArray shifted({t.x.size() + 1}, DType::f32, device), want({t.y.size()}, DType::f32, device);
  copy(t.x, shifted.slice(1, t.x.size() + 1));
  shifted.wait_to_read();
  want.wait_to_write();
  Stream& stream = *get_device(device).stream();
  const int64_t runs = gpu::cudnn_counts().runs;
  void* const x = static_cast<float*>(shifted.view().data) + 1;
  const Block workspace = storage(device).allocate(prepared.workspace());
  prepared.run(stream, {x, t.w.view().data, t.y.view().data}, workspace.data);
  own.run(stream, {x, t.w.view().data, want.view().data}, nullptr);
  stream.synchronize();
  storage(device).release(workspace);
  CHECK(gpu::cudnn_counts().runs == runs);
  check_same(host(t.y), host(want));
}

TEST_CASE("cudnn: engines are left out by what they note and need") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  const auto engine = [&](const PlanWishes& wishes) {
    CHECK(compare(Direction::forward, c, false, wishes) >= 1);
    return library.engine();
  };
  PlanWishes w;
  w.tensor_float32 = true;
  // Proposed in this order: 4 (no plan of it can be had), 1 (tensor cores), 5 (converts down), 6 (sums in 16 bits), 0, 2, 3.
  CHECK(engine(w) == 1);
  CHECK(library.knob() == 3);
  w.tensor_float32 = false;
  CHECK(engine(w) == 0);
  w.tuning = Tuning::limited;
  CHECK(engine(w) == 3);  // the quickest: 0.5 s, 3 MiB
  w.workspace = 1 << 20;
  CHECK(engine(w) == 2);  // 1 s, not deterministic
  w.deterministic = true;
  CHECK(engine(w) == 0);  // 5 s
  w.tuning = Tuning::fastest;
  CHECK(engine(w) == 3);
}

TEST_CASE("cudnn: choices are remembered by later processes, and damage is not") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  PlanWishes w;
  w.tuning = Tuning::limited;
  w.workspace = 1 << 14;
  w.tensor_float32 = w.deterministic = true;  // leaves engines 1 and 0
  // As a process that has just begun.
  const auto run = [&] {
    gpu::cudnn::reopen();
    CHECK(compare(Direction::weight, c, false, w) >= 1);
    CHECK(library.engine() == 1);
    CHECK(library.knob() == 3);
  };
  auto& counts = gpu::cudnn_counts();
  int64_t timed = counts.timed, recalled = counts.recalled;
  run();
  CHECK(counts.timed == timed + 2);
  CHECK(counts.recalled == recalled);
  run();
  CHECK(counts.timed == timed + 2);
  CHECK(counts.recalled == recalled + 1);
  std::string text;
  {
    std::ifstream file(library.file());
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  CHECK(text.find("engines of cuDNN, 1\nweight:float32:") == 0);
  const size_t choice = text.find(" 1 2=3 ;\n");
  REQUIRE(choice != std::string::npos);
  const std::string head = text.substr(0, choice);
  for (const std::string& damaged :
       {std::string("engines of cuDNN, 0") + text.substr(19), text.substr(0, text.size() - 3), head + " 1 2=x ;\n",
        head + " 77 ;\n", head + " 1 2=9 ;\n", head + " 4 ;\n", std::string()}) {
    std::ofstream(library.file()) << damaged;
    timed = counts.timed;
    recalled = counts.recalled;
    INFO(damaged);
    run();
    CHECK(counts.timed == timed + 2);
    CHECK(counts.recalled == recalled);
  }
  // What others have written since stays.
  std::ofstream(library.file()) << "engines of cuDNN, 1\nother 5 ;\n" << head.substr(20) << " 77 ;\n";
  run();
  std::ifstream file(library.file());
  text.assign(std::istreambuf_iterator<char>(file), {});
  CHECK(text.find("\nother 5 ;\n") != std::string::npos);
  CHECK(text.find(" 1 2=3 ;\n") != std::string::npos);
}

TEST_CASE("cudnn: without memory for trials the first engine is taken, and not remembered") {
  const StandIn library;
  // Twice 600 MiB of tensors beside what is there; an emulated GPU has 1 GiB.
  Case k = plain;
  k.images = 1;
  k.channels = 1;
  k.filters = 1;
  k.in[1] = 12000;
  k.in[2] = 13000;
  PlanWishes w;
  w.tuning = Tuning::limited;
  const int64_t timed = gpu::cudnn_counts().timed;
  const PreparedConvolution prepared(device.index, Direction::forward, convolution_of(k), false, w);
  CHECK(prepared.by_cudnn());
  CHECK(gpu::cudnn_counts().timed == timed);
  CHECK(!std::filesystem::exists(library.folder() / "cudnn"));
}

TEST_CASE("cudnn: what the settings say") {
  CHECK(gpu::plan_wishes().tuning == Tuning::off);
  CHECK(!gpu::plan_wishes().deterministic);
  CHECK(!gpu::plan_wishes().tensor_float32);
  {
    const Setting old("MXNET_CUDNN_AUTOTUNE_DEFAULT", "1"), determinism("MXNET_ENFORCE_DETERMINISM", "1"),
        tf32("MIXNET_GPU_TF32", "1");
    CHECK(gpu::plan_wishes().tuning == Tuning::limited);
    CHECK(gpu::plan_wishes().deterministic);
    CHECK(gpu::plan_wishes().tensor_float32);
    const Setting fastest("MIXNET_CUDNN_AUTOTUNE", "2");
    CHECK(gpu::plan_wishes().tuning == Tuning::fastest);
  }
  const Setting wrong("MIXNET_CUDNN_AUTOTUNE", "3");
  CHECK_THROWS_WITH_AS(gpu::plan_wishes(), "[environment] MIXNET_CUDNN_AUTOTUNE: expected 0, 1 or 2, got 3", Error);
}

TEST_CASE("cudnn: the quickest") {
  const double costs[] = {3, INFINITY, 1, 1, 2};
  CHECK(gpu::quickest(5, [&](size_t i) { return costs[i]; }) == 2);
  CHECK(gpu::quickest(1, [&](size_t) { return INFINITY; }) == 1);
  CHECK(gpu::quickest(0, [&](size_t) { return 0.0; }) == 0);
}

TEST_CASE("cudnn: threads that prepare and run at once") {
  const StandIn library;
  constexpr int threads = 4, rounds = 5;
  const Direction directions[] = {Direction::forward, Direction::data, Direction::weight};
  std::vector<std::vector<Tensor>> got(threads);
  {
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          Case k = plain;
          k.filters = 2 + i;
          const Convolution c = convolution_of(k);
          const Direction direction = directions[(t + i) % 3];
          got[static_cast<size_t>(t)].push_back(
              result_of(PreparedConvolution(device.index, direction, c, false, {}), direction, c, false));
        }
      });
    }
    for (std::thread& t : running) t.join();
  }
  for (int t = 0; t < threads; ++t) {
    for (int i = 0; i < rounds; ++i) {
      Case k = plain;
      k.filters = 2 + i;
      const Convolution c = convolution_of(k);
      const Direction direction = directions[(t + i) % 3];
      check_same(got[static_cast<size_t>(t)][static_cast<size_t>(i)],
                 result_of(PreparedConvolution(direction, c), direction, c, false));
    }
  }
}

TEST_CASE("cudnn: nothing that was made of it is left behind") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  {
    const PreparedConvolution warm(device.index, Direction::forward, c, false, {});
  }
  const int64_t live = library.live();
  compare(Direction::forward, c, false);
  CHECK(library.live() == live);
}

TEST_CASE("cudnn: Convolution and Deconvolution use it, as their parameters and the settings say") {
  const StandIn library;
  const auto runs = [&](const char* name, Attributes attributes) {
    for (auto& a : Attributes{{"kernel", Shape{3, 3}}, {"num_filter", 4}, {"no_bias", true}}) attributes.push_back(a);
    const OpSchema& op = registry().at(name);
    std::vector<NDArray> outputs, inputs{Tensors::make(convolution_of(plain), 2 * 4 * 6 * 7, 1).reshape({2, 4, 6, 7}),
                                         Tensors::make(convolution_of(plain), 4 * 4 * 9, 2).reshape({4, 4, 3, 3})};
    InvokeOptions options;
    options.device = device;
    const int64_t before = gpu::cudnn_counts().runs;
    invoke(op, op.make_params(attributes), inputs, outputs, options);
    outputs.at(0).wait_to_read();
    return gpu::cudnn_counts().runs - before;
  };
  for (const char* op : {"Convolution", "Deconvolution"}) {
    INFO(op);
    CHECK(runs(op, {}) == 1);
    CHECK(library.engine() == 0);
    CHECK(runs(op, {{"cudnn_off", true}}) == 0);
    // Two engines need at most 1 MiB and keep float32; each runs four times to be timed.
    CHECK(runs(op, {{"cudnn_tune", "limited_workspace"}, {"workspace", 1}}) == 2 * 4 + 1);
    CHECK(library.engine() == 2);
  }
}

}  // namespace mixnet::test
#endif
