// Convolutions in bound graphs on GPUs, with the sum and the activation behind them as one node: the numbers of the graph without, in predictions
// and in training steps; and what is no such tail is left alone.
#include <doctest/doctest.h>

#include "base/setting.h"
#include "bound_run.h"
#include "executor/step_graphs.h"
#if defined(MIXNET_STAND_INS)
#include "cudnn_stand_in.h"
#endif

namespace mixnet::test {
namespace {

using namespace bound_run;

// As one node on the GPU, against the CPU and against the GPU's nodes one by one.
Ran check(const Symbol& symbol, DType dtype, bool training, const std::vector<std::pair<std::string, Shape>>& shapes) {
  const Ran got = run(symbol, on_gpu, dtype, training, shapes);
  INFO(got.steps);
  const Setting alone("MIXNET_FUSION", "0");
  check_same(got, run(symbol, on_gpu, dtype, training, shapes), dtype);
  check_same(got, run(symbol, {}, dtype, training, shapes), dtype);
  return got;
}

Symbol layer(bool bias, int64_t groups, const std::string& name = "conv") {
  return apply(
      "Convolution",
      {{"kernel", Shape{3, 3}}, {"pad", Shape{1, 1}}, {"num_filter", 4}, {"num_group", groups}, {"no_bias", !bias}},
      {named("data")}, name);
}

Symbol curved(const std::string& curve, Symbol x) {
  if (curve.empty()) return x;
  if (curve == "relu6") return apply("clip", {{"a_min", 0.0}, {"a_max", 0.75}}, {std::move(x)}, "act");
  if (curve == "plain relu") return apply("relu", {}, {std::move(x)}, "act");
  return apply("Activation", {{"act_type", curve}}, {std::move(x)}, "act");
}

const Shape image{2, 4, 6, 5};

}  // namespace

TEST_CASE("gpu tails: a convolution, the sum with a shortcut and an activation are one node") {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    for (const char* curve : {"", "relu", "plain relu", "relu6", "sigmoid", "tanh"}) {
      for (const int64_t groups : {1, 2}) {
        for (const bool bias : {false, true}) {
          for (const bool shortcut : {false, true}) {
            Symbol x = layer(bias, groups);
            std::vector<std::pair<std::string, Shape>> shapes{{"data", image}};
            if (shortcut) {
              x = apply(
                  "elemwise_add", {},
                  groups == 1 ? std::vector<Symbol>{x, named("shortcut")} : std::vector<Symbol>{named("shortcut"), x},
                  "sum");
              shapes.emplace_back("shortcut", image);
            }
            INFO(dtype_name(dtype), " ", curve, " groups ", groups, " bias ", bias, " shortcut ", shortcut);
            CHECK(check(curved(curve, x), dtype, false, shapes).num_steps() == 1);
          }
        }
      }
    }
  }
}

TEST_CASE("gpu tails: a layer of a training step takes its activation along") {
  for (const DType dtype : {DType::f32, DType::f16}) {
    const Symbol symbol = curved("relu", layer(true, 1));
    const Ran together = check(symbol, dtype, true, {{"data", image}});
    const Setting off("MIXNET_GPU_FUSION", "0");
    const Ran apart = run(symbol, on_gpu, dtype, true, {{"data", image}});
    CHECK(together.num_steps() + 1 == apart.num_steps());
    check_same(together, apart, dtype);
  }
}

TEST_CASE("gpu tails: blocks of residual networks with their BatchNorm folded, captured") {
  auto block = [](Symbol x, const std::string& n) {
    Symbol y = conv(x, 4, 3, n + "a", false);
    y = apply("BatchNorm", {{"fix_gamma", false}}, {y}, n + "an");
    y = apply("Activation", {{"act_type", "relu"}}, {y}, n + "ar");
    y = conv(y, 4, 3, n + "b", false);
    y = apply("BatchNorm", {{"fix_gamma", false}}, {y}, n + "bn");
    y = apply("elemwise_add", {}, {y, x}, n + "s");
    return apply("Activation", {{"act_type", "relu"}}, {y}, n + "r");
  };
  const Symbol net = block(block(named("data"), "one"), "two");
  for (const DType dtype : {DType::f32, DType::f16}) {
    const Freely freely;
    const int64_t launched = graph_counts().launched;
    CHECK(run(net, on_gpu, dtype, false, {{"data", image}}).num_steps() == 4);
    CHECK(graph_counts().launched > launched);
    check(net, dtype, false, {{"data", image}});
  }
}

TEST_CASE("gpu tails: what is none stays alone") {
  const Symbol x = layer(true, 1);
  const std::vector<std::pair<std::string, Shape>> shapes{{"data", image}};
  auto alone = [&](const Symbol& symbol) { return check(symbol, DType::f32, false, shapes).alone(); };
  CHECK(alone(apply("clip", {{"a_min", -0.5}, {"a_max", 0.5}}, {x}, "limits")));
  CHECK(alone(curved("softsign", x)));
  CHECK(alone(apply("elemwise_add", {}, {x, x}, "twice")));
  CHECK(alone(apply("elemwise_mul", {}, {curved("relu", x), x}, "product")));
  CHECK_FALSE(alone(curved("relu", x)));
  CHECK(check(apply("tanh", {}, {curved("sigmoid", x)}, "second"), DType::f32, false, shapes).num_steps() == 2);
  // Only one sum.
  const Symbol sum = apply("elemwise_add", {}, {x, named("data")}, "sum");
  CHECK(check(apply("elemwise_add", {}, {sum, named("more")}, "another"), DType::f32, false,
              {{"data", image}, {"more", image}})
            .num_steps() == 2);
  const Setting off("MIXNET_GPU_FUSION", "0");
  CHECK(alone(curved("relu", x)));
}

#if defined(MIXNET_STAND_INS)
TEST_CASE("gpu tails: the whole node is one graph of cuDNN") {
  const cudnn_stand_in::StandIn library;
  const Symbol first = curved("sigmoid", layer(true, 1));
  const Symbol symbol = curved("relu", apply("elemwise_add", {}, {conv(first, 4, 3, "second"), named("data")}, "sum"));
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    const Freely freely;
    const int64_t runs = gpu::cudnn_counts().runs, launched = graph_counts().launched;
    CHECK(run(symbol, on_gpu, dtype, false, {{"data", image}}).num_steps() == 2);
    CHECK(gpu::cudnn_counts().runs > runs);
    CHECK(graph_counts().launched > launched);
    CHECK(library.operations() == 4);
    check(symbol, dtype, false, {{"data", image}});
  }
}
#endif

}  // namespace mixnet::test
