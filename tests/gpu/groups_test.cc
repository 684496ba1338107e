// Groups of pointwise operators on GPUs: every formula against the CPU's kernel of its operator, and bound graphs with groups and without.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/setting.h"
#include "device/gpu.h"
#include "device/runtime_compiler.h"
#include "executor/executor.h"
#include "op/core/fused.h"
#include "op/sample_node.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};

double group_tolerance(DType dtype) {
  switch (dtype) {
    case DType::f32: return 1e-4;
    case DType::f64: return 1e-9;
    case DType::f16: return 4e-3;
    default: return 3e-2;
  }
}
bool close(double x, double y, DType dtype) {
  return x == y || (std::isnan(x) && std::isnan(y)) ||
         std::fabs(x - y) <= group_tolerance(dtype) * std::max(1.0, std::fabs(y));
}

// A tensor's values on gpu(0), from an even address on or one element behind it.
class Placed {
 public:
  Placed(Tensor& tensor, bool shifted) : view_(tensor.view()), host_(view_) {
    memory_ = gpu_device(0).allocate(room());
    view_.data = static_cast<char*>(memory_) + (shifted ? dtype_size(host_.dtype) : 0);
    view_.device = gpu;
    gpu_device(0).copy_from(gpu_device(0), view_.data, host_.data, bytes());
  }
  ~Placed() { gpu_device(0).deallocate(memory_, room()); }
  Placed(const Placed&) = delete;
  const TensorView& view() const { return view_; }
  void fetch() const { gpu_device(0).copy_from(gpu_device(0), host_.data, view_.data, bytes()); }

 private:
  size_t bytes() const { return static_cast<size_t>(host_.bytes()); }
  size_t room() const { return bytes() + 16; }
  TensorView view_, host_;
  void* memory_;
};

// Every pointwise operator of the registry with each of its samples, as one group whose outputs are the values of all of them.
struct AllFormulas {
  FusedGroup group;
  std::vector<Tensor> inputs;
  std::vector<std::string> labels;  // by output

  explicit AllFormulas(DType dtype, const GroupsOnGpu& groups) {
    for (const OpSchema* op : registry().all()) {
      if (!op->pointwise) continue;
      for (const Sample& sample : op->samples) add(*op, sample, dtype, groups);
    }
    // Nodes' operands name inputs so far; no node reads another.
    for (size_t k = 0; k < group.nodes.size(); ++k) group.outputs.push_back(static_cast<int>(k));
    group.num_inputs = static_cast<int>(inputs.size());
  }
  void add(const OpSchema& op, const Sample& sample, DType dtype, const GroupsOnGpu& groups) {
    if (sample.inputs[0].size() < 2) return;  // what larger ones do not show is of shapes
    Attributes attributes = sample.attributes;
    if (!op.variadic.empty()) attributes.emplace_back(op.variadic, op.variadic_count(sample.inputs.size()));
    const ParamsPtr params = op.make_params(attributes);
    if (!op.is_pointwise(params.get())) return;
    const std::string what = label(op, sample);
    CHECK_MESSAGE(groups.takes(op, params.get(), dtype), what, ": a pointwise operator without a formula");
    CHECK_FALSE(groups.takes(op, params.get(), DType::i32));
    FusedNode node{&op, params, {}};
    for (size_t i = 0; i < sample.inputs.size(); ++i) {
      const bool whole =
          std::count(sample.integer_inputs.begin(), sample.integer_inputs.end(), static_cast<int>(i)) > 0;
      Tensor t = random_tensor({37}, dtype, whole ? 0 : sample.low,
                               whole ? static_cast<double>(sample.integer_limit) : sample.high, 1 + inputs.size());
      for (int64_t k = 0; whole && k < t.size(); ++k) t.set(k, std::floor(t.get(k)));
      node.operands.push_back(static_cast<int>(inputs.size()));
      inputs.push_back(std::move(t));
    }
    group.nodes.push_back(node);
    labels.push_back(what);
  }
};

