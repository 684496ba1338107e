#include "predictor/predictor.h"

#include <algorithm>
#include <cstring>

#include "executor/head_maker.h"
#include "executor/infer.h"
#include "ndarray/serialize.h"
#include "ndarray/sparse_parts.h"

namespace mixnet {
namespace {

// "arg:fc1_weight" and "aux:bn_mean" without what MXNet's training scripts put before.
std::string bare_name(const std::string& name) {
  const bool prefixed = name.compare(0, 4, "arg:") == 0 || name.compare(0, 4, "aux:") == 0;
  return prefixed ? name.substr(4) : name;
}

bool is_label(const std::string& name) {
  const std::string end = "_label";
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

Symbol select_outputs(const Symbol& symbol, const std::vector<std::string>& names) {
  if (names.empty()) return symbol;
  const Symbol inner = symbol.internals();
  const std::vector<std::string> all = inner.list_outputs();
  std::vector<Symbol> chosen;
  for (const std::string& name : names) {
    const bool whole = std::find(all.begin(), all.end(), name) != all.end();
    chosen.push_back(inner.output(whole ? name : name + "_output"));
  }
  return Symbol::group(chosen);
}

NDArray zeros(const Shape& shape, DType dtype) {
  NDArray a(shape, dtype);
  if (a.bytes() > 0) std::memset(a.view().data, 0, static_cast<size_t>(a.bytes()));
  return a;
}

// Whether some operator changes the variable of this name.
bool written(const Graph& graph, const std::string& name) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.mutates_input(static_cast<int>(i)) && node.inputs[i].node->name == name) return true;
    }
  }
  return false;
}

NDArray own_copy(const NDArray& a) {
  NDArray copy(a.shape(), a.dtype());
  if (a.bytes() > 0) std::memcpy(copy.view().data, a.view().data, static_cast<size_t>(a.bytes()));
  return copy;
}

}  // namespace

Model::Model(const std::string& symbol_json, const void* params, size_t params_bytes,
             const std::vector<std::string>& outputs, bool borrow)
    : symbol_(select_outputs(Symbol::from_json(symbol_json), outputs)), output_names_(symbol_.list_outputs()) {
  if (params_bytes == 0) return;
  const NamedArrays file = load_arrays_from_memory(params, params_bytes, "the parameters", borrow);
  MIXNET_CHECK(file.names.size() == file.arrays.size(), io,
               "[predictor] parameters: expected arrays with names, got a list without");
  const Variables variables = find_variables(symbol_.outputs());
  const Graph graph(symbol_.outputs());
  auto needed = [](const std::vector<NodePtr>& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(), [&](const NodePtr& v) { return v->name == name; });
  };
  for (size_t i = 0; i < file.arrays.size(); ++i) {
    const std::string name = bare_name(file.names[i]);
    if (!needed(variables.arguments, name) && !needed(variables.states, name)) continue;
    const NDArray& array = file.arrays[i];
    array.wait_to_read();
    if (!array.dense()) parameters_.emplace_back(name, dense_copy(array));
    else parameters_.emplace_back(name, borrow && written(graph, name) ? own_copy(array) : array);
  }
}

const NDArray* Model::parameter(const std::string& name) const { return lookup(parameters_, name); }

Predictor::Predictor(std::shared_ptr<const Model> model, std::vector<PredictorInput> inputs)
    : model_(std::move(model)), inputs_(std::move(inputs)) {
  bind();
}

void Predictor::bind() {
  const Symbol& symbol = model_->symbol();
  std::vector<std::pair<std::string, Shape>> shapes;
  std::vector<std::pair<std::string, DType>> types;
  for (const PredictorInput& input : inputs_) {
    MIXNET_CHECK(input.shape.known(), shape, "[predictor] ", input.name,
                 ": expected a shape without unknown extents, got ", input.shape);
    MIXNET_CHECK(!lookup(shapes, input.name), invalid, "[predictor] ", input.name, ": expected each input once");
    shapes.emplace_back(input.name, input.shape);
    types.emplace_back(input.name, input.dtype);
    input_arrays_.push_back(zeros(input.shape, input.dtype));
  }
  for (const auto& [name, array] : model_->parameters()) {
    if (lookup(shapes, name)) continue;  // fed from outside instead
    shapes.emplace_back(name, array.shape());
    types.emplace_back(name, array.dtype());
  }
  const Variables variables = find_variables(symbol.outputs());
  for (const auto* list : {&variables.arguments, &variables.states}) {
    for (const NodePtr& v : *list) {
      MIXNET_CHECK(lookup(shapes, v->name) || is_label(v->name), invalid, "[predictor] ", v->name,
                   ": expected an input or a parameter of this name, found neither");
    }
  }
  const Inferred<Shape> shape = infer_shape(symbol, shapes);
  const Inferred<DType> type = infer_type(symbol, types, DType::f32);
  MIXNET_CHECK(shape.complete(), shape, "[predictor] ", shape.missing);
  MIXNET_CHECK(type.complete(), type, "[predictor] ", type.missing);

  PlanRequest request;
  auto add = [&](const std::vector<NodePtr>& nodes, const Inferred<Shape>& s,
                 const std::vector<Shape> Inferred<Shape>::* dims, const std::vector<DType> Inferred<DType>::* dtypes) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      NDArray value;
      for (size_t k = 0; k < inputs_.size(); ++k) {
        if (inputs_[k].name == nodes[i]->name) value = input_arrays_[k];
      }
      if (const NDArray* parameter = model_->parameter(nodes[i]->name); parameter && value.none()) value = *parameter;
      if (value.none()) value = zeros((s.*dims)[i], (type.*dtypes)[i]);
      request.variables.emplace_back(nodes[i].get(), value);
      if (std::any_of(inputs_.begin(), inputs_.end(),
                      [&](const PredictorInput& p) { return p.name == nodes[i]->name; })) {
        request.inputs.push_back(nodes[i].get());
      }
    }
  };
  add(variables.arguments, shape, &Inferred<Shape>::arguments, &Inferred<DType>::arguments);
  add(variables.states, shape, &Inferred<Shape>::states, &Inferred<DType>::states);
  HeadMaker maker;
  for (size_t i = 0; i < symbol.outputs().size(); ++i) {
    outputs_.push_back(zeros(shape.outputs[i], type.outputs[i]));
    maker.add(symbol.outputs()[i], outputs_.back());
  }
  request.heads = maker.heads;
  request.head_arrays = maker.arrays;
  request.kept = model_->kept();
  request.num_forward_heads = static_cast<int>(request.heads.size());
  plan_ = std::make_unique<Plan>(request);
  arena_ = std::make_unique<Chunk>(DeviceId{}, static_cast<size_t>(plan_->arena_bytes()));
}

void Predictor::forward() {
  next_step_ = 0;
  forward_steps(plan_->num_steps());
}

int Predictor::forward_steps(int count) {
  const int total = plan_->num_steps(), first = next_step_ >= total ? 0 : next_step_;
  MIXNET_CHECK(count >= 0, invalid, "[predictor] steps: expected at least 0, got ", count);
  if (first == 0) random_.operation += plan_->num_draws();
  const int last = first + std::min(count, total - first);
  next_step_ = 0;  // an error ends this forward
  plan_->run(first, last, static_cast<char*>(arena_->data()), random_);
  next_step_ = last;
  return total - last;
}

}  // namespace mixnet
