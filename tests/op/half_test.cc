// 16-bit floats are storage only: an operator's result is what it computes in float32 from the same values, rounded once.
//
// Over the registry's samples. Sums that were rounded on the way would show here, since a result may differ from the float32 one by
// half a unit in the last place and no more.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "pass/gradient.h"
#include "pass/infer.h"
#include "run_op.h"
#include "sample_node.h"

namespace mixnet::test {
namespace {

using Values = std::map<const Node*, Tensor>;

// Half a unit in the last place at x, and what float32 sums of another order may do.
double allowed(DType dtype, double x) {
  const int bits = dtype == DType::bf16 ? 8 : 11, least = dtype == DType::bf16 ? -126 : -14;
  const int exponent = x == 0 ? least : std::max(least, std::ilogb(x));
  return 0.5 * std::ldexp(1.0, exponent - bits + 1) + 2e-5 * std::max(1.0, std::fabs(x));
}
double largest(DType dtype) { return dtype == DType::f16 ? 65504.0 : 3.38e38; }

bool rounded_from(DType dtype, double want, double got) {
  if (want == got || (std::isnan(want) && std::isnan(got))) return true;
  if (std::isinf(got)) return std::fabs(want) > largest(dtype) * 0.99 && std::signbit(want) == std::signbit(got);
  return std::fabs(want - got) <= allowed(dtype, want);
}

// The dtypes that the operator wants beside a 16-bit first input: statistics of BatchNorm are float32.
std::vector<DType> input_types(const SampleNode& node, DType dtype) {
  const Graph graph(node.outputs);
  std::vector<DType> types(static_cast<size_t>(graph.num_entries()), DType::unknown);
  if (!node.variables.empty()) types[static_cast<size_t>(graph.entry({node.variables[0], 0}))] = dtype;
  types = infer_types(graph, types);
  std::vector<DType> result;
  for (const NodePtr& v : node.variables) {
    const DType found = types[static_cast<size_t>(graph.entry({v, 0}))];
    result.push_back(found == DType::unknown ? dtype : found);
  }
  return result;
}

struct Pair {
  SampleNode narrow, wide;  // the same values
  Pair(const OpSchema& op, const Sample& sample, DType dtype)
      : narrow(op, sample, dtype), wide(op, sample, DType::f32) {
    const std::vector<DType> types = input_types(narrow, dtype);
    for (size_t i = 0; i < types.size(); ++i) {
      Tensor& t = narrow.values.at(narrow.variables[i].get());
      t = t.cast(types[i]);
      wide.values.at(wide.variables[i].get()) = t.cast(DType::f32);
    }
  }
};

// Dtypes of the output that are not floats of 16 bits say nothing about rounding.
bool is_narrow(const Tensor& t) { return t.dtype() == DType::f16 || t.dtype() == DType::bf16; }

void compare(const OpSchema& op, const Sample& sample, DType dtype, int64_t& compared) {
  Pair pair(op, sample, dtype);
  EvaluateOptions options;
  options.training = sample.training;
  const Graph narrow(pair.narrow.outputs), wide(pair.wide.outputs);
  const std::vector<Tensor> got = evaluate(narrow, pair.narrow.values, options);
  const std::vector<Tensor> want = evaluate(wide, pair.wide.values, options);
  for (size_t o = 0; o < pair.narrow.outputs.size(); ++o) {
    const Tensor& g = got[static_cast<size_t>(narrow.entry(pair.narrow.outputs[o]))];
    const Tensor& w = want[static_cast<size_t>(wide.entry(pair.wide.outputs[o]))];
    if (!is_narrow(g) || w.dtype() != DType::f32) continue;
    for (int64_t i = 0; i < g.size(); ++i, ++compared) {
      CHECK_MESSAGE(rounded_from(g.dtype(), w.get(i), g.get(i)), "output ", o, "[", i, "]: float32 ", w.get(i),
                    ", got ", g.get(i));
    }
  }
}

// Sums of so many ones that a 16-bit sum would stop growing: at 256 in bfloat16, at 2,048 in float16.
constexpr int64_t many = 3000;
Tensor ones(const Shape& shape, DType dtype) {
  Tensor t(shape, dtype);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, 1);
  return t;
}

}  // namespace

TEST_CASE("16-bit results are float32 results, rounded once") {
  int64_t compared = 0;
  for (const OpSchema* op : registry().all()) {
    if (op->random || op->late_shape || !selected(*op)) continue;
    for (const Sample& sample : op->samples) {
      const std::string what = label(*op, sample);
      INFO(what);
      for (DType dtype : {DType::f16, DType::bf16}) {
        const std::string in = dtype_name(dtype);
        INFO(in);
        try {
          compare(*op, sample, dtype, compared);
        } catch (const Error& e) {
          CHECK_MESSAGE(e.code() == Code::type, std::string(e.what()));
        }
      }
    }
  }
  CHECK((compared > 5000 || std::getenv("MIXNET_TEST_OP")));
}

TEST_CASE("sums of 16-bit values grow beyond what 16 bits could count") {
  for (DType dtype : {DType::f16, DType::bf16}) {
    const double want = ones({1}, dtype).cast(DType::f32).get(0) * many;
    auto check = [&](const char* op, const std::vector<Tensor>& inputs, const Attributes& attributes = {}) {
      const std::vector<Tensor> got = run_op(op, inputs, attributes);
      INFO(std::string(op));
      CHECK(rounded_from(dtype, want, got[0].get(0)));
    };
    const Tensor row = ones({1, many}, dtype);
    check("sum", {row});
    check("nansum", {row});
    check("dot", {row, ones({many, 1}, dtype)});
    check("batch_dot", {ones({1, 1, many}, dtype), ones({1, many, 1}, dtype)});
    check("FullyConnected", {row, ones({2, many}, dtype)}, {{"num_hidden", 2}, {"no_bias", true}});
    check("Convolution", {ones({1, many, 1, 1}, dtype), ones({2, many, 1, 1}, dtype)},
          {{"kernel", Shape{1, 1}}, {"num_filter", 2}, {"no_bias", true}});
    check("Pooling", {ones({1, 1, many, 1}, dtype)}, {{"kernel", Shape{many, 1}}, {"pool_type", "sum"}});
    check("_linalg_gemm2", {ones({1, many}, dtype), ones({many, 1}, dtype)});
  }
}

}  // namespace mixnet::test