void run(const OpSchema& op, DeviceId device, const std::vector<TensorView>& in, const std::vector<TensorView>& out) {
  PrepareContext context;
  context.inputs = in;
  context.outputs = out;
  context.device = device;
  KernelContext kernel_context;
  kernel_context.stream = device.host() ? nullptr : gpu_device(0).stream();
  const std::unique_ptr<Kernel> kernel = op.prepare(context);
  kernel->run({in, out, kernel_context});
  if (!device.host()) gpu_device(0).synchronize();
}

Entry node(const char* op, std::vector<Entry> inputs, const Attributes& params = {}) {
  static int count = 0;
  const OpSchema& schema = registry().at(op);
  return PlainNodeBuilder().make(schema, schema.make_params(params), std::move(inputs),
                                 std::string(op) + std::to_string(count++))[0];
}

struct Bound {
  std::vector<double> values;  // outputs, then gradients
  std::string steps;
  int64_t num_steps() const { return std::count(steps.begin(), steps.end(), '\n'); }
};

Bound run_bound(const Symbol& symbol, DeviceId device, DType dtype, bool training) {
  BindArguments bound;
  const size_t n = symbol.list_arguments().size();
  for (size_t i = 0; i < n; ++i) {
    Tensor t = random_tensor({3, 50}, dtype, 0.5, 1.5, i + 1);
    for (auto* arrays : {&bound.arguments, &bound.gradients}) {
      NDArray a(t.shape(), dtype, device);
      a.copy_from_host(t.view().data, a.bytes());
      arrays->push_back(a);
    }
    bound.requests.push_back(training ? GradRequest::write : GradRequest::null);
  }
  if (!training) bound.gradients.assign(n, NDArray());
  const std::vector<NDArray> gradients = training ? bound.gradients : std::vector<NDArray>();
  const auto executor = bind(symbol, device, std::move(bound));
  executor->forward(training);
  if (training) executor->backward({});
  Bound result;
  for (const auto* arrays : {&executor->outputs(), &gradients}) {
    for (const NDArray& a : *arrays) {
      Tensor t(a.shape(), a.dtype());
      a.copy_to_host(t.view().data, a.bytes());
      for (const double v : t.values()) result.values.push_back(v);
    }
  }
  result.steps = executor->describe();
  return result;
}

void check_same(const Bound& got, const Bound& want, DType dtype) {
  REQUIRE(got.values.size() == want.values.size());
  for (size_t i = 0; i < got.values.size(); ++i) {
    const bool same = close(got.values[i], want.values[i], dtype);
    CHECK_MESSAGE(same, "value ", i, ": expected ", want.values[i], ", got ", got.values[i]);
    if (!same) return;
  }
}

// a b + 1.
Symbol product_plus_one() {
  const Entry a{make_variable("a"), 0}, b{make_variable("b"), 0};
  return Symbol({node("_plus_scalar", {node("elemwise_mul", {a, b})}, {{"scalar", 1.0}})});
}

}  // namespace

TEST_CASE("gpu: every formula gives what the CPU's kernel of its operator gives") {
  const Setting on("MIXNET_GPU_FUSION", "1"), none("MIXNET_CACHE", "0");
  registry();  // offers them
  const GroupsOnGpu* const groups = groups_for(gpu);
  REQUIRE(groups);
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    AllFormulas all(dtype, *groups);
    CHECK(all.labels.size() > 150);
    std::vector<Tensor> want(all.labels.size(), Tensor({37}, dtype)), got = want;
    std::vector<TensorView> in, out;
    for (Tensor& t : all.inputs) in.push_back(t.view());
    for (Tensor& t : want) out.push_back(t.view());
    const auto op = make_fused_operator(all.group);
    run(*op, {}, in, out);
    for (const bool shifted : {false, true}) {
      INFO(dtype_name(dtype), shifted ? " at odd addresses" : "");
      std::vector<TensorView> there_in, there_out;
      std::vector<std::unique_ptr<Placed>> placed;
      const auto place = [&](std::vector<Tensor>& tensors, std::vector<TensorView>& views) {
        for (Tensor& t : tensors) {
          placed.push_back(std::make_unique<Placed>(t, shifted));
          views.push_back(placed.back()->view());
        }
      };
      for (Tensor& t : got) t = Tensor({37}, dtype);
      place(all.inputs, there_in);
      place(got, there_out);
      run(*op, gpu, there_in, there_out);
      for (const auto& p : placed) p->fetch();
      for (size_t o = 0; o < want.size(); ++o) {
        for (int64_t i = 0; i < want[o].size(); ++i) {
          const bool same = close(got[o].get(i), want[o].get(i), dtype);
          CHECK_MESSAGE(same, all.labels[o], "[", i, "]: expected ", want[o].get(i), ", got ", got[o].get(i));
          if (!same) break;
        }
      }
    }
  }
}

