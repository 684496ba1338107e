// Every operator with a kernel for GPUs gives there what it gives on the CPU: outputs, what it changes in place, every dtype and sample of the registry;
// and bound into a plan, with gradients. Without CUDA the GPU is an emulated one (src/device/emulated).
#include <doctest/doctest.h>

#include <cmath>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "op/sample_node.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};

NDArray to_array(const Tensor& t, DeviceId device) {
  NDArray a(t.shape(), t.dtype(), device);
  Tensor copy = t;
  if (a.bytes() > 0) a.copy_from_host(copy.view().data, a.bytes());
  return a;
}

Tensor to_tensor(const NDArray& a) {
  Tensor t(a.shape(), a.dtype());
  if (a.bytes() > 0) a.copy_to_host(t.view().data, a.bytes());
  else a.wait_to_read();
  return t;
}

// What sums in another order and other functions of the processor may change.
double tolerance(DType dtype) {
  switch (dtype) {
    case DType::f32: return 1e-4;
    case DType::f64: return 1e-9;
    case DType::f16: return 4e-3;
    case DType::bf16: return 3e-2;
    default: return 0;
  }
}

void check_equal(const Tensor& got, const Tensor& want, DType computed, const std::string& what) {
  REQUIRE_MESSAGE(got.shape() == want.shape(), what, ": expected ", want.shape().str(), ", got ", got.shape().str());
  REQUIRE_MESSAGE(got.dtype() == want.dtype(), what, ": dtype");
  const double bound = std::max(tolerance(want.dtype()), dtype_is_float(want.dtype()) ? tolerance(computed) : 0);
  for (int64_t i = 0; i < want.size(); ++i) {
    const double x = got.get(i), y = want.get(i);
    const bool same =
        x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= bound * std::max(1.0, std::fabs(y));
    CHECK_MESSAGE(same, what, "[", i, "]: expected ", y, ", got ", x);
    if (!same) return;
  }
}

struct Result {
  std::vector<NDArray> outputs, inputs;
};

Result run_on(DeviceId device, const OpSchema& op, const Sample& sample, const SampleNode& node) {
  Result r;
  for (const NodePtr& v : node.variables) r.inputs.push_back(to_array(node.values.at(v.get()), device));
  InvokeOptions options;
  options.training = sample.training;
  options.device = device;
  seed_random(17);
  invoke(op, node.outputs[0].node->params, r.inputs, r.outputs, options);
  for (const NDArray& a : r.outputs) a.wait_to_read();
  return r;
}

template <class F>
void for_samples(F f) {
  for (const OpSchema* op : registry().all()) {
    if (!selected(*op) || op->gpu_kernels.empty()) continue;
    for (const Sample& sample : op->samples) {
      const std::string what = label(*op, sample);
      INFO(what);
      f(*op, sample);
    }
  }
}

}  // namespace

TEST_CASE("gpu: every kernel gives what the CPU's gives, for every dtype") {
  int64_t runs = 0;
  for_samples([&](const OpSchema& op, const Sample& sample) {
    for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8, DType::i8,
                        DType::boolean}) {
      const std::string type = dtype_name(dtype);
      INFO(type);
      std::unique_ptr<SampleNode> node;
      Result want;
      try {
        node = std::make_unique<SampleNode>(op, sample, dtype);
        want = run_on({}, op, sample, *node);
      } catch (const Error&) {
        continue;  // no dtype of this operator
      }
      try {
        const Result got = run_on(gpu, op, sample, *node);
        // Colours are float arithmetic whatever the dtype.
        const DType computed = op.name.rfind("_image_", 0) == 0 ? DType::f32 : dtype;
        const auto visible = static_cast<size_t>(op.num_visible(node->outputs[0].node->params.get()));
        for (size_t i = 0; i < want.outputs.size(); ++i) {
          // A library may keep more for backward than we do.
          if (i >= visible && got.outputs[i].shape() != want.outputs[i].shape()) continue;
          check_equal(to_tensor(got.outputs[i]), to_tensor(want.outputs[i]), computed, "output " + std::to_string(i));
        }
        for (size_t i = 0; i < want.inputs.size(); ++i)
          check_equal(to_tensor(got.inputs[i]), to_tensor(want.inputs[i]), computed, "input " + std::to_string(i));
        ++runs;
      } catch (const Error& e) {
        CHECK_MESSAGE(false, std::string(e.what()));
      }
    }
  });
  CHECK((runs > 100 || std::getenv("MIXNET_TEST_OP")));
}

TEST_CASE("gpu: bound with gradients, operators give what they give on the CPU") {
  for_samples([](const OpSchema& op, const Sample& sample) {
    if (!op.gradient || op.late_shape || !sample.training) return;
    SampleNode node(op, sample, DType::f32);
    const size_t visible = static_cast<size_t>(op.num_visible(node.outputs[0].node->params.get()));
    const Symbol symbol({node.outputs.begin(), node.outputs.begin() + static_cast<long>(visible)});
    const Variables variables = find_variables(symbol.outputs());
    for (GradRequest request : {GradRequest::write, GradRequest::add}) {
      std::vector<Tensor> values[2];
      for (const DeviceId device : {DeviceId{}, gpu}) {
        BindArguments bound;
        for (const NodePtr& v : variables.arguments) {
          const Tensor& value = node.values.at(v.get());
          bound.arguments.push_back(to_array(value, device));
          Tensor filled(value.shape(), value.dtype());
          for (int64_t k = 0; k < filled.size(); ++k) filled.set(k, 3);
          bound.gradients.push_back(to_array(filled, device));
          bound.requests.push_back(request);
        }
        for (const NodePtr& v : variables.states) bound.states.push_back(to_array(node.values.at(v.get()), device));
        const std::vector<NDArray> gradients = bound.gradients, states = bound.states;
        const std::shared_ptr<Executor> executor = bind(symbol, device, std::move(bound));
        seed_random(17);
        executor->forward(true);
        // Given, so that no other operator makes them, and no two alike.
        std::vector<NDArray> heads;
        for (const NDArray& a : executor->outputs()) {
          Tensor head(a.shape(), a.dtype());
          for (int64_t k = 0; k < head.size(); ++k) head.set(k, 0.5 + 0.25 * static_cast<double>(k % 7));
          heads.push_back(to_array(head, device));
        }
        executor->backward(heads);
        std::vector<Tensor>& all = values[device == gpu];
        for (const NDArray& a : executor->outputs()) all.push_back(to_tensor(a));
        for (const NDArray& a : gradients) all.push_back(to_tensor(a));
        for (const NDArray& a : states) all.push_back(to_tensor(a));
      }
      for (size_t i = 0; i < values[0].size(); ++i)
        check_equal(values[1][i], values[0][i], DType::f32, "value " + std::to_string(i));
    }
  });
}

// A new operator comes with STEM.cu, which the emulated GPU runs too, or says why not: OpBuilder::no_gpu.
TEST_CASE("gpu: every operator has a kernel, or a reason why it has none") {
  for (const OpSchema* op : registry().all()) {
    CHECK_MESSAGE((op->gpu_kernels.empty() || op->no_gpu.empty()), op->name, " has both a kernel and a reason");
    CHECK_MESSAGE((!op->gpu_kernels.empty() || !op->no_gpu.empty()), op->name, " has neither a kernel nor a reason");
  }
}

}  // namespace mixnet::test
