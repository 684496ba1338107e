// Binding from shapes alone: infer, allocate, share, then bind.
#include <algorithm>

#include "executor/executor.h"
#include "executor/invoke.h"
#include "op/core/registry.h"
#include "pass/infer.h"

namespace mixnet {
namespace {

template <class T>
const T* lookup(const std::vector<std::pair<std::string, T>>& list, const std::string& name) {
  for (const auto& item : list) {
    if (item.first == name) return &item.second;
  }
  return nullptr;
}

template <class T>
void check_names(const std::vector<std::pair<std::string, T>>& given, const Variables& variables, const char* place) {
  for (const auto& item : given) {
    auto is_it = [&item](const NodePtr& v) { return v->name == item.first; };
    const bool known = std::any_of(variables.arguments.begin(), variables.arguments.end(), is_it) ||
                       std::any_of(variables.states.begin(), variables.states.end(), is_it);
    std::string all;
    for (const NodePtr& v : variables.arguments) all += (all.empty() ? "" : ", ") + v->name;
    MIXNET_CHECK(known, invalid, "[", place, "] no argument is called '", item.first, "', expected one of ", all);
  }
}

// "(2, 3)" on a variable, with 0 for unknown extents as old files have it.
Shape declared_shape(const Node& variable) {
  auto it = variable.attributes.find("__shape__");
  if (it == variable.attributes.end()) return Shape::unknown();
  Shape shape = Value(it->second).as_ints();
  for (int i = 0; i < shape.ndim(); ++i) {
    if (shape[i] == 0) shape[i] = -1;
  }
  return shape;
}

DType declared_type(const Node& variable) {
  auto it = variable.attributes.find("__dtype__");
  if (it == variable.attributes.end() || it->second == "-1" || it->second == "None") return DType::unknown;
  return dtype_from_name(it->second);
}

struct Inferred {
  Graph graph;
  Variables variables;
  std::vector<Shape> shapes;
  std::vector<DType> types;

  size_t entry(const NodePtr& v) const { return static_cast<size_t>(graph.entry(graph.id(v.get()), 0)); }
};

Inferred start(const Symbol& symbol) {
  Inferred r{Graph(symbol.outputs()), find_variables(symbol.outputs()), {}, {}};
  r.shapes.assign(static_cast<size_t>(r.graph.num_entries()), Shape::unknown());
  r.types.assign(static_cast<size_t>(r.graph.num_entries()), DType::unknown);
  return r;
}

template <class F>
void for_variables(const Inferred& r, F f) {
  for (const NodePtr& v : r.variables.arguments) f(v);
  for (const NodePtr& v : r.variables.states) f(v);
}

void run_shapes(Inferred& r, const std::vector<std::pair<std::string, Shape>>& known) {
  check_names(known, r.variables, "infer_shape");
  for_variables(r, [&](const NodePtr& v) {
    const Shape* given = lookup(known, v->name);
    r.shapes[r.entry(v)] = given && given->ndim_known() ? *given : declared_shape(*v);
  });
  r.shapes = infer_shapes(r.graph, std::move(r.shapes));
}

void run_types(Inferred& r, const std::vector<std::pair<std::string, DType>>& known) {
  check_names(known, r.variables, "infer_type");
  for_variables(r, [&](const NodePtr& v) {
    const DType* given = lookup(known, v->name);
    r.types[r.entry(v)] = given && *given != DType::unknown ? *given : declared_type(*v);
  });
  r.types = infer_types(r.graph, std::move(r.types));
}

// float32 for whatever says nothing, one variable at a time so that it spreads.
void default_types(Inferred& r) {
  for_variables(r, [&](const NodePtr& v) {
    if (r.types[r.entry(v)] != DType::unknown) return;
    r.types[r.entry(v)] = DType::f32;
    r.types = infer_types(r.graph, std::move(r.types));
  });
}

NDArray zeros(const Shape& shape, DType dtype, DeviceId device) {
  NDArray a(shape, dtype, device);
  std::vector<NDArray> out{a};
  static const OpSchema& op = registry().at("zeros_like");
  invoke(op, op.make_params({}), Span<const NDArray>(&a, 1), out);
  return a;
}

class Allocator {
 public:
  Allocator(const Symbol& symbol, DeviceId device, const SimpleBindArguments& arguments, const std::shared_ptr<Executor>& shared, bool fill)
      : inferred_(start(symbol)), device_(device), arguments_(arguments), shared_(shared), fill_(fill) {
    run_shapes(inferred_, arguments.shapes);
    run_types(inferred_, arguments.dtypes);
    default_types(inferred_);
    const std::string unknown = first_unknown_shape(inferred_.graph, inferred_.shapes);
    MIXNET_CHECK(unknown.empty(), shape, "[simple_bind] ", unknown);
    check_names(arguments.requests, inferred_.variables, "simple_bind");
    if (shared) shared_variables_ = find_variables(shared->symbol().outputs());
  }

