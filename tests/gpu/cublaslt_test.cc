// Products by cuBLASLt: by its stand-in (tests/gpu/stand_ins) on emulated GPUs, by the library itself, where there is one, on real ones. Operands are
// small whole numbers, so that every dtype and every order of summing gives the same.
#include "op/core/gpu/cublaslt.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/setting.h"
#include "device/gpu.h"
#include "device/library.h"
#include "device/stream_device.h"
#include "evaluate.h"
#include "executor/invoke.h"

namespace mixnet::test {
namespace {

using gpu::CublasLt;
using gpu::Gemm;

constexpr GpuLibrary cublas{"cuBLASLt", "CUBLASLT", "libcublasLt.so.13", "cu13"};

#ifdef MIXNET_GPU_EMULATED
constexpr bool emulated = true;
const std::string stand_in = MIXNET_STAND_INS "/libcublaslt.so";
std::unique_ptr<SystemLibrary> library() {
  const Setting named("MIXNET_CUBLASLT", stand_in.c_str());
  return open_gpu_library(cublas);
}
void fail_next(const char* function, gpu::lt::Status status) {
  void (*call)(const char*, gpu::lt::Status) = nullptr;
  library()->find(call, "stand_in_fail", "");
  call(function, status);
}
int objects() {
  int (*call)() = nullptr;
  library()->find(call, "stand_in_objects", "");
  return call();
}
#else
constexpr bool emulated = false;
std::unique_ptr<SystemLibrary> library() {
  const Setting unnamed("MIXNET_CUBLASLT", nullptr);
  return open_gpu_library(cublas);
}
#endif

// Numbers in the memory of a GPU.
class Numbers {
 public:
  Numbers(DType dtype, std::vector<double> values, int device = 0)
      : size_(static_cast<int64_t>(values.size())), device_(gpu_device(device)), host_(Shape{size_}, dtype) {
    for (int64_t i = 0; i < size_; ++i) host_.set(i, values[static_cast<size_t>(i)]);
    data_ = device_.allocate(bytes());
    REQUIRE(data_);
    device_.stream()->copy(data_, host_.view().data, bytes());
    device_.stream()->synchronize();
  }
  ~Numbers() { device_.deallocate(data_, bytes()); }
  Numbers(const Numbers&) = delete;
  // Behind so many elements.
  void* at(int64_t i) const { return static_cast<char*>(data_) + i * dtype_size(host_.dtype()); }
  std::vector<double> values() {
    device_.stream()->copy(host_.view().data, data_, bytes());
    device_.stream()->synchronize();
    std::vector<double> v;
    for (int64_t i = 0; i < size_; ++i) v.push_back(host_.get(i));
    return v;
  }

