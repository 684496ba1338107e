/// A symbol bound to arrays: forward and backward.
#pragma once

#include <mixnet/arithmetic.hpp>

#include <functional>

namespace mixnet {

/// What becomes of an argument's gradient.
enum class GradReq : int32_t { none = MXN_GRAD_NULL, write = MXN_GRAD_WRITE, add = MXN_GRAD_ADD };

/// What simple_bind is to know beside shapes.
struct BindOptions {
  Device device;
  GradReq grad_req = GradReq::write;
  std::map<std::string, GradReq> grad_reqs;  ///< for single arguments
  std::map<std::string, DType> dtypes;
};

class Executor {
 public:
  Executor() = default;

  /// Binds fresh arrays, made from the shapes of some arguments. Those of `shared` with the same name, shape and dtype are reused.
  static Executor simple_bind(const Symbol& symbol, const std::map<std::string, Shape>& shapes,
                              const BindOptions& options = {}, const Executor* shared = nullptr) {
    const detail::NamedShapes known(shapes);
    std::vector<const char*> dtype_names, req_names;
    std::vector<int32_t> dtypes, reqs;
    for (const auto& [name, dtype] : options.dtypes) {
      dtype_names.push_back(name.c_str());
      dtypes.push_back(static_cast<int32_t>(dtype));
    }
    for (const auto& [name, req] : options.grad_reqs) {
      req_names.push_back(name.c_str());
      reqs.push_back(static_cast<int32_t>(req));
    }
    Executor made;
    check(mxn_executor_simple_bind(symbol.get(), options.device.kind, options.device.index, known.names.data(),
                                   known.ndims.data(), known.dims.data(), known.count(), dtype_names.data(),
                                   dtypes.data(), static_cast<int32_t>(dtypes.size()), req_names.data(), reqs.data(),
                                   static_cast<int32_t>(reqs.size()), static_cast<int32_t>(options.grad_req),
                                   shared ? shared->get() : nullptr, receive(made.handle_)));
    made.collect(symbol);
    return made;
  }

  /// Binds these arrays. Arguments without a gradient array get none.
  static Executor bind(const Symbol& symbol, const Arrays& args, const Arrays& grads = {}, const Arrays& states = {},
                       const BindOptions& options = {}) {
    std::vector<mxn_ndarray_t*> arguments, gradients, kept;
    std::vector<int32_t> reqs;
    for (const std::string& name : symbol.arguments()) {
      const auto grad = grads.find(name);
      const auto req = options.grad_reqs.find(name);
      arguments.push_back(wanted(args, name, "args"));
      gradients.push_back(grad == grads.end() ? nullptr : grad->second.get());
      const GradReq asked = req == options.grad_reqs.end() ? options.grad_req : req->second;
      reqs.push_back(static_cast<int32_t>(gradients.back() ? asked : GradReq::none));
    }
    for (const std::string& name : symbol.states()) kept.push_back(wanted(states, name, "states"));
    Executor made;
    check(mxn_executor_bind(symbol.get(), options.device.kind, options.device.index, arguments.data(), gradients.data(),
                            reqs.data(), static_cast<int64_t>(arguments.size()), kept.data(),
                            static_cast<int64_t>(kept.size()), nullptr, receive(made.handle_)));
    made.collect(symbol);
    return made;
  }

  explicit operator bool() const { return handle_ != nullptr; }
  mxn_executor_t* get() const { return handle_.get(); }

  /// Computes the outputs.
  void forward(bool training = false) { check(mxn_executor_forward(get(), training)); }
  /// Computes the gradients after a forward in training mode. Losses need no gradient of their output.
  void backward(const std::vector<const NDArray*>& heads = {}) {
    std::vector<mxn_ndarray_t*> handles;
    for (const NDArray* head : heads) handles.push_back(head ? head->get() : nullptr);
    check(mxn_executor_backward(get(), handles.data(), static_cast<int64_t>(handles.size())));
  }

