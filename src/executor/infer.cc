#include "executor/infer.h"

#include <algorithm>

#include "pass/infer.h"

namespace mixnet {
namespace {

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

// The graph of a symbol with one value per entry.
template <class T>
struct Annotated {
  Annotated(const Symbol& symbol, T unknown)
      : graph(symbol.outputs()),
        variables(find_variables(symbol.outputs())),
        values(static_cast<size_t>(graph.num_entries()), unknown) {}

  T& at(const NodePtr& v) { return values[static_cast<size_t>(graph.entry(graph.id(v.get()), 0))]; }
  template <class F>
  void for_variables(F f) const {
    for (const NodePtr& v : variables.arguments) f(v);
    for (const NodePtr& v : variables.states) f(v);
  }
  Inferred<T> by_list(const Symbol& symbol, std::string missing) {
    Inferred<T> result;
    for (const NodePtr& v : variables.arguments) result.arguments.push_back(at(v));
    for (const NodePtr& v : variables.states) result.states.push_back(at(v));
    for (const Entry& e : symbol.outputs()) result.outputs.push_back(values[static_cast<size_t>(graph.entry(e))]);
    result.missing = std::move(missing);
    return result;
  }

  Graph graph;
  Variables variables;
  std::vector<T> values;
};

}  // namespace

Inferred<Shape> infer_shape(const Symbol& symbol, const std::vector<std::pair<std::string, Shape>>& known) {
  Annotated<Shape> a(symbol, Shape::unknown());
  check_names(known, a.variables, "infer_shape");
  a.for_variables([&](const NodePtr& v) {
    const Shape* given = lookup(known, v->name);
    a.at(v) = given && given->ndim_known() ? *given : declared_shape(*v);
  });
  a.values = infer_shapes(a.graph, std::move(a.values));
  return a.by_list(symbol, first_unknown_shape(a.graph, a.values));
}

Inferred<DType> infer_type(const Symbol& symbol, const std::vector<std::pair<std::string, DType>>& known,
                           DType fallback) {
  Annotated<DType> a(symbol, DType::unknown);
  check_names(known, a.variables, "infer_type");
  a.for_variables([&](const NodePtr& v) {
    const DType* given = lookup(known, v->name);
    a.at(v) = given && *given != DType::unknown ? *given : declared_type(*v);
  });
  a.values = infer_types(a.graph, std::move(a.values));
  // One variable at a time, so that a choice spreads.
  a.for_variables([&](const NodePtr& v) {
    if (fallback == DType::unknown || a.at(v) != DType::unknown) return;
    a.at(v) = fallback;
    a.values = infer_types(a.graph, std::move(a.values));
  });
  return a.by_list(symbol, first_unknown_type(a.graph, a.values));
}

}  // namespace mixnet