TEST_CASE("gpu: a product and a sum are one kernel with the CPU's numbers") {
  const Setting on("MIXNET_GPU_FUSION", "1"), none("MIXNET_CACHE", "0");
  const Bound got = run_bound(product_plus_one(), gpu, DType::f32, false);
  INFO(got.steps);
  CHECK(got.num_steps() == 1);
  check_same(got, run_bound(product_plus_one(), {}, DType::f32, false), DType::f32);
}

TEST_CASE("gpu: groups of both parts of a training step, in every float dtype") {
  const Setting none("MIXNET_CACHE", "0");
  const Entry a{make_variable("a"), 0}, b{make_variable("b"), 0};
  const Entry gate = node("Activation", {node("elemwise_add", {a, b})}, {{"act_type", "sigmoid"}});
  const Entry value = node("tanh", {node("_mul_scalar", {a}, {{"scalar", 0.7}})});
  const Symbol symbol({node("elemwise_mul", {gate, value}), node("exp", {value})});
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    const Bound want = run_bound(symbol, {}, dtype, true);
    const Bound one_by_one = [&] {
      const Setting off("MIXNET_GPU_FUSION", "0");
      return run_bound(symbol, gpu, dtype, true);
    }();
    const Setting on("MIXNET_GPU_FUSION", "1");
    const Bound got = run_bound(symbol, gpu, dtype, true);
    INFO(got.steps);
    check_same(got, want, dtype);
    check_same(one_by_one, want, dtype);
    CHECK(got.num_steps() * 2 < one_by_one.num_steps());
  }
}

TEST_CASE("gpu: the numbers of operators are arguments, so that other numbers need no compiler") {
  const Setting on("MIXNET_GPU_FUSION", "1"), none("MIXNET_CACHE", "0");
  const Entry a{make_variable("a"), 0};
  auto scaled = [&](double by) {
    return Symbol({node("_plus_scalar", {node("_mul_scalar", {a}, {{"scalar", by}})}, {{"scalar", -by}})});
  };
  run_bound(scaled(3), gpu, DType::f32, false);
  const int64_t before = runtime_compilations();
  check_same(run_bound(scaled(5), gpu, DType::f32, false), run_bound(scaled(5), {}, DType::f32, false), DType::f32);
  CHECK(runtime_compilations() == before);
}

TEST_CASE("gpu: operators run one by one where there is no compiler, and whole numbers always do") {
  const Setting on("MIXNET_GPU_FUSION", "1"), none("MIXNET_CACHE", "0");
  const Symbol symbol = product_plus_one();
  CHECK(run_bound(symbol, gpu, DType::i32, false).num_steps() == 2);
  if (std::string(gpu_backend()) != "emulated") return;
  const Setting missing("MIXNET_CXX", "none");
  const Bound got = run_bound(symbol, gpu, DType::f32, false);
  CHECK(got.num_steps() == 2);
  check_same(got, run_bound(symbol, {}, DType::f32, false), DType::f32);
  CHECK(no_runtime_compiler(0) == "[rtc] MIXNET_CXX: expected a C++ compiler, got none");
}

}  // namespace mixnet::test
