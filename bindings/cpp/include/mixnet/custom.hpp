/// Operators that a program defines: `Symbol net = custom(x, "my_square")`, once register_custom has given the name a meaning.
#pragma once

#include <mixnet/ndarray.hpp>
#include <mixnet/symbol.hpp>

#include <functional>
#include <map>
#include <mutex>

namespace mixnet {

/// The arrays of a call. They borrow memory for the call; those that backward does not read have no values.
struct CustomArrays {
  bool training = false;
  std::vector<bool> wanted;  // by output in forward, by input in backward
  std::vector<NDArray> inputs, outputs, states, output_grads, input_grads;
};

/// What runs, on a thread of the library's: it may wait and call the library. An executor, and a recorded call, has one of its own.
class CustomOperator {
 public:
  virtual ~CustomOperator() = default;
  /// Writes the outputs.
  virtual void forward(CustomArrays& arrays) = 0;
  /// Writes the gradients of the inputs; those that are not written are zero.
  virtual void backward(CustomArrays&) { fail("[CustomOperator] backward: not defined"); }
};

/// What goes in and comes out. The defaults are one input and one output of the same shape and dtype.
class CustomProp {
 public:
  virtual ~CustomProp() = default;
  std::vector<std::string> inputs{"data"}, outputs{"output"}, states;
  /// Shapes of the inputs, the outputs and the states, in this order, from those of the inputs.
  virtual std::vector<Shape> infer_shape(const std::vector<Shape>& in) const {
    std::vector<Shape> all = in;
    all.resize(inputs.size() + outputs.size() + states.size(), in.empty() ? Shape() : in[0]);
    return all;
  }
  /// Codes of their dtypes likewise, -1 where unknown.
  virtual Shape infer_type(const Shape& in) const {
    Shape all = in;
    all.resize(inputs.size() + outputs.size() + states.size(), in.empty() ? int64_t{MXN_FLOAT32} : in[0]);
    return all;
  }
  virtual std::unique_ptr<CustomOperator> create() const = 0;
};

/// A prop from the parameters of a node.
using CustomMaker = std::function<std::unique_ptr<CustomProp>(const std::map<std::string, std::string>& params)>;

namespace detail {

/// Answers the library's questions for one name.
class CustomHost {
 public:
  explicit CustomHost(CustomMaker make) : make_(std::move(make)) {}

  static int32_t ask(void* user, mxn_custom_call_t* call) {
    return guarded([&] { static_cast<CustomHost*>(user)->answer(call); });
  }

 private:
  void answer(mxn_custom_call_t* call) {
    mxn_custom_info_t info{};
    info.struct_size = sizeof info;
    check(mxn_custom_call_info(call, &info));
    switch (info.what) {
      case MXN_CUSTOM_DECLARE: return declare(call, info.prop);
      case MXN_CUSTOM_SHAPES: return give(call, prop(info.prop)->infer_shape(asked(call)));
      case MXN_CUSTOM_TYPES: return give(call, {prop(info.prop)->infer_type(asked(call).at(0))});
      case MXN_CUSTOM_CREATE: {
        std::shared_ptr<CustomOperator> made = prop(info.prop)->create();
        const std::lock_guard<std::mutex> lock(mutex_);
        operators_[info.op] = std::move(made);
        return;
      }
      case MXN_CUSTOM_RELEASE: {
        const std::lock_guard<std::mutex> lock(mutex_);
        props_.erase(info.prop);
        operators_.erase(info.op);
        return;
      }
      default: return run(call, info);
    }
  }

  void declare(mxn_custom_call_t* call, int64_t number) {
    Strings texts;
    check(mxn_custom_call_params(call, receive(texts)));
    const std::vector<std::string> words = list(texts);
    std::map<std::string, std::string> params;
    for (size_t i = 0; i + 1 < words.size(); i += 2) params[words[i]] = words[i + 1];
    std::shared_ptr<CustomProp> made = make_(params);
    const std::vector<std::string>* names[] = {&made->inputs, &made->outputs, &made->states};
    for (int32_t what = 0; what < 3; ++what) {
      const std::vector<const char*> given = pointers(*names[what]);
      check(mxn_custom_call_set_names(call, what, given.data(), static_cast<int32_t>(given.size())));
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    props_[number] = std::move(made);
  }

  void run(mxn_custom_call_t* call, const mxn_custom_info_t& info) {
    CustomArrays arrays;
    arrays.training = info.training != 0;
    const std::vector<Shape> shapes = asked(call);
    for (int64_t request : shapes.at(0)) arrays.wanted.push_back(request != MXN_GRAD_NULL);
    std::vector<NDArray>* lists[] = {&arrays.inputs, &arrays.outputs, &arrays.states, &arrays.output_grads,
                                     &arrays.input_grads};
    for (int32_t what = 0; what < 5; ++what) {
      mxn_ndarray_t** handles = nullptr;
      int64_t count = 0;
      check(mxn_custom_call_arrays(call, what, &handles, &count));
      for (int64_t i = 0; i < count; ++i) lists[what]->emplace_back(handles[i]);
      mxn_ndarray_list_free(handles);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    const std::shared_ptr<CustomOperator> op = operators_.at(info.op);
    lock.unlock();
    if (info.what == MXN_CUSTOM_FORWARD) op->forward(arrays);
    else op->backward(arrays);
  }

  std::shared_ptr<CustomProp> prop(int64_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return props_.at(number);
  }

  static std::vector<Shape> asked(mxn_custom_call_t* call) {
    Shapes given;
    check(mxn_custom_call_shapes(call, receive(given)));
    std::vector<Shape> found;
    for (int64_t i = 0; i < mxn_shapes_count(given.get()); ++i) {
      int32_t ndim = 0;
      const int64_t* dims = nullptr;
      check(mxn_shapes_get(given.get(), i, &ndim, &dims));
      found.emplace_back(dims, dims + (ndim > 0 ? ndim : 0));
    }
    return found;
  }

  static void give(mxn_custom_call_t* call, const std::vector<Shape>& lists) {
    std::vector<int32_t> ndims;
    Shape dims;
    for (const Shape& item : lists) {
      ndims.push_back(static_cast<int32_t>(item.size()));
      dims.insert(dims.end(), item.begin(), item.end());
    }
    check(mxn_custom_call_set_shapes(call, ndims.data(), dims.data(), static_cast<int32_t>(ndims.size())));
  }

  const CustomMaker make_;
  std::mutex mutex_;  // guards the rest, not the calls
  std::map<int64_t, std::shared_ptr<CustomProp>> props_;
  std::map<int64_t, std::shared_ptr<CustomOperator>> operators_;
};

}  // namespace detail

/// From now on nodes of Custom with this op_type are what `make` says.
inline void register_custom(const std::string& name, CustomMaker make) {
  auto* host = new detail::CustomHost(std::move(make));
  check(mxn_custom_register(name.c_str(), &detail::CustomHost::ask, host, &detail::destroy<detail::CustomHost>));
}

/// Loads a plug-in (mixnet/plugin.h); the names of its operators, to be called through Op and Invocation.
inline std::vector<std::string> load_library(const std::string& path) {
  detail::Strings names;
  check(mxn_library_load(path.c_str(), receive(names)));
  return detail::list(names);
}

}  // namespace mixnet
