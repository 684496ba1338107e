// Attention on GPUs: in bound graphs as one node, of whatever operators it was written; by cuDNN where that takes it; against the same graph
// operator by operator, and against the CPU.
#include <doctest/doctest.h>

#include <limits>
#include <optional>

#include "base/setting.h"
#include "bound_run.h"
#include "executor/invoke.h"
#include "executor/step_graphs.h"
#include "op/core/gpu/cudnn.h"
#include "op/core/gpu/cudnn_attention.h"
#if defined(MIXNET_STAND_INS)
#include "cudnn_stand_in.h"
#endif

namespace mixnet::test {
namespace {

using namespace bound_run;
using Shapes = std::vector<std::pair<std::string, Shape>>;

constexpr int64_t batch = 2, heads = 3, queries = 5, keys = 7, depth = 8, width = 16;

bool joined(const Ran& ran) { return ran.steps.find("attention") != std::string::npos; }

// As one node on the GPU or not, the numbers are those of the operators one by one; whether it was one node.
bool check(const Symbol& symbol, DType dtype, const Shapes& shapes, bool training = false) {
  const Ran got = run(symbol, on_gpu, dtype, training, shapes);
  INFO(got.steps);
  const Setting apart("MIXNET_ATTENTION", "0");
  const Ran each = run(symbol, on_gpu, dtype, training, shapes);
  CHECK_FALSE(joined(each));
  check_same(got, each, dtype);
  check_same(got, run(symbol, {}, dtype, training, shapes), dtype);
  return joined(got);
}

Symbol scaled(Symbol x, double by) { return apply("_mul_scalar", {{"scalar", by}}, {std::move(x)}, "scaled"); }
Symbol softmax(Symbol x) { return apply("softmax", {}, {std::move(x)}, "softmax"); }
Symbol reshape(Symbol x, const Shape& to, const char* name) {
  return apply("Reshape", {{"shape", to}}, {std::move(x)}, name);
}

Symbol scores() { return apply("batch_dot", {{"transpose_b", true}}, {named("q"), named("k")}, "scores"); }
Symbol weighted(Symbol probabilities) { return apply("batch_dot", {}, {std::move(probabilities), named("v")}, "y"); }
const Shapes operands{
    {"q", {batch * heads, queries, depth}}, {"k", {batch * heads, keys, depth}}, {"v", {batch * heads, keys, width}}};

Shapes with(Shapes shapes, const char* name, const Shape& shape) {
  shapes.emplace_back(name, shape);
  return shapes;
}

// With items and heads apart, where the mask of a batch is added.
Symbol masked() {
  const Symbol apart = reshape(scaled(scores(), 0.4), {batch, heads, queries, keys}, "apart");
  return apply("broadcast_add", {}, {apart, named("mask")}, "sum");
}
Symbol of_masked() { return weighted(reshape(softmax(masked()), {batch * heads, queries, keys}, "together")); }

Symbol interleaved(const char* kind, std::vector<Symbol> inputs, const char* name) {
  return apply(("_contrib_interleaved_matmul_" + std::string(kind)).c_str(), {{"heads", heads}}, std::move(inputs),
               name);
}
Symbol self_attention() {
  const Symbol projected = named("x");
  const Symbol dropped = apply("Dropout", {}, {softmax(interleaved("selfatt_qk", {projected}, "scores"))}, "dropped");
  return interleaved("selfatt_valatt", {projected, dropped}, "y");
}
Symbol cross_attention(bool with_mask) {
  const Symbol projected = named("kv");
  Symbol x = scaled(interleaved("encdec_qk", {named("q"), projected}, "scores"), 0.5);
  if (with_mask) x = apply("broadcast_add", {}, {named("mask"), x}, "sum");
  return interleaved("encdec_valatt", {projected, softmax(x)}, "y");
}
const Shapes projections{{"x", {queries, batch, heads * 3 * depth}}};
const Shapes pairs{{"q", {queries, batch, heads* depth}}, {"kv", {keys, batch, heads * 2 * depth}}};

}  // namespace

TEST_CASE("gpu attention: products around a softmax are one node") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(check(weighted(softmax(scores())), dtype, operands));
    CHECK(check(weighted(softmax(scaled(scores(), 0.3))), dtype, operands));
    CHECK(check(weighted(apply("softmax", {{"temperature", 2.0}, {"axis", 2}}, {scores()}, "warm")), dtype, operands));
    CHECK(check(weighted(apply("Dropout", {{"p", 0.3}}, {softmax(scores())}, "dropped")), dtype, operands));
    for (const Shape& mask : {Shape{batch, heads, queries, keys}, {batch, 1, 1, keys}, {1, 1, queries, keys}})
      CHECK(check(of_masked(), dtype, with(operands, "mask", mask)));
    const Symbol one_mask = weighted(softmax(apply("broadcast_add", {}, {scores(), named("mask")}, "sum")));
    CHECK(check(one_mask, dtype, with(operands, "mask", {1, queries, keys})));
    CHECK(check(one_mask, dtype, with(operands, "mask", {batch * heads, 1, keys})));
    const Shapes four{
        {"q", {batch, heads, queries, depth}}, {"k", {batch, heads, keys, depth}}, {"v", {batch, heads, keys, width}}};
    CHECK(check(weighted(softmax(scores())), dtype, four));
    CHECK(check(one_mask, dtype, with(four, "mask", {batch, 1, 1, keys})));
  }
}

