// Training steps on GPUs whose values lie with their channels last between layers: the numbers of steps that leave them second, and conversions at the edges only.
#include "base/setting.h"
#include "bound_run.h"
#include "op/core/gpu/channels_last.h"
#if defined(MIXNET_STAND_INS)
#include "cudnn_stand_in.h"
#endif

namespace mixnet::test {
namespace {

using namespace bound_run;

const std::vector<std::pair<std::string, Shape>> image{{"data", {3, 4, 9, 8}}};

Symbol relu(Symbol x) { return apply("Activation", {{"act_type", "relu"}}, {std::move(x)}); }
Symbol normal(Symbol x, const std::string& name) {
  return apply("BatchNorm", {{"fix_gamma", false}}, {std::move(x)}, name);
}
Symbol pool(Symbol x, const char* type, int64_t kernel, int64_t stride) {
  return apply("Pooling",
               {{"kernel", Shape{kernel, kernel}},
                {"stride", Shape{stride, stride}},
                {"pad", Shape{kernel / 2, kernel / 2}},
                {"pool_type", type}},
               {std::move(x)});
}
Symbol classes(Symbol x) {
  x = apply("Pooling", {{"global_pool", true}, {"pool_type", "avg"}}, {std::move(x)}, "global");
  return apply("FullyConnected", {{"num_hidden", 3}}, {apply("Flatten", {}, {x})}, "classes");
}

// A block with a projection and one without, as ResNets have them.
Symbol residual_net() {
  Symbol x = pool(relu(normal(conv(named("data"), 8, 3, "c0", false), "n0")), "max", 3, 2);
  Symbol y = relu(normal(conv(x, 4, 1, "c1", false), "n1"));
  y = normal(conv(y, 16, 3, "c2", false), "n2");
  x = relu(apply("elemwise_add", {}, {y, normal(conv(x, 16, 1, "c3", false), "n3")}));
  y = normal(conv(x, 16, 3, "c4", false), "n4");
  return classes(relu(apply("elemwise_add", {}, {y, x})));
}

// Branches that are joined, some with a bias and no BatchNorm.
Symbol branched_net() {
  const Symbol x = relu(normal(conv(named("data"), 8, 3, "c0"), "n0"));
  const Symbol a = relu(normal(conv(x, 8, 1, "c1"), "n1")), b = relu(conv(x, 5, 3, "c2")),
               c = conv(pool(x, "avg", 3, 1), 3, 1, "c3");
  const Symbol joined = apply("Concat", {{"num_args", 3}}, {a, b, c});
  return classes(relu(normal(conv(pool(joined, "max", 3, 2), 8, 1, "c4", false), "n4")));
}

struct Net {
  const char* name;
  Symbol symbol;
  int64_t windows;  // convolutions whose windows are larger than a pixel
  // A step converts the data for the first convolution and for its weights' gradient, and the data's own gradient; weights of such windows forward, again
  // backward, and their gradients.
  int64_t conversions() const { return 3 + 3 * windows; }
};
std::vector<Net> nets() { return {{"residual", residual_net(), 3}, {"branched", branched_net(), 2}}; }

Ran train(const Symbol& symbol, const char* layout, DType dtype) {
  const Setting setting("MIXNET_GPU_LAYOUT", layout);
  return run(symbol, on_gpu, dtype, true, image);
}

// Of the three steps of a run.
void check_training(const Net& net, const char* layout, DType dtype) {
  INFO(net.name, " ", dtype_name(dtype));
  const Setting one_by_one("MIXNET_GPU_GRAPHS", "0");
  const Ran first = train(net.symbol, "NCHW", dtype);
  const int64_t before = gpu::channel_conversions();
  const Ran last = train(net.symbol, layout, dtype);
  CHECK(gpu::channel_conversions() - before == 3 * net.conversions());
  check_same(last, first, dtype);
}

}  // namespace

TEST_CASE("gpu channels last: training steps convert at the edges alone, and compute the same") {
  for (const Net& net : nets()) {
    for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) check_training(net, "NHWC", dtype);
    check_same(train(net.symbol, "NHWC", DType::f32), run(net.symbol, {}, DType::f32, true, image), DType::f32);
    check_same(train(net.symbol, "NHWC", DType::f64), run(net.symbol, {}, DType::f64, true, image), DType::f64);
  }
}

