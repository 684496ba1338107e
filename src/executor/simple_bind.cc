// Binding from shapes alone: infer, allocate, share, then bind.
#include <algorithm>

#include "executor/executor.h"
#include "executor/infer.h"
#include "executor/invoke.h"
#include "op/core/registry.h"
#include "pass/gradient.h"
#include "pass/placement.h"
#include "pass/sparse_values.h"

namespace mixnet {
namespace {

// As the variable's __storage_type__ says.
StorageKind declared_kind(const Node& variable) {
  const auto it = variable.attributes.find("__storage_type__");
  if (it == variable.attributes.end()) return StorageKind::dense;
  const std::string& text = it->second;
  if (text == "1" || text == "row_sparse") return StorageKind::row_sparse;
  if (text == "2" || text == "csr") return StorageKind::csr;
  MIXNET_CHECK(text == "0" || text == "default" || text == "-1", invalid, "[simple_bind] ", variable.name,
               ": __storage_type__: expected 0, 1 or 2, got ", text);
  return StorageKind::dense;
}

// Whether gradients may be other than dense: something is sparse, or an operator is told to give such ones.
bool may_have_sparse_gradients(const Symbol& symbol, const StorageOf& kinds) {
  if (!kinds.empty()) return true;
  const Graph graph(symbol.outputs());
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    const ParamField* field = node.is_variable() ? nullptr : node.op->field("sparse_grad");
    if (field && field->get(node.params.get()).as_bool()) return true;
  }
  return false;
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
  Allocator(const Symbol& symbol, DeviceId device, const SimpleBindArguments& arguments,
            const std::shared_ptr<Executor>& shared, bool fill)
      : variables_(find_variables(symbol.outputs())),
        shapes_(infer_shape(symbol, arguments.shapes)),
        types_(infer_type(symbol, arguments.dtypes, DType::f32)),
        placement_(symbol, device),
        arguments_(arguments),
        shared_(shared),
        fill_(fill) {
    check_shapes_known_before(Graph(symbol.outputs()));
    for (const NodePtr& v : variables_.arguments) {
      const StorageKind kind = declared_kind(*v);
      if (kind != StorageKind::dense && placement_.home(*v).host()) kinds_[v.get()] = kind;
    }
    if (may_have_sparse_gradients(symbol, kinds_)) find_gradient_kinds(symbol);
    MIXNET_CHECK(shapes_.complete(), shape, "[simple_bind] ", shapes_.missing);
    for (const auto& request : arguments.requests) check_name(request.first);
    if (shared) shared_variables_ = find_variables(shared->symbol().outputs());
  }

  BindArguments run() {
    BindArguments bound;
    for (size_t i = 0; i < variables_.arguments.size(); ++i) {
      const std::string& name = variables_.arguments[i]->name;
      const GradRequest* given = lookup(arguments_.requests, name);
      GradRequest request = given ? *given : arguments_.default_request;
      const Shape& shape = shapes_.arguments[i];
      const DType dtype = types_.arguments[i];
      if (!dtype_is_float(dtype) && !given) request = GradRequest::null;
      const Node& v = *variables_.arguments[i];
      bound.arguments.push_back(
          array(v, shape, dtype, &BindArguments::arguments, shared_variables_.arguments, kind(kinds_, v)));
      bound.requests.push_back(request);
      bound.gradients.push_back(request == GradRequest::null
                                    ? NDArray()
                                    : array(v, shape, dtype, &BindArguments::gradients, shared_variables_.arguments,
                                            kind(gradient_kinds_, v)));
    }
    for (size_t i = 0; i < variables_.states.size(); ++i) {
      bound.states.push_back(array(*variables_.states[i], shapes_.states[i], types_.states[i], &BindArguments::states,
                                   shared_variables_.states));
    }
    return bound;
  }

 private:
  static StorageKind kind(const StorageOf& kinds, const Node& v) {
    const auto it = kinds.find(&v);
    return it == kinds.end() ? StorageKind::dense : it->second;
  }