TEST_CASE("gpu attention: interleaved projections are read where they lie") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(check(self_attention(), dtype, projections));
    CHECK(check(cross_attention(false), dtype, pairs));
    CHECK(check(cross_attention(true), dtype, with(pairs, "mask", {batch * heads, queries, keys})));
    CHECK(check(cross_attention(true), dtype, with(pairs, "mask", {1, 1, keys})));
  }
}

// No cuDNN, whatever the environment names.
class WithoutCudnn {
 public:
  WithoutCudnn() { gpu::cudnn::reopen(); }
  ~WithoutCudnn() {
    none_.reset();
    gpu::cudnn::reopen();
  }

 private:
  std::optional<Setting> none_{std::in_place, "MIXNET_CUDNN", "0"};
};

TEST_CASE("gpu attention: what is none stays apart") {
  const auto apart = [](const Symbol& symbol, const Shapes& shapes, bool training = false) {
    return !check(symbol, DType::f32, shapes, training);
  };
  const Symbol product = scores(), probabilities = softmax(product);
  CHECK(apart(Symbol({weighted(probabilities).outputs()[0], probabilities.outputs()[0]}), operands));
  CHECK(apart(apply("broadcast_mul", {}, {weighted(softmax(product)), apply("sum", {}, {product}, "all")}, "both"),
              operands));
  CHECK(apart(weighted(apply("softmax", {{"axis", 1}}, {scores()}, "over queries")), operands));
  CHECK(apart(weighted(scaled(softmax(scores()), 0.5)), operands));
  CHECK(apart(weighted(apply("softmin", {}, {scores()}, "least")), operands));
  CHECK(apart(weighted(softmax(scaled(apply("broadcast_add", {}, {scores(), named("mask")}, "sum"), 0.5))),
              with(operands, "mask", {1, queries, keys})));
  CHECK(apart(weighted(reshape(softmax(reshape(scores(), {batch * heads, keys, queries}, "other")),
                               {batch * heads, queries, keys}, "back")),
              operands));
  const Symbol others =
      interleaved("selfatt_valatt", {named("z"), softmax(interleaved("selfatt_qk", {named("x")}, "scores"))}, "y");
  CHECK(apart(others, with(projections, "z", projections[0].second)));
  CHECK(apart(weighted(softmax(scores())), operands, true));
  for (const char* setting : {"MIXNET_FUSION", "MIXNET_GPU_FUSION"}) {
    const Setting off(setting, "0");
    CHECK(apart(weighted(softmax(scores())), operands));
  }
}

TEST_CASE("gpu attention: 16-bit operands are left to two products where no library takes the whole") {
  const WithoutCudnn without;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    CHECK_FALSE(check(weighted(softmax(scores())), dtype, operands));
    CHECK_FALSE(check(self_attention(), dtype, projections));
  }
}

#if defined(MIXNET_STAND_INS)
Symbol cast(Symbol x, DType to, const char* name) { return apply("Cast", {{"dtype", to}}, {std::move(x)}, name); }