TEST_CASE("gpu channels last: captured training steps") {
  const Freely freely;
  for (const Net& net : nets())
    check_same(train(net.symbol, "NHWC", DType::f32), run(net.symbol, {}, DType::f32, true, image), DType::f32);
}

TEST_CASE("gpu channels last: readers in training that cannot take them so") {
  const Symbol x = conv(named("data"), 6, 3, "c1"), y = normal(x, "n1");
  const Symbol symbols[] = {
      apply("transpose", {{"axes", Shape{0, 2, 3, 1}}}, {y}, "turned"),
      apply("elemwise_mul", {}, {y, named("scale")}, "scaled"),
      apply("BatchNorm", {{"axis", 2}}, {y}, "rows"),
      normal(pool(normal(named("data"), "n0"), "max", 3, 2), "n2"),
      apply("elemwise_add", {}, {conv(normal(named("data"), "n0"), 6, 3, "c2"), apply("LRN", {{"nsize", 3}}, {y})}),
      apply("_contrib_BatchNormWithReLU", {{"fix_gamma", false}}, {x}, "both"),
      apply("_contrib_SyncBatchNorm", {{"key", "k"}}, {x}, "sync"),
      apply("BatchNorm", {{"use_global_stats", true}, {"fix_gamma", false}}, {x}, "fixed"),
      apply("Concat", {{"num_args", 2}}, {y, named("data")}, "with data"),
      apply("Concat", {{"num_args", 2}, {"dim", 2}}, {y, conv(named("data"), 6, 1, "c2")}, "rows"),
      apply("Concat", {{"num_args", 2}}, {conv(y, 1, 1, "one"), y}, "with one"),
      pool(y, "sum", 2, 2),
      apply("Pooling", {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pool_type", "lp"}, {"p_value", 2}}, {y},
            "lp"),
      apply("Pooling", {{"global_pool", true}, {"pool_type", "max"}}, {y}, "most"),
      apply("broadcast_mul", {}, {y, apply("Pooling", {{"global_pool", true}, {"pool_type", "avg"}}, {y})}, "excited"),
  };
  for (const Symbol& symbol : symbols) {
    const Ran last = train(symbol, "NHWC", DType::f64);
    INFO(last.steps);
    check_same(last, train(symbol, "NCHW", DType::f64), DType::f64);
    check_same(last, run(symbol, {}, DType::f64, true, image), DType::f64);
  }
}

#if defined(MIXNET_STAND_INS)
TEST_CASE("gpu channels last: training on tensor cores by cuDNN") {
  const cudnn_stand_in::StandIn library;
  const Setting one_by_one("MIXNET_GPU_GRAPHS", "0");
  for (const Net& net : nets()) {
    // Nobody asks for it: float32 has its channels second then, and nothing is converted.
    const int64_t before = gpu::channel_conversions();
    check_same(train(net.symbol, "", DType::f32), train(net.symbol, "NCHW", DType::f32), DType::f32);
    CHECK(gpu::channel_conversions() == before);
    const Setting tf32("MIXNET_GPU_TF32", "1");
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      const int64_t runs = gpu::cudnn_counts().runs;
      check_training(net, "", dtype);
      check_training(net, "NHWC", dtype);
      CHECK(gpu::cudnn_counts().runs > runs);
      CHECK(library.channel_step() == 1);
    }
  }
}

TEST_CASE("gpu channels last: a layer whose neighbours are not so trains with its channels second") {
  const cudnn_stand_in::StandIn library;
  const int64_t before = gpu::channel_conversions();
  const Symbol symbol = apply("transpose", {{"axes", Shape{0, 2, 3, 1}}}, {conv(named("data"), 6, 3, "c1")}, "turned");
  check_same(train(symbol, "", DType::f16), train(symbol, "NCHW", DType::f16), DType::f16);
  CHECK(gpu::channel_conversions() == before);
  CHECK(library.channel_step() == 9 * 8);
}
#endif

}  // namespace mixnet::test