  BindArguments run() {
    BindArguments bound;
    for (const NodePtr& v : inferred_.variables.arguments) {
      const GradRequest* given = lookup(arguments_.requests, v->name);
      GradRequest request = given ? *given : arguments_.default_request;
      const Shape& shape = inferred_.shapes[inferred_.entry(v)];
      const DType dtype = inferred_.types[inferred_.entry(v)];
      if (!dtype_is_float(dtype) && !given) request = GradRequest::null;
      bound.arguments.push_back(array(v->name, shape, dtype, &BindArguments::arguments, shared_variables_.arguments));
      bound.requests.push_back(request);
      bound.gradients.push_back(request == GradRequest::null ? NDArray()
                                : array(v->name, shape, dtype, &BindArguments::gradients, shared_variables_.arguments));
    }
    for (const NodePtr& v : inferred_.variables.states) {
      bound.states.push_back(array(v->name, inferred_.shapes[inferred_.entry(v)], inferred_.types[inferred_.entry(v)],
                                   &BindArguments::states, shared_variables_.states));
    }
    return bound;
  }

 private:
  NDArray array(const std::string& name, const Shape& shape, DType dtype, std::vector<NDArray> BindArguments::*list,
                const std::vector<NodePtr>& shared_nodes) const {
    for (size_t i = 0; shared_ && i < shared_nodes.size(); ++i) {
      if (shared_nodes[i]->name != name) continue;
      const NDArray& old = (shared_->bound().*list)[i];
      if (!old.none() && old.shape() == shape && old.dtype() == dtype) return old;
    }
    return fill_ ? zeros(shape, dtype, device_) : NDArray(shape, dtype, device_);
  }

  Inferred inferred_;
  DeviceId device_;
  const SimpleBindArguments& arguments_;
  std::shared_ptr<Executor> shared_;
  Variables shared_variables_;
  bool fill_;
};

}  // namespace

std::shared_ptr<Executor> simple_bind(const Symbol& symbol, DeviceId device, const SimpleBindArguments& arguments,
                                      const std::shared_ptr<Executor>& shared) {
  return bind(symbol, device, Allocator(symbol, device, arguments, shared, true).run(), shared);
}

MemoryReport estimate_memory(const Symbol& symbol, const SimpleBindArguments& arguments, bool training) {
  SimpleBindArguments all = arguments;
  if (!training) all.default_request = GradRequest::null;
  // Arrays take no memory before they are written, so binding without running is free.
  return bind(symbol, {}, Allocator(symbol, {}, all, nullptr, false).run(), nullptr)->memory(training);
}

std::shared_ptr<Executor> reshape(const std::shared_ptr<Executor>& executor, bool partial_shaping, bool up_sizing,
                                  const std::vector<std::pair<std::string, Shape>>& shapes) {
  const Variables variables = find_variables(executor->symbol().outputs());
  const BindArguments& old = executor->bound();
  SimpleBindArguments arguments;
  arguments.shapes = shapes;
  for (size_t i = 0; i < variables.arguments.size(); ++i) {
    arguments.dtypes.emplace_back(variables.arguments[i]->name, old.arguments[i].dtype());
    arguments.requests.emplace_back(variables.arguments[i]->name, old.requests[i]);
  }
  const InferredShapes now = infer_shape(executor->symbol(), shapes);
  MIXNET_CHECK(now.complete, shape, "[reshape] the shapes given do not determine all others");
  for (size_t i = 0; i < variables.arguments.size(); ++i) {
    const std::string& name = variables.arguments[i]->name;
    const Shape &before = old.arguments[i].shape(), &after = now.arguments[i];
    if (before == after) continue;
    MIXNET_CHECK(partial_shaping || lookup(shapes, name), shape, "[reshape] ", name, " would change from ", before, " to ", after,
                 "; expected partial_shaping for that");
    MIXNET_CHECK(up_sizing || after.size() <= before.size(), shape, "[reshape] ", name, " would grow from ", before, " to ", after,
                 "; expected allow_up_sizing for that");
  }
  return simple_bind(executor->symbol(), executor->device(), arguments, executor);
}

InferredShapes infer_shape(const Symbol& symbol, const std::vector<std::pair<std::string, Shape>>& known) {
  Inferred r = start(symbol);
  run_shapes(r, known);
  InferredShapes result;
  for (const NodePtr& v : r.variables.arguments) result.arguments.push_back(r.shapes[r.entry(v)]);
  for (const NodePtr& v : r.variables.states) result.states.push_back(r.shapes[r.entry(v)]);
  for (const Entry& e : symbol.outputs()) result.outputs.push_back(r.shapes[static_cast<size_t>(r.graph.entry(e))]);
  auto known_all = [](const std::vector<Shape>& list) { return std::all_of(list.begin(), list.end(), [](const Shape& s) { return s.known(); }); };
  result.complete = known_all(result.arguments) && known_all(result.states) && known_all(result.outputs);
  return result;
}

InferredTypes infer_type(const Symbol& symbol, const std::vector<std::pair<std::string, DType>>& known) {
  Inferred r = start(symbol);
  run_types(r, known);
  InferredTypes result;
  for (const NodePtr& v : r.variables.arguments) result.arguments.push_back(r.types[r.entry(v)]);
  for (const NodePtr& v : r.variables.states) result.states.push_back(r.types[r.entry(v)]);
  for (const Entry& e : symbol.outputs()) result.outputs.push_back(r.types[static_cast<size_t>(r.graph.entry(e))]);
  auto known_all = [](const std::vector<DType>& list) { return std::all_of(list.begin(), list.end(), [](DType t) { return t != DType::unknown; }); };
  result.complete = known_all(result.arguments) && known_all(result.states) && known_all(result.outputs);
  return result;
}

}  // namespace mixnet