TEST_CASE("gpu attention: cuDNN computes 16-bit operands, as a part of a graph too") {
  const cudnn_stand_in::StandIn library;
  const gpu::AttentionCounts& counts = gpu::attention_counts();
  for (const DType dtype : {DType::f16, DType::bf16}) {
    INFO(dtype_name(dtype));
    const Freely freely;
    const int64_t runs = counts.runs, launched = graph_counts().launched;
    const Symbol twice =
        apply("Activation", {{"act_type", "relu"}}, {weighted(softmax(scaled(scores(), 0.3)))}, "relu");
    CHECK(check(twice, dtype, operands));
    const int64_t made = counts.made;
    CHECK(check(weighted(softmax(scaled(scores(), 0.9))), dtype, operands));
    CHECK(counts.made == made);
    CHECK(counts.runs > runs);
    CHECK(graph_counts().launched > launched);
    CHECK(library.operations() == 10);
    for (const Shape& mask : {Shape{batch, heads, queries, keys}, {batch, 1, 1, keys}, {1, 1, queries, keys}})
      CHECK(check(of_masked(), dtype, with(operands, "mask", mask)));
    CHECK(library.operations() == 11);
    CHECK(check(self_attention(), dtype, projections));
    CHECK(check(cross_attention(false), dtype, pairs));
    CHECK(check(cross_attention(true), dtype, with(pairs, "mask", {batch * heads, queries, keys})));
  }
}

TEST_CASE("gpu attention: softmax in float32 between 16-bit products, as AMP has it") {
  const cudnn_stand_in::StandIn library;
  const Symbol wide = cast(scores(), DType::f32, "wider");
  const Symbol symbol = weighted(cast(softmax(scaled(wide, 0.3)), DType::f16, "narrower"));
  CHECK(check(symbol, DType::f16, operands));
  const Symbol mask = cast(named("mask"), DType::f32, "wider mask");
  const Symbol sum = apply("broadcast_add", {}, {wide, mask}, "sum");
  CHECK(check(weighted(cast(softmax(sum), DType::f16, "narrower")), DType::f16,
              with(operands, "mask", {1, queries, keys})));
}

TEST_CASE("gpu attention: a second product in float32, as AMP has it, whose result becomes 16 bits again") {
  const cudnn_stand_in::StandIn library;
  const auto amp = [](const Symbol& values, bool narrowed) {
    const Symbol probabilities = softmax(cast(scores(), DType::f32, "wider"));
    const Symbol both = apply("amp_multicast", {{"num_outputs", 2}}, {values, probabilities}, "both");
    const Symbol y = apply("batch_dot", {}, {Symbol({both.outputs()[1]}), Symbol({both.outputs()[0]})}, "y");
    const Symbol moved = apply("transpose", {{"axes", Shape{1, 0, 2}}}, {y}, "moved");
    return narrowed ? cast(moved, DType::f16, "narrower") : moved;
  };
  CHECK(check(amp(named("v"), true), DType::f16, operands));
  CHECK_FALSE(check(amp(named("v"), false), DType::f16, operands));
  const Symbol projected = named("x"), wide = apply("amp_cast", {{"dtype", DType::f32}}, {projected}, "wide");
  const Symbol probabilities = softmax(cast(interleaved("selfatt_qk", {projected}, "scores"), DType::f32, "wider"));
  const Symbol y = cast(interleaved("selfatt_valatt", {wide, probabilities}, "y"), DType::f16, "narrower");
  CHECK(check(y, DType::f16, projections));
  CHECK(run(y, on_gpu, DType::f16, false, projections).num_steps() == 1);
}

TEST_CASE("gpu attention: what cuDNN refuses is the graph's own operators again") {
  const cudnn_stand_in::StandIn library;
  const gpu::AttentionCounts& counts = gpu::attention_counts();
  const int64_t runs = counts.runs;
  // Rows of 12 numbers do not begin at multiples of 16 bytes.
  CHECK_FALSE(check(weighted(softmax(scores())), DType::f16, {{"q", {2, 3, 12}}, {"k", {2, 4, 12}}, {"v", {2, 4, 8}}}));
  for (const int what : {1, 2}) {
    library.refuse(what);
    CHECK_FALSE(
        check(weighted(softmax(scores())), DType::f16, {{"q", {2, 3 + what, 8}}, {"k", {2, 4, 8}}, {"v", {2, 4, 8}}}));
  }
  CHECK(counts.runs == runs);
  // An error of another kind is told.
  library.refuse(4);
  CHECK_THROWS_WITH(run(weighted(softmax(scores())), on_gpu, DType::f16, false,
                        {{"q", {2, 9, 8}}, {"k", {2, 4, 8}}, {"v", {2, 4, 8}}}),
                    "[gpu] cuDNN, heuristics: CUDNN_STATUS_INTERNAL_ERROR");
}