 private:
  size_t bytes() const { return static_cast<size_t>(size_ * dtype_size(host_.dtype())); }
  const int64_t size_;
  StreamDevice& device_;
  Tensor host_;
  void* data_;
};

std::vector<double> small(int64_t n, int64_t seed) {
  std::vector<double> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(static_cast<double>((i * 7 + seed * 3 + i / 5) % 5 - 2));
  return v;
}

// A product of made-up operands, so many elements behind the start of their memory.
struct Case {
  Gemm g;
  bool bias = false, onto = false;  // onto: C is D itself
  struct {
    int64_t a = 0, b = 0, c = 0, d = 0, bias = 0;
  } at;
};
Case moved(Case c, int64_t by) {
  c.at = {by, by, by, by, by};
  return c;
}

// A case's operands on a GPU, and what D's memory should hold afterwards.
struct Try {
  Try(DType dtype, const Case& made, int device = 0)
      : g(made.g),
        a_values(small(made.at.a + g.batch * g.step_a + (g.trans_a ? g.k : g.m) * g.lda + 1, 1)),
        b_values(small(made.at.b + g.batch * g.step_b + (g.trans_b ? g.n : g.k) * g.ldb + 1, 2)),
        c_values(small(made.at.c + g.batch * g.step_d + g.m * g.ldd + 1, 3)),
        bias_values(small(made.at.bias + g.n + 1, 4)),
        expected(static_cast<size_t>(made.at.d + g.batch * g.step_d + g.m * g.ldd + 1), 9),
        a(dtype, a_values, device),
        b(dtype, b_values, device),
        c(dtype, c_values, device),
        d(dtype, made.onto ? expected = c_values : expected, device),
        bias(dtype, bias_values, device) {
    g.a = a.at(made.at.a);
    g.b = b.at(made.at.b);
    g.d = d.at(made.at.d);
    g.c = g.beta == 0 ? nullptr : made.onto ? g.d : c.at(made.at.c);
    g.bias = made.bias ? bias.at(made.at.bias) : nullptr;
    const auto of = [](std::vector<double>& values, int64_t first, int64_t i) -> double& {
      return values.at(static_cast<size_t>(first + i));
    };
    Tensor rounded({1}, dtype);
    for (int64_t e = 0; e < g.batch * g.m * g.n; ++e) {
      const int64_t j = e % g.n, i = e / g.n % g.m, batch = e / (g.m * g.n), at = batch * g.step_d + i * g.ldd + j;
      double sum = 0;
      for (int64_t t = 0; t < g.k; ++t)
        sum += of(a_values, made.at.a, batch * g.step_a + (g.trans_a ? t * g.lda + i : i * g.lda + t)) *
               of(b_values, made.at.b, batch * g.step_b + (g.trans_b ? j * g.ldb + t : t * g.ldb + j));
      rounded.set(
          0, g.alpha * sum + g.beta * of(c_values, made.at.c, at) + (g.bias ? of(bias_values, made.at.bias, j) : 0));
      of(expected, made.at.d, at) = rounded.get(0);
    }
  }

  Gemm g;
  std::vector<double> a_values, b_values, c_values, bias_values, expected;
  Numbers a, b, c, d, bias;
};

Case plain(int64_t m, int64_t n, int64_t k, bool trans_a = false, bool trans_b = false, int64_t apart = 0) {
  Case c;
  c.g.m = m;
  c.g.n = n;
  c.g.k = k;
  c.g.trans_a = trans_a;
  c.g.trans_b = trans_b;
  c.g.lda = (trans_a ? m : k) + apart;
  c.g.ldb = (trans_b ? k : n) + apart;
  c.g.ldd = n + apart;
  return c;
}
Case many(Case c, int64_t batch) {
  c.g.batch = batch;
  c.g.step_a = (c.g.trans_a ? c.g.k : c.g.m) * c.g.lda;
  c.g.step_b = (c.g.trans_b ? c.g.n : c.g.k) * c.g.ldb + 3;
  c.g.step_d = c.g.m * c.g.ldd;
  return c;
}

// Those that the library can be asked for.
std::vector<Case> ordinary() {
  std::vector<Case> cases;
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      cases.push_back(plain(5, 3, 4, trans_a, trans_b));
      cases.push_back(plain(1, 7, 6, trans_a, trans_b, 2));
      cases.push_back(plain(9, 1, 100, trans_a, trans_b));
      cases.push_back(many(plain(2, 4, 3, trans_a, trans_b, 1), 3));
    }
  }
  Case shared = many(plain(3, 4, 5), 2);
  shared.g.step_b = 0;
  cases.push_back(shared);
  for (Case c : {plain(4, 6, 5), many(plain(3, 2, 4), 2)}) {
    c.g.alpha = 2;
    c.g.beta = -1;
    cases.push_back(c);
    c = moved(c, 1);
    c.onto = true;
    cases.push_back(c);
    c.bias = true;
    cases.push_back(c);
    c.g.beta = 0;
    cases.push_back(c);
  }
  return cases;
}
// Those that are ours.
std::vector<Case> odd() {
  std::vector<Case> cases{plain(3, 4, 0), plain(0, 4, 3), plain(3, 0, 4)};
  cases[0].bias = true;
  // Matrices of D between one another.
  Case between = plain(2, 2, 3, false, false, 2);
  between.g.batch = 2;
  between.g.step_a = between.g.step_b = between.g.step_d = 2;
  cases.push_back(between);
  return cases;
}

