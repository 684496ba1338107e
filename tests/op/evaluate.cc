#include "evaluate.h"

#include <algorithm>
#include <cstring>

#include "pass/infer.h"

namespace mixnet::test {
namespace {

constexpr uint8_t guard_byte = 0xA5;

size_t payload_bytes(const Shape& shape, DType dtype) { return static_cast<size_t>(shape.size() * dtype_size(dtype)); }

class NodeRun {
 public:
  NodeRun(const Graph& graph, int id, std::vector<Tensor>& values, const EvaluateOptions& options) {
    const Node& node = *graph.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      in_.push_back(values[static_cast<size_t>(graph.entry(node.inputs[i]))].view());
    }
    for (int i = 0; i < graph.num_outputs(id); ++i)
      out_.push_back(values[static_cast<size_t>(graph.entry(id, i))].view());
    for (size_t i = 0; i < in_.size(); ++i) {
      const auto& blind = node.op->shape_only;
      if (std::find(blind.begin(), blind.end(), static_cast<int>(i)) != blind.end()) in_[i].data = nullptr;
    }
    std::vector<char> wanted(out_.size() + 1, 1);
    PrepareContext prepare;
    prepare.params_ = node.params.get();
    prepare.inputs = in_;
    prepare.outputs = out_;
    prepare.wanted = Span<const bool>(reinterpret_cast<const bool*>(wanted.data()), out_.size());
    prepare.training = options.training;
    const std::unique_ptr<Kernel> kernel = node.op->prepare(prepare);
    std::vector<uint8_t> workspace(kernel->workspace() + 64);
    KernelContext context;
    context.workspace = workspace.data() + (64 - reinterpret_cast<size_t>(workspace.data()) % 64);
    context.training = options.training;
    context.random = options.random;
    context.random.operation += static_cast<uint64_t>(id);
    kernel->run({in_, out_, context});
  }

 private:
  std::vector<TensorView> in_, out_;
};

}  // namespace

Tensor::Tensor(const Shape& shape, DType dtype)
    : shape_(shape), dtype_(dtype), lines_(payload_bytes(shape, dtype) / 64 + 3) {
  std::memset(lines_.data(), guard_byte, lines_.size() * sizeof(Line));
}

TensorView Tensor::view() {
  TensorView v;
  v.data = lines_[1].byte;
  v.shape = shape_;
  v.dtype = dtype_;
  return v;
}

bool guards_intact(const Tensor& t) {
  const uint8_t* all = t.lines_[0].byte;
  const size_t last = 64 + payload_bytes(t.shape_, t.dtype_);
  for (size_t i = 0; i < t.lines_.size() * 64; ++i) {
    if ((i < 64 || i >= last) && all[i] != guard_byte) return false;
  }
  return true;
}

double Tensor::get(int64_t i) const {
  const uint8_t* data = lines_[1].byte;
  return dispatch_all(dtype_, "test", [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<double>(reinterpret_cast<const T*>(data)[i]);
  });
}

void Tensor::set(int64_t i, double value) {
  uint8_t* data = lines_[1].byte;
  dispatch_all(dtype_, "test", [&](auto tag) {
    using T = typename decltype(tag)::type;
    reinterpret_cast<T*>(data)[i] = static_cast<T>(value);
  });
}

std::vector<double> Tensor::values() const {
  std::vector<double> v;
  for (int64_t i = 0; i < size(); ++i) v.push_back(get(i));
  return v;
}

Tensor Tensor::cast(DType dtype) const {
  Tensor t(shape_, dtype);
  for (int64_t i = 0; i < size(); ++i) t.set(i, get(i));
  return t;
}

std::vector<Tensor> evaluate(const Graph& graph, std::map<const Node*, Tensor>& variables,
                             const EvaluateOptions& options) {
  const size_t entries = static_cast<size_t>(graph.num_entries());
  std::vector<Shape> shapes(entries, Shape::unknown());
  std::vector<DType> types(entries, DType::unknown);
  for (auto& [node, tensor] : variables) {
    if (!graph.contains(node)) continue;
    shapes[static_cast<size_t>(graph.entry(graph.id(node), 0))] = tensor.shape();
    types[static_cast<size_t>(graph.entry(graph.id(node), 0))] = tensor.dtype();
  }
  shapes = infer_shapes(graph, shapes);
  types = infer_types(graph, types);
  const std::string unknown = first_unknown_shape(graph, shapes) + first_unknown_type(graph, types);
  MIXNET_CHECK(unknown.empty(), shape, "[evaluate] ", unknown);
  std::vector<Tensor> values;
  for (size_t e = 0; e < entries; ++e) values.emplace_back(shapes[e], types[e]);
  for (auto& [node, tensor] : variables) {
    if (graph.contains(node)) values[static_cast<size_t>(graph.entry(graph.id(node), 0))] = tensor;
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (!graph.node(id)->is_variable()) NodeRun(graph, id, values, options);
  }
  for (auto& [node, tensor] : variables) {
    if (graph.contains(node)) tensor = values[static_cast<size_t>(graph.entry(graph.id(node), 0))];
  }
  return values;
}

Tensor random_tensor(const Shape& shape, DType dtype, double low, double high, uint64_t seed) {
  Tensor t(shape, dtype);
  for (int64_t i = 0; i < t.size(); ++i) {
    const PhiloxBlock block = philox({seed, 7}, static_cast<uint64_t>(i));
    t.set(i, low + (high - low) * uniform_double(block.word[0], block.word[1]));
  }
  return t;
}

}  // namespace mixnet::test
