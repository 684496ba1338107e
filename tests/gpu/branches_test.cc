// Graphs with branches: the same bits as without, whoever shares memory with whom; steps that cannot be captured; what libraries keep per stream.
#include <doctest/doctest.h>

#include <random>

#include "base/setting.h"
#include "device/gpu.h"
#include "device/library.h"
#include "executor/invoke.h"
#include "executor/small_nets.h"
#include "executor/step_graphs.h"
#include "gpu/bound_run.h"
#include "ndarray/values.h"
#include "op/core/gpu/cublaslt.h"

namespace mixnet::test {
namespace {

using bound_run::Freely;
using Values = std::vector<std::vector<float>>;

constexpr DeviceId gpu{DeviceKind::gpu, 0};

template <class F>
std::pair<Values, GraphCounts> counted(const char* branches, const F& run) {
  const Setting setting("MIXNET_GPU_BRANCHES", branches);
  try {
    engine().wait_all();
  } catch (const Error&) {  // of earlier tests
  }
  const GraphCounts before = graph_counts();
  Values result = run();
  GraphCounts now = graph_counts();
  now.captured -= before.captured;
  now.launched -= before.launched;
  now.refused -= before.refused;
  now.branched -= before.branched;
  now.steps -= before.steps;
  now.longest -= before.longest;
  return {std::move(result), now};
}

Symbol variable(const char* name) { return Symbol::variable(name); }

std::shared_ptr<Executor> bound(const Symbol& symbol, std::vector<std::pair<std::string, Shape>> shapes,
                                GradRequest request = GradRequest::write) {
  SimpleBindArguments arguments;
  arguments.shapes = std::move(shapes);
  arguments.default_request = request;
  const auto e = simple_bind(symbol, gpu, arguments);
  uint32_t seed = 1;
  for (const NDArray& a : e->bound().arguments) fill(a, ++seed, 1);
  return e;
}

void add_values(const Executor& e, Values* all) {
  for (const auto* list : {&e.outputs(), &e.bound().gradients, &e.bound().states}) {
    for (const NDArray& a : *list) {
      if (!a.none()) all->push_back(values(a));
    }
  }
}

Symbol layer(const Symbol& x, int64_t filters, int64_t kernel, const std::string& name) {
  Symbol y = conv(x, filters, kernel, name, false);
  y = apply("BatchNorm", {{"fix_gamma", false}}, {y}, name + "_bn");
  return apply("Activation", {{"act_type", "relu"}}, {y}, name + "_relu");
}

Symbol unit(const Symbol& x, const std::string& name) {
  const Symbol one = layer(x, 3, 1, name + "_a"), three = layer(layer(x, 2, 1, name + "_b1"), 4, 3, name + "_b2"),
               five = layer(layer(layer(x, 2, 1, name + "_c1"), 3, 3, name + "_c2"), 3, 3, name + "_c3");
  const Symbol pooled =
      apply("Pooling", {{"kernel", Shape{3, 3}}, {"pad", Shape{1, 1}}, {"pool_type", "avg"}}, {x}, name + "_pool");
  return apply("Concat", {{"num_args", 4}, {"dim", 1}}, {one, three, five, layer(pooled, 2, 1, name + "_d")},
               name + "_join");
}

Symbol inception(int64_t hidden = 5) {
  Symbol x = layer(variable("data"), 6, 3, "stem");
  for (const char* name : {"u1", "u2"}) x = unit(x, name);
  return apply("SoftmaxOutput", {}, {apply("FullyConnected", {{"num_hidden", hidden}}, {x}, "fc")}, "softmax");
}

// Weights follow their gradients, so that each step has other values.
Values trained(int steps) {
  const auto e = bound(inception(), {{"data", {2, 3, 6, 6}}});
  const OpSchema& sgd = registry().at("sgd_update");
  const ParamsPtr params = sgd.make_params({{"lr", 0.05}});
  Values all;
  for (int step = 0; step < steps; ++step) {
    fill(e->bound().arguments[0], static_cast<uint32_t>(100 + step), 2);
    e->forward(true);
    e->backward({});
    add_values(*e, &all);
    for (size_t i = 1; i + 1 < e->bound().arguments.size(); ++i) {
      const std::vector<NDArray> in{e->bound().arguments[i], e->bound().gradients[i]};
      std::vector<NDArray> out{in[0]};
      invoke(sgd, params, in, out);
    }
  }
  for (int step = 0; step < 3; ++step) e->forward(false);
  add_values(*e, &all);
  return all;
}

// Pointwise operators on values of one size, so that all memory is shared and much is written in place.
Symbol any_graph(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % static_cast<uint32_t>(n)); };
  std::vector<Symbol> all{variable("x"), variable("y")};
  for (int i = 0; i < 40; ++i) {
    // Rather what came lately: chains grow.
    const auto pick = [&] { return all[all.size() - 1 - std::min(below(all.size()), below(8))]; };
    switch (below(5)) {
      case 0: all.push_back(apply("tanh", {}, {pick()})); break;
      case 1: all.push_back(apply("sin", {}, {pick()})); break;
      case 2: all.push_back(apply("Activation", {{"act_type", "relu"}}, {pick()})); break;
      case 3: all.push_back(apply("elemwise_add", {}, {pick(), pick()})); break;
      default: all.push_back(apply("elemwise_mul", {}, {pick(), pick()}));
    }
  }
  std::vector<Symbol> last(all.end() - 6, all.end());
  last.insert(last.end(), {all[0], all[1]});
  return apply("add_n", {{"num_args", 8}}, last);
}

}  // namespace

