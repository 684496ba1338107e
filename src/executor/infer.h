// Shape and dtype inference over a symbol, by argument or state name.
//
// What variables declare in their attributes (__shape__, __dtype__) counts where nothing is given. What stays unknown is left unknown;
// names that the symbol does not have throw Code::invalid, contradictions Code::shape or Code::type.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "symbol/symbol.h"

namespace mixnet {

// By position in list_arguments, list_outputs and list_states; `missing` is a sentence about the first unknown entry, or empty.
template <class T>
struct Inferred {
  std::vector<T> arguments, outputs, states;
  std::string missing;
  bool complete() const { return missing.empty(); }
};

Inferred<Shape> infer_shape(const Symbol& symbol, const std::vector<std::pair<std::string, Shape>>& known);
// `fallback` is what variables that nothing says anything about have; unknown leaves them open.
Inferred<DType> infer_type(const Symbol& symbol, const std::vector<std::pair<std::string, DType>>& known,
                           DType fallback = DType::unknown);

// By name; nullptr when absent.
template <class T>
const T* lookup(const std::vector<std::pair<std::string, T>>& list, const std::string& name) {
  for (const auto& item : list) {
    if (item.first == name) return &item.second;
  }
  return nullptr;
}

}  // namespace mixnet
