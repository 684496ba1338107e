// BatchNorm with what follows it as one node in training steps on GPUs: which are joined, and that they compute what they compute one by one.
#include "base/setting.h"
#include "bound_run.h"

namespace mixnet::test {
namespace {

using namespace bound_run;

const std::vector<std::pair<std::string, Shape>> data{{"data", {5, 3, 6, 7}}};

Symbol act(Symbol x, const char* type = "relu") {
  return apply("Activation", {{"act_type", type}}, {std::move(x)}, std::string("a") + type);
}
Symbol add(Symbol x, Symbol y) { return apply("elemwise_add", {}, {std::move(x), std::move(y)}, "s"); }
Symbol norm(Symbol x, const std::string& name = "n", bool fix_gamma = false) {
  return apply("BatchNorm", {{"fix_gamma", fix_gamma}}, {std::move(x)}, name);
}

int64_t count(const Ran& ran, const std::string& op) {
  int64_t n = 0;
  for (size_t at = 0; (at = ran.steps.find(op + " ", at)) != std::string::npos; at += op.size()) ++n;
  return n;
}

struct Joined {
  Symbol symbol;
  int64_t relus, sums, gradients;
};

void check(const Joined& c, DType dtype, const char* layout = "") {
  const Setting last("MIXNET_GPU_LAYOUT", layout);
  Ran joined = run(c.symbol, on_gpu, dtype, true, data);
  INFO(joined.steps);
  CHECK(count(joined, "_contrib_BatchNormWithReLU") == c.relus);
  CHECK(count(joined, "_batch_norm_add_relu") == c.sums);
  CHECK(count(joined, "_backward_batch_norm_relu") == c.gradients);
  const Setting off("MIXNET_GPU_FUSION", "0");
  Ran apart = run(c.symbol, on_gpu, dtype, true, data);
  CHECK(count(apart, "_backward_batch_norm_relu") == 0);
  CHECK(count(apart, "_batch_norm_add_relu") == 0);
  if (dtype_size(dtype) == 2) {
    // What is rounded to 16 bits before relu may be rounded to 0, where relu's gradient jumps.
    for (Ran* ran : {&joined, &apart}) ran->values.resize(c.symbol.outputs().size());
  }
  check_same(joined, apart, dtype);
  if (dtype == DType::f64) check_same(joined, run(c.symbol, {}, dtype, true, data), dtype);
}

}  // namespace

TEST_CASE("gpu norm tails: relu, and a sum before it") {
  const Symbol x = conv(named("data"), 8, 3, "c", false), y = act(x, "tanh");
  const Joined cases[] = {
      {conv(act(norm(x)), 4, 1, "d"), 1, 0, 1},
      {conv(act(norm(x, "n", true)), 4, 1, "d"), 1, 0, 1},
      {act(norm(x)), 1, 0, 1},
      {conv(act(add(norm(y), y)), 4, 1, "d"), 0, 1, 0},
      {conv(act(add(y, norm(y))), 4, 1, "d"), 0, 1, 0},
      // Of two only one goes along.
      {act(add(norm(y, "n1"), norm(y, "n2"))), 0, 1, 0},
      {act(apply("BatchNorm", {{"use_global_stats", true}, {"fix_gamma", false}}, {x}, "n")), 1, 0, 1},
      {act(apply("BatchNorm", {{"axis", 2}, {"fix_gamma", false}}, {x}, "n")), 1, 0, 1},
      {act(add(act(norm(x, "n1")), norm(conv(act(norm(x, "n2")), 8, 3, "d"), "n3"))), 2, 1, 2},
  };
  for (const Joined& c : cases) {
    for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) check(c, dtype);
    check(c, DType::f64, "NHWC");
  }
}

TEST_CASE("gpu norm tails: what others read, and other curves, stay apart") {
  const Symbol x = conv(named("data"), 8, 3, "c", false), n = norm(x), s = add(n, x);
  const Joined cases[] = {
      {act(n, "sigmoid"), 0, 0, 0},
      {add(act(n), n), 0, 0, 0},
      {apply("elemwise_mul", {}, {act(s), s}, "m"), 0, 0, 0},
      {act(add(n, n)), 0, 0, 0},
      {Symbol({act(n).outputs()[0], n.outputs()[0]}), 0, 0, 0},
      {norm(act(x)), 0, 0, 0},
  };
  for (const Joined& c : cases) check(c, DType::f64);
}

TEST_CASE("gpu norm tails: neither in predictions nor on CPUs") {
  const Symbol symbol = act(norm(act(named("data"), "tanh")));
  CHECK(count(run(symbol, on_gpu, DType::f32, false, data), "_contrib_BatchNormWithReLU") == 0);
  CHECK(count(run(symbol, {}, DType::f32, true, data), "_contrib_BatchNormWithReLU") == 0);
}

}  // namespace mixnet::test
