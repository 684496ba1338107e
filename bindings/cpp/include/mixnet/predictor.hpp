/// Runs a trained model: the smallest part of the library, also for threads. Needs mixnet/c_predict.h alone of the C ABI.
#pragma once

#include <mixnet/handle.hpp>
#include <mixnet/types.hpp>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace mixnet {

/// Not for several threads at once: give each a clone(), which shares the parameters.
class Predictor {
 public:
  /// json: the text of NAME-symbol.json; params: the bytes of a .params file. outputs: names of inner outputs to be computed instead.
  Predictor(const std::string& json, const std::string& params, const std::map<std::string, Shape>& inputs,
            const std::vector<std::string>& outputs = {}) {
    const detail::NamedShapes shapes(inputs);
    const std::vector<const char*> names = detail::pointers(outputs);
    mxn_predictor_options_t options{};
    options.struct_size = sizeof options;
    options.symbol_json = json.c_str();
    options.params = params.data();
    options.params_bytes = static_cast<int64_t>(params.size());
    options.input_names = shapes.names.data();
    options.input_ndims = shapes.ndims.data();
    options.input_shapes = shapes.dims.data();
    options.num_inputs = shapes.count();
    options.num_outputs = static_cast<int32_t>(names.size());
    options.output_names = names.data();
    check(mxn_predictor_create(&options, receive(handle_)));
  }
  /// From the files of a checkpoint.
  static Predictor load(const std::string& symbol_path, const std::string& params_path,
                        const std::map<std::string, Shape>& inputs, const std::vector<std::string>& outputs = {}) {
    return Predictor(read(symbol_path), read(params_path), inputs, outputs);
  }
  /// Another predictor on the same parameters.
  Predictor clone() const {
    Predictor other;
    check(mxn_predictor_clone(get(), receive(other.handle_)));
    return other;
  }
  mxn_predictor_t* get() const { return handle_.get(); }

  /// Other shapes for some inputs; all inputs are zero afterwards.
  void reshape(const std::map<std::string, Shape>& inputs) {
    const detail::NamedShapes shapes(inputs);
    check(mxn_predictor_reshape(get(), shapes.names.data(), shapes.ndims.data(), shapes.dims.data(), shapes.count()));
  }
  template <class T>
  void set_input(const std::string& name, const std::vector<T>& values) {
    check(mxn_predictor_set_input(get(), name.c_str(), values.data(), static_cast<int64_t>(values.size() * sizeof(T))));
  }
  /// Computes the outputs.
  void forward() { check(mxn_predictor_forward(get())); }
  /// Runs the next kernels; how many are left.
  int32_t forward_steps(int32_t steps) {
    int32_t left = 0;
    check(mxn_predictor_forward_steps(get(), steps, &left));
    return left;
  }
  int32_t num_outputs() const { return info().num_outputs; }
  /// An output as it lies in memory, until the next reshape.
  mxn_tensor_t output(int32_t i = 0) const {
    mxn_tensor_t tensor{};
    tensor.struct_size = sizeof tensor;
    check(mxn_predictor_output(get(), i, &tensor));
    return tensor;
  }
  Shape output_shape(int32_t i = 0) const {
    const mxn_tensor_t tensor = output(i);
    return Shape(tensor.shape, tensor.shape + tensor.ndim);
  }
  template <class T = float>
  std::vector<T> output_values(int32_t i = 0) const {
    const mxn_tensor_t tensor = output(i);
    if (tensor.dtype != static_cast<int32_t>(dtype_of<T>())) {
      fail(std::string("[Predictor] output: expected ") + name_of(static_cast<DType>(tensor.dtype)) + ", got " +
               name_of(dtype_of<T>()),
           Code::type);
    }
    std::vector<T> values(static_cast<size_t>(tensor.bytes) / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), tensor.data, static_cast<size_t>(tensor.bytes));
    return values;
  }
  /// Counts and bytes.
  mxn_predictor_info_t info() const {
    mxn_predictor_info_t found{};
    found.struct_size = sizeof found;
    check(mxn_predictor_info(get(), &found));
    return found;
  }

 private:
  Predictor() = default;
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("[Predictor] path: expected a readable file, got " + path, Code::io);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
  }

  Handle<mxn_predictor_t, mxn_predictor_free> handle_;
};

}  // namespace mixnet