TEST_CASE("gpu attention: the operator itself and its gradients") {
  const cudnn_stand_in::StandIn library;
  const gpu::AttentionCounts& counts = gpu::attention_counts();
  const Shapes four{
      {"q", {batch, heads, queries, depth}}, {"k", {batch, heads, keys, depth}}, {"v", {batch, heads, keys, width}}};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const bool causal : {false, true}) {
      const Symbol symbol =
          apply("_contrib_sdp_attention", {{"causal", causal}}, {named("q"), named("k"), named("v")}, "y");
      const int64_t runs = counts.runs;
      const Ran got = run(symbol, on_gpu, dtype, true, four);
      CHECK(counts.runs == runs + 2 * 3);
      CHECK(library.operations() == (causal ? 20 : 16));
      check_same(got, run(symbol, {}, dtype, true, four), dtype);
    }
  }
}

TEST_CASE("gpu attention: odd addresses are copied, and queries that see nothing give 0 and get none") {
  const cudnn_stand_in::StandIn library;
  const OpSchema &op = registry().at("_contrib_sdp_attention"),
                 &back = registry().at("_backward_contrib_sdp_attention");
  const auto params = op.make_params({{"use_mask", true}}), back_params = back.make_params({{"use_mask", true}});
  const std::vector<Shape> shapes{{1, 2, 3, 8}, {1, 2, 4, 8}, {1, 2, 4, 8}, {1, 1, 3, 4}};
  std::vector<Tensor> host;
  for (const Shape& s : shapes) host.push_back(random_tensor(s, DType::f16, -1, 1, host.size() + 1));
  // The second query sees no key, the third one.
  for (int64_t k = 4; k < 11; ++k) host[3].set(k, -std::numeric_limits<double>::infinity());
  const auto result = [&](DeviceId device, int64_t odd) {
    std::vector<NDArray> in, out;
    for (Tensor& t : host) {
      const NDArray all({t.size() + odd}, DType::f16, device);
      in.push_back(all.slice(odd, t.size() + odd).reshape(t.shape()));
      in.back().copy_from_host(t.view().data, in.back().bytes());
    }
    InvokeOptions options;
    options.device = device;
    invoke(op, params, in, out, options);
    std::vector<NDArray> grads;
    // The gradient of the results is the queries.
    invoke(back, back_params, std::vector<NDArray>{in[0], in[0], in[1], in[2], out.at(0), out.at(1), in[3]}, grads,
           options);
    std::vector<double> values;
    for (const NDArray& a : {out[0], grads.at(0), grads.at(1), grads.at(2)}) {
      Tensor t(a.shape(), DType::f16);
      a.copy_to_host(t.view().data, a.bytes());
      for (double value : t.values()) values.push_back(value);
    }
    return values;
  };
  const auto want = result({}, 0);
  for (const int64_t odd : {0, 3}) {
    const int64_t runs = gpu::attention_counts().runs;
    const auto got = result(on_gpu, odd);
    CHECK(gpu::attention_counts().runs == runs + 2);
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < got.size(); ++i) CHECK(std::fabs(got[i] - want[i]) <= 4e-3);
    for (size_t i = 8; i < 16; ++i) CHECK(got[i] == 0);
  }
}

TEST_CASE("gpu attention: nothing is kept of what cuDNN is told per run") {
  const cudnn_stand_in::StandIn library;
  const Symbol symbol = weighted(softmax(scores()));
  run(symbol, on_gpu, DType::f16, false, operands);
  const int64_t live = library.live();
  run(symbol, on_gpu, DType::f16, false, operands);
  CHECK(library.live() == live);
}
#endif

}  // namespace mixnet::test
