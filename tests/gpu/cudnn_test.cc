// Convolutions by cuDNN, by a stand-in of the library (stand_ins/cudnn.cc) on emulated GPUs: what is asked of it, which engine is chosen, what is
// remembered, and that whatever it refuses is our own kernels' again.
#if defined(MIXNET_STAND_INS)
#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "cudnn_stand_in.h"
#include "executor/invoke.h"
#include "op/core/registry.h"

namespace mixnet::test {
namespace {

using namespace cudnn_stand_in;

// By the library and by our own kernel; how often the library ran.
int64_t compare(Direction direction, const Convolution& c, const Finish& finish, const PlanWishes& wishes = {}) {
  const int64_t before = gpu::cudnn_counts().runs;
  const PreparedConvolution by_library(device.index, direction, c, finish, wishes), own(direction, c, finish);
  CHECK(!own.by_cudnn());
  check_same(result_of(by_library, direction, c, finish), result_of(own, direction, c, finish));
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

// Bias, residual and curve in every combination.
std::vector<Finish> finishes() {
  std::vector<Finish> all;
  for (const Curve curve : {Curve::none, Curve::relu, Curve::sigmoid, Curve::tanh}) {
    for (const bool residual : {false, true}) {
      for (const bool bias : {false, true}) {
        Finish& f = all.emplace_back(bias);
        f.residual = residual;
        f.curve = curve;
      }
    }
  }
  all.emplace_back(true).curve = Curve::relu;
  all.back().most = 0.25;
  return all;
}
int64_t operations_of(const Finish& f) { return 1 + f.bias + f.residual + (f.curve != Curve::none); }

// What our own kernel has to give, from what it gives without the finish. In these cases tensors lie channels first.
Tensor finished(const Tensor& sums, const Convolution& c, const Finish& f) {
  const Tensors t(c);
  const Tensor bias = host(t.bias), residual = host(t.residual);
  Tensor all(sums.shape(), sums.dtype());
  for (int64_t i = 0; i < sums.size(); ++i) {
    double x = sums.get(i);
    if (f.bias) x += bias.get(i / c.positions() % (c.groups * c.filters));
    if (f.residual) x += residual.get(i);
    if (f.curve == Curve::relu) x = std::min(std::max(x, 0.0), f.most);
    if (f.curve == Curve::sigmoid) x = 1 / (1 + std::exp(-x));
    if (f.curve == Curve::tanh) x = std::tanh(x);
    all.set(i, x);
  }
  return all;
}

TEST_CASE("cudnn: a bias, a residual and a curve are part of the graph") {
  const StandIn library;
  const std::vector<Case> cases{plain,
                                {"groups", 2, 3, 2, 4, {1, 6, 5}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
                                {"one axis", 3, 1, 4, 3, {1, 1, 17}, {1, 1, 4}, {1, 1, 3}}};
  for (const Case& k : cases) {
    for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
      for (const Finish& f : finishes()) {
        Case now = k;
        now.dtype = dtype;
        const Convolution c = convolution_of(now);
        INFO(k.what, " ", dtype_name(dtype), " bias ", f.bias, " residual ", f.residual, " curve ",
             static_cast<int>(f.curve), " most ", f.most);
        CHECK(compare(Direction::forward, c, f) == 1);
        CHECK(library.operations() == operations_of(f));
        check_same(result_of(PreparedConvolution(Direction::forward, c, f), Direction::forward, c, f),
                   finished(result_of(PreparedConvolution(Direction::forward, c), Direction::forward, c, {}), c, f));
        now.last = true;
        CHECK(compare(Direction::forward, convolution_of(now), f) == 1);
        CHECK(library.operations() == operations_of(f));
      }
    }
  }
}

TEST_CASE("cudnn: what no engine does of a finish is done after it") {
  const StandIn library;
  Case k = plain;
  for (const bool last : {false, true}) {
    k.last = last;
    const Convolution c = convolution_of(k);
    for (const Finish& f : finishes()) {
      INFO(last, " bias ", f.bias, " residual ", f.residual, " curve ", static_cast<int>(f.curve));
      for (const int how : {5, 6}) {
        gpu::cudnn::reopen();
        library.refuse(how);
        CHECK(compare(Direction::forward, c, f) == 1);
        CHECK(library.operations() == (how == 6 && f.bias ? 2 : 1));
      }
      gpu::cudnn::reopen();
      library.refuse(2);
      CHECK(compare(Direction::forward, c, f) == 0);
    }
  }
}

TEST_CASE("cudnn: engines for a finish are timed with it and remembered for it") {
  const StandIn library;
  const Convolution c = convolution_of(plain);
  PlanWishes w;
  w.tuning = Tuning::limited;
  Finish f(true);
  f.residual = true;
  f.curve = Curve::relu;
  auto& counts = gpu::cudnn_counts();
  const int64_t timed = counts.timed, recalled = counts.recalled;
  CHECK(compare(Direction::forward, c, f, w) > 1);
  CHECK(counts.timed > timed);
  gpu::cudnn::reopen();
  CHECK(compare(Direction::forward, c, f, w) == 1);
  CHECK(counts.recalled == recalled + 1);
  // Another finish is another problem.
  gpu::cudnn::reopen();
  f.most = 6;
  CHECK(compare(Direction::forward, c, f, w) > 1);
  CHECK(counts.recalled == recalled + 1);
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
