// Plans on GPUs whose values lie with their channels last between layers: the numbers of plans that leave them second, conversions at the edges only,
// and which plans are so.
#include "op/core/gpu/channels_last.h"

#include "base/setting.h"
#include "bound_run.h"
#include "executor/step_graphs.h"
#if defined(MIXNET_STAND_INS)
#include "cudnn_stand_in.h"
#endif

namespace mixnet::test {
namespace {

using namespace bound_run;

const Shape image{2, 4, 9, 8};

Symbol pool(Symbol x, const Attributes& attributes, const char* name) {
  return apply("Pooling", attributes, {std::move(x)}, name);
}

// Everything that passes the layout on: convolutions with tails, pooling, sums, joins, BatchNorm by itself, pointwise operators, groups.
Symbol trunk() {
  Symbol x = apply("Activation", {{"act_type", "relu"}}, {conv(named("data"), 6, 3, "c1")}, "r1");
  x = pool(x, {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}, {"pool_type", "max"}}, "p1");
  const Symbol side = conv(x, 6, 1, "c2");
  x = apply("elemwise_add", {}, {conv(x, 6, 3, "c3"), side}, "s1");
  x = apply("Concat", {{"num_args", 3}},
            {x, side, pool(x, {{"kernel", Shape{3, 3}}, {"pad", Shape{1, 1}}, {"pool_type", "avg"}}, "p2")}, "j1");
  x = apply("BatchNorm", {{"fix_gamma", false}}, {x}, "n1");
  x = apply("softsign", {}, {x}, "q1");
  return apply("Convolution", {{"kernel", Shape{3, 3}}, {"num_filter", 4}, {"num_group", 2}, {"stride", Shape{2, 2}}},
               {x}, "c4");
}

Symbol net() {
  return apply("FullyConnected", {{"num_hidden", 3}},
               {pool(trunk(), {{"global_pool", true}, {"pool_type", "avg"}}, "p3")}, "f1");
}

Ran run_as(const char* layout, const Symbol& symbol, DType dtype, bool training = false) {
  const Setting setting("MIXNET_GPU_LAYOUT", layout);
  return run(symbol, on_gpu, dtype, training, {{"data", image}});
}

}  // namespace

TEST_CASE("gpu channels last: the layout") {
  const LayoutPtr l = gpu::channels_last({2, 4, 3, 5}, DType::f16);
  REQUIRE(l);
  CHECK(l->bytes() == 240);
  CHECK(l->gapless());
  CHECK(l->step(0) == 120);
  CHECK(l->step(1) == 2);
  CHECK(l->step(2) == 40);
  CHECK(l->step(3) == 8);
  CHECK(l->piece(0, 1) == 120);
  CHECK(l->piece(1, 2) == -1);
  CHECK(gpu::channels_last({1, 4, 3, 5}, DType::f16)->piece(2, 2) == 80);
  CHECK(l->same(*gpu::channels_last({2, 4, 3, 5}, DType::bf16)));
  CHECK_FALSE(l->same(*gpu::channels_last({2, 4, 5, 3}, DType::f16)));
  CHECK_FALSE(l->same(*gpu::channels_last({2, 4, 3, 5}, DType::f32)));
  CHECK(l->with_extent(1, 7)->same(*gpu::channels_last({2, 7, 3, 5}, DType::f16)));
  for (const Shape& plain : {Shape{2, 1, 3, 5}, Shape{2, 4, 1, 1}, Shape{2, 4}, Shape{0, 4, 3, 5}})
    CHECK_FALSE(gpu::channels_last(plain, DType::f32));
}

TEST_CASE("gpu channels last: a net computes the same, and converts what comes in alone") {
  const Setting one_by_one("MIXNET_GPU_GRAPHS", "0");
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    INFO(dtype_name(dtype));
    const Ran first = run_as("NCHW", net(), dtype);
    auto& conversions = gpu::channel_conversions();
    int64_t before = conversions;
    const Ran last = run_as("NHWC", net(), dtype);
    // In three runs the data; once the weights of three convolutions of which each window is larger than a pixel.
    CHECK(conversions - before == 3 + 3);
    check_same(last, first, dtype);
    check_same(last, run(net(), {}, dtype, false, {{"data", image}}), dtype);
    // The trunk alone gives its value to the outside.
    before = conversions;
    check_same(run_as("NHWC", trunk(), dtype), run_as("NCHW", trunk(), dtype), dtype);
    CHECK(conversions - before == 3 + 3 + 3);
  }
}