std::string label(DType dtype, const Gemm& g) {
  return concat(dtype, " ", g.m, "x", g.n, "x", g.k, " transposed ", g.trans_a, g.trans_b, " batch ", g.batch, " beta ",
                g.beta, " bias ", g.bias != nullptr);
}

constexpr DType floats[] = {DType::f32, DType::f64, DType::f16, DType::bf16};

}  // namespace

TEST_CASE("cublaslt: products in a graph are the library's too") {
  CublasLt lt(library(), {});
  StreamDevice& device = gpu_device(0);
  for (const DType dtype : floats) {
    Try one(dtype, plain(5, 3, 4));
    gemm(lt, *device.stream(), dtype, one.g);  // chooses the algorithm
    const std::vector<double> first = one.d.values();
    const int64_t count = lt.count(), asked = lt.asked();
    const std::unique_ptr<StreamGraph> graph = device.capture([&](Stream& stream) { gemm(lt, stream, dtype, one.g); });
    CHECK(lt.count() - count == lt.on());
    CHECK(lt.asked() == asked);
    device.stream()->fill_zero(one.g.d, static_cast<size_t>(15 * dtype_size(dtype)));
    CHECK(one.d.values() != first);
    graph->launch(*device.stream());
    CHECK(one.d.values() == first);
    CHECK(first == one.expected);
  }
}

TEST_CASE("cublaslt: every kind of product gives what it gives without the library") {
  CublasLt lt(library(), {}), none(nullptr, {});
  Stream& stream = *gpu_device(0).stream();
  if (emulated) CHECK(lt.on());
  else if (!lt.on()) MESSAGE("there is no cuBLASLt: only our own kernels are tried");
  for (const DType dtype : floats) {
    for (const Case& c : ordinary()) {
      Try with(dtype, c), without(dtype, c);
      INFO(label(dtype, with.g));
      const int64_t before = lt.count();
      gemm(lt, stream, dtype, with.g);
      gemm(none, stream, dtype, without.g);
      CHECK(with.d.values() == with.expected);
      CHECK(without.d.values() == without.expected);
      // The library refuses a bias of float64: it is laid down first where nothing else is there.
      const bool refused = dtype == DType::f64 && c.bias && c.g.beta != 0;
      if (emulated) CHECK(lt.count() - before == (refused ? 0 : 1));
    }
    for (const Case& c : odd()) {
      Try with(dtype, c);
      INFO(label(dtype, with.g));
      const int64_t before = lt.count();
      gemm(lt, stream, dtype, with.g);
      CHECK(with.d.values() == with.expected);
      CHECK(lt.count() == before);
    }
  }
  CHECK(none.count() == 0);
}

TEST_CASE("cublaslt: operators go through it where it is") {
  constexpr DeviceId device{DeviceKind::gpu, 0};
  const auto run = [&](const char* name, const Attributes& attributes, const std::vector<Shape>& shapes) {
    std::vector<NDArray> in, out;
    for (const Shape& shape : shapes) {
      in.emplace_back(shape, DType::f32, device);
      const std::vector<float> twos(static_cast<size_t>(shape.size()), 2);
      in.back().copy_from_host(twos.data(), in.back().bytes());
    }
    const OpSchema& schema = registry().at(name);
    const int64_t before = gpu::cublaslt().count();
    invoke(schema, schema.make_params(attributes), in, out);
    std::vector<float> v(static_cast<size_t>(out.at(0).size()));
    out[0].copy_to_host(v.data(), out[0].bytes());
    if (emulated) CHECK(gpu::cublaslt().count() - before == (gpu::cublaslt().on() ? 1 : 0));
    return v.at(0);
  };
  CHECK(run("dot", {}, {{3, 4}, {4, 5}}) == 16);
  CHECK(run("batch_dot", {{"transpose_b", "True"}}, {{2, 3, 4}, {2, 5, 4}}) == 16);
  CHECK(run("FullyConnected", {{"num_hidden", "5"}}, {{3, 4}, {5, 4}, {5}}) == 18);
  CHECK(run("_linalg_gemm2", {{"alpha", "0.5"}}, {{3, 4}, {4, 5}}) == 8);
}