TEST_CASE("gpu branches: a net of parallel layers is trained to the same bits as one after the other") {
  const Freely freely;
  for (const char* room : {"1", "0"}) {
    const Setting planned("MIXNET_PLAN_BRANCHES", room);
    const auto [want, alone] = counted("1", [] { return trained(6); });
    const auto [got, beside] = counted("4", [] { return trained(6); });
    CHECK(got == want);
    CHECK(alone.branched == 0);
    CHECK(alone.longest == alone.steps);
    CHECK(beside.branched >= 3);
    CHECK(beside.launched > beside.captured);
    CHECK(beside.longest < beside.steps);
  }
}

TEST_CASE("gpu branches: tasks of large nets are cut where no branch is open") {
  const Freely freely;
  const auto run = [] {
    const auto e = bound(inception(3000), {{"data", {1, 3, 6, 6}}});  // above 4 MiB: a task for every few parameters
    Values all;
    for (int step = 0; step < 3; ++step) {
      e->forward(true);
      e->backward({});
    }
    add_values(*e, &all);
    return all;
  };
  const auto [want, alone] = counted("1", run);
  const auto [got, beside] = counted("4", run);
  CHECK(got == want);
  CHECK(alone.steps < beside.steps);  // elsewhere most are alone in a task, and so are no graph
  CHECK(beside.branched >= 4);
  CHECK(beside.longest * 4 < beside.steps * 3);
}

TEST_CASE("gpu branches: a shortcut's convolution runs beside the layers that it goes round") {
  const Freely freely;
  const Symbol x = variable("data");
  const Symbol round = conv(layer(layer(x, 3, 1, "a"), 3, 3, "b"), 5, 1, "c", false),
               shortcut = conv(x, 5, 1, "d", false);
  for (const bool first : {true, false}) {
    const std::vector<Symbol> sides =
        first ? std::vector<Symbol>{round, shortcut} : std::vector<Symbol>{shortcut, round};
    const Symbol net = apply("Activation", {{"act_type", "relu"}}, {apply("elemwise_add", {}, sides, "sum")}, "relu");
    const auto run = [&] {
      const auto e = bound(net, {{"data", {1, 4, 6, 6}}}, GradRequest::null);
      Values all;
      for (int step = 0; step < 3; ++step) e->forward(false);
      add_values(*e, &all);
      return all;
    };
    const auto [want, alone] = counted("1", run);
    const auto [got, beside] = counted("4", run);
    CHECK(got == want);
    CHECK(beside.captured == 1);
    CHECK(beside.steps == 4);
    CHECK(beside.longest == 3);
  }
}

TEST_CASE("gpu branches: graphs of pointwise operators on shared memory, in place, have the same bits") {
  const Freely freely;
  const Setting separate("MIXNET_FUSION", "0");
  int64_t branched = 0;
  for (uint32_t seed = 0; seed < 12; ++seed) {
    const auto run = [seed] {
      const auto e = bound(any_graph(seed), {{"x", {500}}, {"y", {500}}});
      Values all;
      for (int step = 0; step < 5; ++step) {
        fill(e->bound().arguments[0], seed + static_cast<uint32_t>(step), 1);
        e->forward(true);
        NDArray slope({500}, DType::f32, gpu);
        fill(slope, 3, 1);
        const std::vector<NDArray> slopes{slope};
        e->backward(slopes);
        add_values(*e, &all);
      }
      return all;
    };
    const Values want = counted("1", run).first;
    for (const char* room : {"1", "0"}) {
      const Setting planned("MIXNET_PLAN_BRANCHES", room);
      const auto [got, counts] = counted("3", run);
      CHECK(got == want);
      branched += counts.branched;
    }
  }
  CHECK(branched > 20);
}

