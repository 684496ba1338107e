#include "op/core/gpu/group.h"

#include <algorithm>
#include <map>

#include "base/environment.h"
#include "device/gpu.h"

namespace mixnet::gpu {

extern const char* const kernel_functions[];  // generated

namespace {

std::map<std::string, std::string>& formulas() {
  static auto* const table = new std::map<std::string, std::string>;
  return *table;
}

// Null: none.
const std::string* formula_of(const OpSchema& op, const void* params) {
  auto found = formulas().find(op.name);
  for (const ParamField& field : op.fields) {
    if (found != formulas().end()) break;
    if (!field.choices.empty()) found = formulas().find(op.name + ":" + field.get(params).as_text());
  }
  return found == formulas().end() ? nullptr : &found->second;
}

bool takes(const OpSchema& op, const void* params, DType dtype) {
  return dtype_is_float(dtype) && formula_of(op, params);
}

// The formula with operands put in, and its parameters as the numbers s0, s1, ...
std::string expression(const FusedNode& node, const std::vector<std::string>& operands, std::vector<double>& numbers) {
  const std::string& formula = *formula_of(*node.op, node.params.get());
  std::string text;
  for (size_t i = 0; i < formula.size(); ++i) {
    if (formula[i] == '$' && formula[i + 1] == '+') {
      for (size_t k = 0; k < operands.size(); ++k) text += (k ? " + " : "") + operands[k];
      ++i;
    } else if (formula[i] == '$') {
      text += operands.at(static_cast<size_t>(formula[++i] - '0'));
    } else if (formula[i] == '{' && formula[i + 1] != '{') {
      const size_t end = formula.find('}', i);
      const ParamField* field = node.op->field(formula.substr(i + 1, end - i - 1));
      text += concat("s", numbers.size());
      numbers.push_back(field->get(node.params.get()).as_real());
      i = end;
    } else {
      text += formula[i];
    }
  }
  return text;
}

const char* stored_in(DType dtype) {
  switch (dtype) {
    case DType::f64: return "double";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    default: return "float";
  }
}

class GroupKernel final : public Kernel {
 public:
  GroupKernel(const FusedGroup& group, const PrepareContext& c) : wide_(c.inputs[0].dtype == DType::f64) {
    GroupSource made = group_source(group, c.inputs[0].dtype);
    numbers_ = made.numbers;
    floats_.assign(numbers_.begin(), numbers_.end());
    kernel_ = compile_kernels(c.device.index, made.source)->kernel("mixnet::group");
  }
  void run(const RunContext& r) const override {
    const int64_t n = r.out[0].size();
    if (n == 0) return;
    std::vector<KernelArgument> arguments{{&n, sizeof n}};
    for (const TensorView& v : r.in) arguments.push_back({&v.data, sizeof v.data});
    for (const TensorView& v : r.out) arguments.push_back({&v.data, sizeof v.data});
    for (size_t i = 0; i < numbers_.size(); ++i) {
      if (wide_) arguments.push_back({&numbers_[i], sizeof(double)});
      else arguments.push_back({&floats_[i], sizeof(float)});
    }
    constexpr int64_t block = 256, most_blocks = 1 << 16;
    LaunchShape shape;
    shape.block[0] = block;
    shape.grid[0] = static_cast<unsigned>(std::min((n + block - 1) / block, most_blocks));
    kernel_->launch(*r.context.stream, shape, arguments);
  }

 private:
  const bool wide_;  // numbers are doubles
  std::vector<double> numbers_;
  std::vector<float> floats_;
  RuntimeKernelPtr kernel_;
};

std::unique_ptr<Kernel> prepare(const FusedGroup& group, const PrepareContext& c) {
  const DType dtype = c.inputs[0].dtype;
  const bool all = std::all_of(group.nodes.begin(), group.nodes.end(),
                               [&](const FusedNode& node) { return takes(*node.op, node.params.get(), dtype); });
  return all ? std::make_unique<GroupKernel>(group, c) : nullptr;
}

// Compiling for an emulated GPU takes longer than it could save: there on request only.
bool ready(DeviceId device) {
  return environment_bool("GPU_FUSION", std::string(gpu_backend()) == "cuda") &&
         no_runtime_compiler(device.index).empty();
}

}  // namespace

void add_formula(const std::string& op, const std::string& expression) { formulas()[op] = expression; }

GroupSource group_source(const FusedGroup& group, DType dtype) {
  GroupSource made;
  std::string loads, body, stores, parameters;
  const std::string type = stored_in(dtype);
  std::vector<std::string> values;
  for (int i = 0; i < group.num_inputs; ++i) {
    values.push_back(concat("v", i));
    parameters += concat(", const ", type, "* x", i);
    loads += concat("    const A v", i, " = static_cast<A>(x", i, "[i]);\n");
  }
  for (size_t k = 0; k < group.nodes.size(); ++k) {
    std::vector<std::string> operands;
    for (const int operand : group.nodes[k].operands) operands.push_back(values[static_cast<size_t>(operand)]);
    values.push_back(concat("t", k));
    body +=
        concat("    const A t", k, " = static_cast<A>(", expression(group.nodes[k], operands, made.numbers), ");\n");
  }
  for (size_t o = 0; o < group.outputs.size(); ++o) {
    parameters += concat(", ", type, "* y", o);
    stores += concat("    y", o, "[i] = static_cast<", type, ">(t", group.outputs[o], ");\n");
  }
  for (size_t i = 0; i < made.numbers.size(); ++i) parameters += concat(", A s", i);
  std::string& text = made.source.text;
  for (const char* const* part = kernel_functions; *part; ++part) text += *part;
  text += "namespace mixnet {\nusing namespace functions;\n";
  text += concat("using A = ", dtype == DType::f64 ? "double" : "float", ";\n");
  // All of an element is read before any of it is written: outputs may lie where inputs do.
  text +=
      concat("extern \"C\" __global__ void group(int64_t n", parameters, ") {\n",
             "  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;\n",
             "  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {\n",
             loads, body, stores, "  }\n}\n}\n");
  made.source.kernels = {"mixnet::group"};
  made.source.options = {"-default-device"};  // constructors of formulas are not marked
  return made;
}

void offer_groups() {
  static const GroupsOnGpu groups{ready, takes, prepare};
  offer_groups_on_gpu(&groups);
}

}  // namespace mixnet::gpu