#ifdef MIXNET_GPU_EMULATED

TEST_CASE("cublaslt: an algorithm is asked for once per kind of product, and the table is bounded") {
  CublasLt::Options two;
  two.most_algorithms = 2;
  CublasLt lt(library(), {}), short_lt(library(), two);
  Stream& stream = *gpu_device(0).stream();
  const Case kinds[] = {plain(4, 4, 4), moved(plain(4, 4, 4), 1), plain(4, 4, 5)};
  for (int round = 0; round < 2; ++round) {
    for (const Case& c : kinds) {
      Try with(DType::f32, c), short_with(DType::f32, c);
      gemm(lt, stream, DType::f32, with.g);
      gemm(short_lt, stream, DType::f32, short_with.g);
      CHECK(with.d.values() == with.expected);
      CHECK(short_with.d.values() == short_with.expected);
    }
  }
  CHECK(lt.asked() == 3);
  CHECK(short_lt.asked() == 6);
  CHECK(lt.count() == 6);
}

TEST_CASE("cublaslt: what differs in one place only is another product") {
  CublasLt lt(library(), {});
  Case base = many(plain(4, 4, 4), 2);
  base.g.beta = 1;
  base.bias = true;
  std::vector<Case> kinds(17, base);
  kinds[1].at.a = kinds[2].at.b = kinds[3].at.c = kinds[4].at.d = kinds[5].at.bias = 1;
  kinds[6].at.bias = 64;  // as well aligned, but not there
  kinds[7].g.step_a = kinds[8].g.step_b = 0;
  kinds[9].g.step_d += 4;
  ++kinds[10].g.ldd, kinds[10].g.step_d += 4;
  kinds[11].g.trans_a = kinds[12].g.trans_b = true;
  ++kinds[13].g.lda, ++kinds[14].g.ldb;
  kinds[15].onto = true;
  kinds[16].bias = false;
  for (const Case& c : kinds) {
    Try with(DType::f32, c);
    gemm(lt, *gpu_device(0).stream(), DType::f32, with.g);
    CHECK(with.d.values() == with.expected);
  }
  CHECK(lt.count() == 17);
  CHECK(lt.asked() == 16);
}

TEST_CASE("cublaslt: what it does not support is ours, and is not asked for again") {
  CublasLt lt(library(), {});
  Stream& stream = *gpu_device(0).stream();
  for (const char* function : {"heuristic", "matmul"}) {
    Case c = plain(4, 4, std::string(function) == "matmul" ? 6 : 5);
    Try first(DType::f32, c), second(DType::f32, c);
    fail_next(function, std::string(function) == "matmul" ? gpu::lt::arch_mismatch : gpu::lt::not_supported);
    gemm(lt, stream, DType::f32, first.g);
    const int64_t asked = lt.asked();
    gemm(lt, stream, DType::f32, second.g);
    CHECK(first.d.values() == first.expected);
    CHECK(second.d.values() == second.expected);
    CHECK(lt.asked() == asked);
  }
  CHECK(lt.asked() == 2);
  CHECK(lt.count() == 0);
}