  /// Outputs of the last forward.
  std::vector<NDArray> outputs() const { return arrays(3); }
  NDArray output(size_t i = 0) const {
    std::vector<NDArray> all = outputs();
    if (i >= all.size()) fail("[Executor] output: expected one below " + std::to_string(all.size()));
    return std::move(all[i]);
  }
  /// Arguments, gradients (of those that have one) and states by name; the executor's own arrays.
  Arrays& args() { return args_; }
  Arrays& grads() { return grads_; }
  Arrays& states() { return states_; }
  NDArray& arg(const std::string& name) { return one(args_, name, "argument"); }
  NDArray& grad(const std::string& name) { return one(grads_, name, "gradient"); }
  NDArray& state(const std::string& name) { return one(states_, name, "state"); }
  const std::vector<std::string>& arg_names() const { return arg_names_; }

  /// The same symbol for other shapes, sharing parameters and memory.
  Executor reshape(const std::map<std::string, Shape>& shapes, bool partial = false, bool grow = true) const {
    const detail::NamedShapes known(shapes);
    Executor made;
    check(mxn_executor_reshape(get(), partial, grow, known.names.data(), known.ndims.data(), known.dims.data(),
                               known.count(), receive(made.handle_)));
    made.arg_names_ = arg_names_;
    made.state_names_ = state_names_;
    made.collect();
    return made;
  }

  /// Called for every inner output, and with `inputs` for every input, on the thread that calls forward.
  using Monitor = std::function<void(const std::string& name, const NDArray& value)>;
  void set_monitor(Monitor monitor, bool inputs = false) {
    if (!monitor) return check(mxn_executor_set_monitor(get(), nullptr, nullptr, nullptr, 0));
    auto* user = new Monitor(std::move(monitor));
    check(mxn_executor_set_monitor(get(), &Executor::watch, user, &detail::destroy<Monitor>, inputs));
  }

  /// Memory of the bound plan.
  mxn_memory_info_t memory(bool training = false) const {
    mxn_memory_info_t info{};
    info.struct_size = sizeof info;
    check(mxn_executor_memory(get(), training, &info));
    return info;
  }
  /// The part of it on one device.
  mxn_memory_info_t memory(Device device, bool training = false) const {
    mxn_memory_info_t info{};
    info.struct_size = sizeof info;
    check(mxn_executor_device_memory(get(), device.kind, device.index, training, &info));
    return info;
  }
  /// The steps of the plan, a line each.
  std::string describe() const {
    detail::Text text;
    check(mxn_executor_describe(get(), receive(text)));
    return detail::text(text);
  }

 private:
  static mxn_ndarray_t* wanted(const Arrays& arrays, const std::string& name, const char* what) {
    const auto found = arrays.find(name);
    if (found == arrays.end()) fail(std::string("[bind] ") + what + ": expected an array for " + name + ", got none");
    return found->second.get();
  }
  static NDArray& one(Arrays& arrays, const std::string& name, const char* what) {
    const auto found = arrays.find(name);
    if (found == arrays.end()) fail(std::string("[Executor] ") + what + ": expected one of its own, got " + name);
    return found->second;
  }
  static int32_t watch(void* user, const char* name, mxn_ndarray_t* value) {
    return detail::guarded([&] {
      NDArray borrowed(value);
      struct Back {
        NDArray& array;
        ~Back() { array.release(); }
      } back{borrowed};
      (*static_cast<Monitor*>(user))(name, borrowed);
    });
  }
  std::vector<NDArray> arrays(int32_t what) const {
    mxn_ndarray_t** handles = nullptr;
    int64_t count = 0;
    check(mxn_executor_arrays(get(), what, &handles, &count));
    return detail::adopt(handles, count);
  }
  void collect(const Symbol& symbol) {
    arg_names_ = symbol.arguments();
    state_names_ = symbol.states();
    collect();
  }
  void collect() {
    args_ = detail::by_name(arrays(0), arg_names_);
    std::vector<NDArray> gradients = arrays(1);
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i]) grads_[arg_names_[i]] = std::move(gradients[i]);
    }
    states_ = detail::by_name(arrays(2), state_names_);
  }

  Handle<mxn_executor_t, mxn_executor_free> handle_;
  std::vector<std::string> arg_names_, state_names_;
  Arrays args_, grads_, states_;
};

}  // namespace mixnet