TEST_CASE("gpu branches: room between them lets more steps run side by side, and takes little") {
  const Freely freely;
  const auto run = [](const char* room) {
    const Setting planned("MIXNET_PLAN_BRANCHES", room);
    int64_t bytes = 0;
    const GraphCounts counts = counted("4", [&] {
                                 const auto e = bound(inception(), {{"data", {2, 3, 16, 16}}}, GradRequest::null);
                                 for (int i = 0; i < 3; ++i) e->forward(false);
                                 bytes = e->memory(false).planned;
                                 Values all;
                                 add_values(*e, &all);
                                 return all;
                               }).second;
    return std::make_pair(counts, bytes);
  };
  const auto [tight, tight_bytes] = run("0");
  const auto [roomy, roomy_bytes] = run("1");
  CHECK(roomy.steps == tight.steps);
  CHECK(roomy.longest < tight.longest);
  CHECK(roomy_bytes >= tight_bytes);
  CHECK(roomy_bytes <= tight_bytes + std::max<int64_t>(4 << 20, tight_bytes / 10));
}

TEST_CASE("gpu branches: a step of a branch that cannot be captured runs by itself, and its errors are told") {
  const Freely freely;
  const Setting separate("MIXNET_FUSION", "0");
  // take tells of indices that are out of range.
  const auto run = [] {
    std::vector<Symbol> ends;
    for (int side = 0; side < 3; ++side) {
      Symbol x = apply("exp", {}, {apply("tanh", {}, {apply("sin", {}, {variable("data")})})});
      x = apply("square", {}, {apply("tanh", {}, {x})});
      if (side == 1) x = apply("take", {{"mode", "raise"}}, {x, variable("rows")});
      for (int i = 0; i < 3 + side; ++i) x = apply("cos", {}, {x});
      ends.push_back(x);
    }
    const auto e = bound(apply("add_n", {{"num_args", 3}}, ends), {{"data", {6, 4}}, {"rows", {6}}}, GradRequest::null);
    Values all;
    for (int step = 0; step < 7; ++step) {
      const std::vector<float> rows{0, 1, 2, static_cast<float>(step % 6), 4, step == 5 ? 6.f : 5.f};
      for (const NDArray& a : e->bound().arguments) {
        if (a.size() == 6) a.copy_from_host(rows.data(), 24);
        else fill(a, static_cast<uint32_t>(step), 1);
      }
      e->forward(false);
      if (step == 5) CHECK_THROWS_WITH_AS(e->outputs()[0].wait_to_read(), doctest::Contains("[take] indices"), Error);
      else all.push_back(values(e->outputs()[0]));
    }
    CHECK_THROWS_AS(engine().wait_all(), Error);
    return all;
  };
  const auto [want, alone] = counted("1", run);
  const auto [got, beside] = counted("4", run);
  CHECK(got == want);
  CHECK(alone.branched == 0);
  CHECK(beside.refused == 1);
  CHECK(beside.branched >= 1);
}

#if defined(MIXNET_GPU_EMULATED)
TEST_CASE("gpu branches: products of cuBLASLt side by side have workspaces of their own") {
  const gpu::Gemm g = [] {
    gpu::Gemm it;
    it.m = it.n = 24;
    it.k = it.lda = 96;  // deep enough for a workspace
    it.ldb = it.ldd = 24;
    return it;
  }();
  const Setting named("MIXNET_CUBLASLT", MIXNET_STAND_INS "/libcublaslt.so");
  gpu::CublasLt::Options options;
  options.workspace = 1 << 20;
  gpu::CublasLt lt(open_gpu_library({"cuBLASLt", "CUBLASLT", "libcublasLt.so.13", "cu13"}), options);
  StreamDevice& device = gpu_device(0);
  constexpr int count = Branches::most;
  NDArray a({24, 96}, DType::f32, gpu), b({96, 24}, DType::f32, gpu), d({1 + count, 24, 24}, DType::f32, gpu);
  fill(a, 1, 1);
  fill(b, 2, 1);
  fill(d, 3, 1);
  const auto at = [&](int i) {
    gpu::Gemm it = g;
    it.a = a.view().data;
    it.b = b.view().data;
    it.d = d.view().as<float>() + i * 24 * 24;
    return it;
  };
  const int64_t before = device.memory().free_bytes;
  // A workspace each; blocks that come from the system one by one have a bit more.
  const auto workspaces = [&] { return (before - device.memory().free_bytes) >> 20; };
  REQUIRE(lt.gemm(*device.stream(), DType::f32, at(0)));
  device.stream()->synchronize();
  CHECK(workspaces() == 1);
  const auto graph = device.capture_branches([&](Branches& branches) {
    for (int i = 0; i < count; ++i) {
      for (int k = 0; k < 3; ++k) REQUIRE(lt.gemm(branches.stream(i), DType::f32, at(1 + i)));
    }
  });
  CHECK(workspaces() == count);
  for (int launch = 0; launch < 10; ++launch) graph->launch(*device.stream());
  device.stream()->synchronize();
  const std::vector<float> all = values(d);
  for (size_t i = 0; i < 24 * 24; ++i) {
    for (size_t k = 1; k <= count; ++k) CHECK(all[k * 24 * 24 + i] == all[i]);
  }
}
#endif

}  // namespace mixnet::test