TEST_CASE("cublaslt: what goes wrong is told by its name") {
  CublasLt lt(library(), {});
  Stream& stream = *gpu_device(1).stream();
  Try with(DType::f32, plain(4, 4, 4), 1);
  const auto told = [&](const char* function, gpu::lt::Status status) {
    fail_next(function, status);
    try {
      gemm(lt, stream, DType::f32, with.g);
    } catch (const Error& error) {
      CHECK(error.code() == Code::device);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(told("create", gpu::lt::not_initialized) == "[gpu(1)] cuBLASLt: handle: CUBLAS_STATUS_NOT_INITIALIZED");
  CHECK(told("heuristic", gpu::lt::invalid_value) ==
        "[gpu(1)] cuBLASLt: choice of an algorithm: CUBLAS_STATUS_INVALID_VALUE");
  CHECK(told("matmul", gpu::lt::execution_failed) == "[gpu(1)] cuBLASLt: product: CUBLAS_STATUS_EXECUTION_FAILED");
  gemm(lt, stream, DType::f32, with.g);
  CHECK(with.d.values() == with.expected);
  CHECK(lt.count() == 1);
}

TEST_CASE("cublaslt: a workspace that is not to be had is done without") {
  const MemoryInfo before = gpu_device(0).memory();
  for (const size_t workspace : {size_t{0}, size_t{1} << 20, size_t{1} << 40}) {
    CublasLt::Options options;
    options.workspace = workspace;
    CublasLt lt(library(), options);
    Try with(DType::f32, plain(4, 4, 100));
    gemm(lt, *gpu_device(0).stream(), DType::f32, with.g);
    CHECK(with.d.values() == with.expected);
    CHECK(lt.count() == 1);
    CHECK(lt.asked() == (workspace > size_t{1} << 30 ? 2 : 1));
  }
  CHECK(gpu_device(0).memory().free_bytes == before.free_bytes);
}

TEST_CASE("cublaslt: float32 keeps its bits unless TF32 is allowed") {
  const double fine = 1 + 1.0 / 4096;
  for (const bool tf32 : {false, true}) {
    CublasLt::Options options;
    options.tf32 = tf32;
    CublasLt lt(library(), options);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Numbers a(dtype, {fine}), b(dtype, {1});
      Numbers d(dtype, {0});
      Gemm g = plain(1, 1, 1).g;
      g.a = a.at(0);
      g.b = b.at(0);
      g.d = d.at(0);
      CHECK(lt.gemm(*gpu_device(0).stream(), dtype, g));
      CHECK(d.values()[0] == (tf32 && dtype == DType::f32 ? 1 : fine));
    }
  }
}

TEST_CASE("cublaslt: sums of 16 bits are rounded once") {
  CublasLt lt(library(), {});
  // In float16, 2048 + 1 is 2048.
  const Numbers a(DType::f16, {2048, 1, 1, 0}), b(DType::f16, {1, 1, 1, 1});
  Numbers d(DType::f16, {0});
  Gemm g = plain(1, 1, 4).g;
  g.a = a.at(0);
  g.b = b.at(0);
  g.d = d.at(0);
  CHECK(lt.gemm(*gpu_device(0).stream(), DType::f16, g));
  CHECK(d.values()[0] == 2050);
}

TEST_CASE("cublaslt: several threads and devices") {
  const int before = objects();
  {
    CublasLt lt(library(), {});
    std::vector<std::unique_ptr<Try>> tries;
    for (int i = 0; i < 32; ++i)
      tries.push_back(std::make_unique<Try>(DType::f32, plain(2 + i % 3, 3, 60 + i % 5), i % 2));
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = t; i < tries.size(); i += 4)
          gemm(lt, *gpu_device(static_cast<int>(i % 2)).stream(), DType::f32, tries[i]->g);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& it : tries) CHECK(it->d.values() == it->expected);
    CHECK(lt.count() == 32);
    CHECK(objects() > before);
  }
  CHECK(objects() == before);
}

TEST_CASE("cublaslt: a library is named by its setting, and never CUDA's where GPUs are emulated") {
  std::string why;
  {
    const Setting off("MIXNET_CUBLASLT", "0");
    CHECK_FALSE(open_gpu_library(cublas, &why));
    CHECK(why == "[gpu] cuBLASLt: turned off by MIXNET_CUBLASLT");
  }
  {
    const Setting none("MIXNET_CUBLASLT", nullptr);
    CHECK_FALSE(open_gpu_library(cublas, &why));
    CHECK(why == "[gpu] cuBLASLt: this build has no CUDA");
  }
  const Setting wrong("MIXNET_CUBLASLT", "/nowhere/x.so");
  CHECK_THROWS_WITH_AS(open_gpu_library(cublas),
                       "[gpu] cuBLASLt: expected MIXNET_CUBLASLT to be a library's path, got none at /nowhere/x.so",
                       Error);
}

#endif

}  // namespace mixnet::test