TEST_CASE("gpu channels last: captured steps, and weights that change") {
  const Setting setting("MIXNET_GPU_LAYOUT", "NHWC");
  const Freely freely;
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", image}};
  arguments.default_request = GradRequest::null;
  const auto executor = simple_bind(net(), on_gpu, arguments), reference = simple_bind(net(), {}, arguments);
  const int64_t launched = graph_counts().launched;
  for (uint32_t round = 0; round < 6; ++round) {
    // Weights change every other time.
    for (const auto& e : {executor, reference}) {
      for (size_t i = 0; i < e->bound().arguments.size(); ++i)
        fill(e->bound().arguments[i], static_cast<uint32_t>(i) + 1 + (i == 0 ? round : round / 2) * 100, 1);
      for (const NDArray& a : e->bound().states) fill(a, 7, 0);
      e->forward(false);
    }
    CHECK(difference(executor->outputs()[0], reference->outputs()[0]) < 1e-4);
  }
  CHECK(graph_counts().launched > launched);
}

TEST_CASE("gpu channels last: what readers cannot take so is converted for them") {
  const Symbol x = conv(named("data"), 6, 3, "c1");
  const Symbol symbols[] = {
      apply("transpose", {{"axes", Shape{0, 2, 3, 1}}}, {x}, "turned"),
      apply("Concat", {{"num_args", 2}, {"dim", 2}}, {x, conv(named("data"), 6, 1, "c2")}, "rows"),
      apply("Concat", {{"num_args", 2}}, {x, named("data")}, "with data"),
      apply("elemwise_add", {},
            {apply("Flatten", {}, {x}, "flat"), apply("Flatten", {}, {conv(x, 6, 3, "c2")}, "flat2")}, "sum"),
      pool(x, {{"kernel", Shape{2, 2}}, {"pool_type", "max"}}, "p"),
      apply("BatchNorm", {{"axis", 2}}, {pool(x, {{"kernel", Shape{2, 2}}, {"pool_type", "sum"}}, "p")}, "n"),
      apply("BatchNorm", {}, {pool(x, {{"kernel", Shape{2, 2}}, {"pool_type", "avg"}}, "p")}, "n"),
      apply("broadcast_mul", {}, {x, pool(x, {{"global_pool", true}, {"pool_type", "avg"}}, "p")}, "excited"),
  };
  for (const Symbol& symbol : symbols) {
    const Ran last = run_as("NHWC", symbol, DType::f32);
    INFO(last.steps);
    check_same(last, run_as("NCHW", symbol, DType::f32), DType::f32);
    check_same(last, run(symbol, {}, DType::f32, false, {{"data", image}}), DType::f32);
  }
}

TEST_CASE("gpu channels last: training steps compute the same where it is asked for") {
  for (const DType dtype : {DType::f32, DType::f16})
    check_same(run_as("NHWC", net(), dtype, true), run_as("NCHW", net(), dtype, true), dtype);
}

TEST_CASE("gpu channels last: the setting") {
  CHECK(gpu::layout_wish() == gpu::LayoutWish::as_fits);
  const Setting wrong("MIXNET_GPU_LAYOUT", "NWHC");
  CHECK_THROWS_WITH_AS(gpu::layout_wish(), "[environment] MIXNET_GPU_LAYOUT: expected NCHW or NHWC, got 'NWHC'", Error);
}

#if defined(MIXNET_STAND_INS)
TEST_CASE("gpu channels last: predictions that cuDNN computes on tensor cores, and no others") {
  const cudnn_stand_in::StandIn library;
  const auto step = [&](const Symbol& symbol, DType dtype, bool training = false) {
    const int64_t runs = gpu::cudnn_counts().runs;
    run(symbol, on_gpu, dtype, training, {{"data", image}});
    CHECK(gpu::cudnn_counts().runs > runs);
    return library.channel_step();
  };
  const Symbol symbol = conv(named("data"), 6, 3, "c1");
  const int64_t pixels = 9 * 8;
  CHECK(step(symbol, DType::f16) == 1);
  CHECK(step(symbol, DType::bf16) == 1);
  CHECK(step(symbol, DType::f32) == pixels);
  CHECK(step(symbol, DType::f64) == pixels);
  CHECK(step(symbol, DType::f16, true) == pixels);
  {
    const Setting tf32("MIXNET_GPU_TF32", "1");
    CHECK(step(symbol, DType::f32) == 1);
  }
  {
    const Setting first("MIXNET_GPU_LAYOUT", "NCHW");
    CHECK(step(symbol, DType::f16) == pixels);
  }
  check_same(run(net(), on_gpu, DType::f16, false, {{"data", image}}),
             run(net(), {}, DType::f16, false, {{"data", image}}), DType::f16);
  // Where cuDNN has nothing for it, nothing is converted.
  gpu::cudnn::reopen();
  library.refuse(2);
  const int64_t before = gpu::channel_conversions();
  run(symbol, on_gpu, DType::f16, false, {{"data", image}});
  CHECK(gpu::channel_conversions() == before);
}
#endif

}  // namespace mixnet::test