  void find_gradient_kinds(const Symbol& symbol) {
    std::vector<Entry> seeds, wrt;
    for (const Entry& e : symbol.outputs())
      seeds.push_back(!e.node->is_variable() && e.node->op->head ? Entry() : Entry{make_variable("grad"), 0});
    for (const NodePtr& v : variables_.arguments) wrt.push_back({v, 0});
    const std::vector<Entry> grads = gradient(symbol.outputs(), seeds, wrt);
    for (size_t i = 0; i < grads.size(); ++i) {
      const Node* v = variables_.arguments[i].get();
      const StorageKind natural = grads[i] ? natural_kind(grads[i], kinds_) : StorageKind::dense;
      if (natural != StorageKind::dense && placement_.home(*v).host()) gradient_kinds_[v] = natural;
    }
  }

  void check_name(const std::string& name) const {
    const auto& all = variables_.arguments;
    const bool known = std::any_of(all.begin(), all.end(), [&](const NodePtr& v) { return v->name == name; });
    MIXNET_CHECK(known, invalid, "[simple_bind] grad_req: no argument is called '", name, "'");
  }
  NDArray array(const Node& variable, const Shape& shape, DType dtype, std::vector<NDArray> BindArguments::* list,
                const std::vector<NodePtr>& shared_nodes, StorageKind kind = StorageKind::dense) const {
    const DeviceId device = placement_.home(variable);
    for (size_t i = 0; shared_ && i < shared_nodes.size(); ++i) {
      if (shared_nodes[i]->name != variable.name) continue;
      const NDArray& old = (shared_->bound().*list)[i];
      const bool there = placement_.trivial() || (!old.none() && old.device() == device);
      if (!old.none() && old.shape() == shape && old.dtype() == dtype && there) return old;
    }
    if (kind != StorageKind::dense) return NDArray(kind, shape, dtype, device);
    return fill_ ? zeros(shape, dtype, device) : NDArray(shape, dtype, device);
  }

  Variables variables_;
  Inferred<Shape> shapes_;
  Inferred<DType> types_;
  Placement placement_;
  const SimpleBindArguments& arguments_;
  std::shared_ptr<Executor> shared_;
  Variables shared_variables_;
  bool fill_;
  StorageOf kinds_, gradient_kinds_;  // of arguments and their gradients, where not dense
};

}  // namespace

std::shared_ptr<Executor> simple_bind(const Symbol& symbol, DeviceId device, const SimpleBindArguments& arguments,
                                      const std::shared_ptr<Executor>& shared) {
  return bind(symbol, device, Allocator(symbol, device, arguments, shared, true).run(), shared);
}

std::vector<DeviceMemory> estimate_device_memory(const Symbol& symbol, const SimpleBindArguments& arguments,
                                                 bool training) {
  SimpleBindArguments all = arguments;
  if (!training) all.default_request = GradRequest::null;
  // Arrays take no memory before they are written, so binding without running is free.
  return bind(symbol, {}, Allocator(symbol, {}, all, nullptr, false).run(), nullptr)->device_memory(training);
}

MemoryReport estimate_memory(const Symbol& symbol, const SimpleBindArguments& arguments, bool training) {
  return total(estimate_device_memory(symbol, arguments, training));
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
  const Inferred<Shape> now = infer_shape(executor->symbol(), shapes);
  MIXNET_CHECK(now.complete(), shape, "[reshape] ", now.missing);
  for (size_t i = 0; i < variables.arguments.size(); ++i) {
    const std::string& name = variables.arguments[i]->name;
    const Shape &before = old.arguments[i].shape(), &after = now.arguments[i];
    if (before == after) continue;
    MIXNET_CHECK(partial_shaping || lookup(shapes, name), shape, "[reshape] ", name, " would change from ", before,
                 " to ", after, "; expected partial_shaping for that");
    MIXNET_CHECK(up_sizing || after.size() <= before.size(), shape, "[reshape] ", name, " would grow from ", before,
                 " to ", after, "; expected allow_up_sizing for that");
  }
  return simple_bind(executor->symbol(), executor->device(), arguments, executor);
}

}  // namespace mixnet
