#include "op/core/gpu/group.h"

#include <algorithm>
#include <map>

#include "base/environment.h"
#include "device/gpu.h"
#include "op/core/gpu/lanes.h"

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

// Elements that a thread reads at once.
int64_t lanes_in_group(DType dtype) { return 16 / dtype_size(dtype); }

class GroupKernel final : public Kernel {
 public:
  GroupKernel(const FusedGroup& group, const PrepareContext& c)
      : wide_(c.inputs[0].dtype == DType::f64), lanes_(lanes_in_group(c.inputs[0].dtype)) {
    GroupSource made = group_source(group, c.inputs[0].dtype);
    numbers_ = made.numbers;
    floats_.assign(numbers_.begin(), numbers_.end());
    kernel_ = compile_kernels(c.device.index, made.source)->kernel("mixnet::group");
  }
  void run(const RunContext& r) const override {
    const int64_t n = r.out[0].size();
    if (n == 0) return;
    bool aligned = true;
    for (const auto* views : {&r.in, &r.out}) {
      for (const TensorView& v : *views) aligned = aligned && even(v.data);
    }
    const int64_t whole = aligned ? n / lanes_ : 0, rest = n - whole * lanes_;
    std::vector<KernelArgument> arguments{{&whole, sizeof whole}, {&n, sizeof n}};
    for (const TensorView& v : r.in) arguments.push_back({&v.data, sizeof v.data});
    for (const TensorView& v : r.out) arguments.push_back({&v.data, sizeof v.data});
    for (size_t i = 0; i < numbers_.size(); ++i) {
      if (wide_) arguments.push_back({&numbers_[i], sizeof(double)});
      else arguments.push_back({&floats_[i], sizeof(float)});
    }
    constexpr int64_t block = 256, most_blocks = 1 << 16;
    LaunchShape shape;
    shape.block[0] = block;
    shape.grid[0] = static_cast<unsigned>(std::min((std::max(whole, rest) + block - 1) / block, most_blocks));
    kernel_->launch(*r.context.stream, shape, arguments);
  }

 private:
  const bool wide_;  // numbers are doubles
  const int64_t lanes_;
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
  std::string loads, widened, body, results, stores, parameters, arguments;
  const std::string type = stored_in(dtype);
  std::vector<std::string> values;
  const auto pass = [&](const std::string& kind, const std::string& name) {
    parameters += concat(", ", kind, " ", name);
    arguments += concat(", ", name);
  };
  for (int i = 0; i < group.num_inputs; ++i) {
    values.push_back(concat("v", i));
    pass(concat("const ", type, "*"), concat("x", i));
    loads += concat("  const Lanes<V> l", i, " = *reinterpret_cast<const Lanes<V>*>(x", i, " + at);\n");
    widened += concat("    const A v", i, " = static_cast<A>(l", i, ".at[j]);\n");
  }
  for (size_t k = 0; k < group.nodes.size(); ++k) {
    std::vector<std::string> operands;
    for (const int operand : group.nodes[k].operands) operands.push_back(values[static_cast<size_t>(operand)]);
    values.push_back(concat("t", k));
    body +=
        concat("    const A t", k, " = static_cast<A>(", expression(group.nodes[k], operands, made.numbers), ");\n");
  }
  for (size_t o = 0; o < group.outputs.size(); ++o) {
    pass(concat(type, "*"), concat("y", o));
    loads += concat("  Lanes<V> m", o, ";\n");
    results += concat("    m", o, ".at[j] = static_cast<", type, ">(t", group.outputs[o], ");\n");
    stores += concat("  *reinterpret_cast<Lanes<V>*>(y", o, " + at) = m", o, ";\n");
  }
  for (size_t i = 0; i < made.numbers.size(); ++i) pass("A", concat("s", i));
  std::string& text = made.source.text;
  for (const char* const* part = kernel_functions; *part; ++part) text += *part;
  const int64_t lanes = lanes_in_group(dtype);
  // All of a piece is read before any of it is written: outputs may lie where inputs do.
  text += concat("namespace mixnet {\nusing namespace functions;\nusing A = ", dtype == DType::f64 ? "double" : "float",
                 ";\ntemplate <int V> struct alignas(sizeof(", type, ") * V) Lanes { ", type, " at[V]; };\n",
                 "template <int V> __device__ void run(int64_t at", parameters, ") {\n", loads,
                 "#pragma unroll\n  for (int j = 0; j < V; ++j) {\n", widened, body, results, "  }\n", stores, "}\n",
                 "extern \"C\" __global__ void group(int64_t whole, int64_t n", parameters, ") {\n",
                 "  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;\n",
                 "  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;\n",
                 "  for (int64_t k = first; k < whole; k += step) run<", lanes, ">(k * ", lanes, arguments, ");\n",
                 "  for (int64_t i = whole * ", lanes, " + first; i < n; i += step) run<1>(i", arguments, ");\n}\n}\n");
  made.source.kernels = {"mixnet::group"};
  made.source.options = {"-default-device"};  // constructors of formulas are not marked
  return made;
}

void offer_groups() {
  static const GroupsOnGpu groups{ready, takes, prepare};
  offer_groups_on_gpu(&groups);
}

}  // namespace mixnet::gpu
