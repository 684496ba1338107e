/// A symbol that is called on arrays, planned once; and functions of arrays that are traced into one.
///
///     Jit layer([&](const std::vector<NDArray>& in) { return array_list(op::tanh(in[0] * weight).array()); });
///     NDArray y = std::move(layer({&x})[0]);
#pragma once

#include <mixnet/autograd.hpp>
#include <mixnet/symbol.hpp>

namespace mixnet {

class CachedOp {
 public:
  /// parameters: arguments that are the same arrays in most calls; what depends on them alone is kept in prediction.
  explicit CachedOp(const Symbol& symbol, const std::vector<std::string>& parameters = {}) : outputs_(symbol.size()) {
    const std::vector<const char*> names = detail::pointers(parameters);
    check(mxn_cached_op_create(symbol.get(), names.data(), static_cast<int32_t>(names.size()), receive(handle_)));
  }
  /// The outputs, from the arguments and then the states in list order. In the thread's mode, and recorded while it records.
  std::vector<NDArray> operator()(const std::vector<const NDArray*>& inputs) const {
    const std::vector<mxn_ndarray_t*> given = detail::handles(inputs);
    std::vector<mxn_ndarray_t*> made(outputs_);
    int32_t count = 0;
    check(mxn_cached_op_invoke(handle_.get(), given.data(), static_cast<int64_t>(given.size()), made.data(),
                               static_cast<int32_t>(made.size()), &count));
    std::vector<NDArray> outputs;
    for (int32_t i = 0; i < count; ++i) outputs.emplace_back(made[static_cast<size_t>(i)]);
    return outputs;
  }
  /// The steps of the last call's plan, a line each.
  std::string describe() const {
    detail::Text text;
    int64_t plans = 0;
    check(mxn_cached_op_describe(handle_.get(), receive(text), &plans));
    return detail::text(text);
  }

 private:
  Handle<mxn_cached_op_t, mxn_cached_op_free> handle_;
  size_t outputs_;
};

/// A function of arrays as a planned and fused graph. The function itself runs once for each combination of shapes, dtypes, devices and mode, with
/// arrays that have no values; arrays from outside are read anew in every call and have gradients. Reading values and writing arrays throw.
class Jit {
 public:
  using Function = std::function<std::vector<NDArray>(const std::vector<NDArray>&)>;
  explicit Jit(Function function) : function_(std::move(function)) {}

  std::vector<NDArray> operator()(const std::vector<const NDArray*>& inputs) {
    const int32_t flags = detail::Flags::now();
    if (flags & MXN_AUTOGRAD_TRACING) return function_(shared(inputs));
    std::string key = flags & MXN_AUTOGRAD_TRAINING ? "training" : "prediction";
    for (const NDArray* input : inputs) {
      const Device device = input->device();
      key += " " + to_text(input->shape()) + name_of(input->dtype()) + std::to_string(device.kind) + ":" +
             std::to_string(device.index);
    }
    auto found = traces_.find(key);
    if (found == traces_.end()) found = traces_.emplace(key, trace(inputs)).first;
    std::vector<const NDArray*> all;
    for (const Source& source : found->second.sources)
      all.push_back(source.outside ? &found->second.outside[source.number] : inputs[source.number]);
    return found->second.op(all);
  }
  /// How often the function itself has run.
  size_t traces() const { return traces_.size(); }

 private:
  struct Source {
    bool outside;
    size_t number;
  };
  struct Traced {
    CachedOp op;
    std::vector<Source> sources;
    std::vector<NDArray> outside;
  };
  /// Gives the trace up unless it was ended.
  struct Tracing {
    ~Tracing() {
      mxn_symbol_t* symbol = nullptr;
      mxn_ndarray_t** arrays = nullptr;
      int64_t count = 0;
      if (open) mxn_trace_end(nullptr, 0, &symbol, &arrays, &count);
    }
    bool open = true;
  };

  static std::vector<NDArray> shared(const std::vector<const NDArray*>& inputs) {
    std::vector<NDArray> found;
    for (const NDArray* input : inputs) found.push_back(input->share());
    return found;
  }

  Traced trace(const std::vector<const NDArray*>& inputs) {
    const std::vector<mxn_ndarray_t*> given = detail::handles(inputs);
    mxn_ndarray_t** arrays = nullptr;
    int64_t count = 0;
    check(mxn_trace_begin(given.data(), static_cast<int64_t>(given.size()), &arrays, &count));
    Tracing tracing;
    const std::vector<NDArray> outputs = function_(detail::take(arrays, count));
    if (outputs.empty()) fail("[Jit] expected a function that returns arrays, got none");
    const std::vector<mxn_ndarray_t*> made = detail::handles(detail::addresses(outputs));
    mxn_symbol_t* symbol = nullptr;
    tracing.open = false;
    check(mxn_trace_end(made.data(), static_cast<int64_t>(made.size()), &symbol, &arrays, &count));
    return replayed(Symbol(symbol), detail::take(arrays, count));
  }

  /// The library calls the inputs data0, data1, ... and what was found outside param0, param1, ...
  static Traced replayed(const Symbol& symbol, std::vector<NDArray> outside) {
    std::vector<std::string> names = symbol.arguments(), parameters;
    for (const std::string& name : names) {
      if (name[0] == 'p') parameters.push_back(name);
    }
    for (std::string& state : symbol.states()) names.push_back(std::move(state));
    std::vector<Source> sources;
    for (const std::string& name : names)
      sources.push_back({name[0] == 'p', std::stoul(name.substr(name[0] == 'p' ? 5 : 4))});
    return {CachedOp(symbol, parameters), std::move(sources), std::move(outside)};
  }

  Function function_;
  std::map<std::string, Traced> traces_;
};

}  // namespace mixnet
