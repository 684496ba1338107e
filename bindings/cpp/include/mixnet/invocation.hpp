/// An operator with its inputs and parameters, before it is known whether it runs on arrays or becomes part of a symbol.
///
/// The functions of mixnet/operators.hpp return one, with a setter per parameter:
///     NDArray y = op::FullyConnected(x, w).num_hidden(10).no_bias(true);   // runs
///     Symbol net = op::FullyConnected(data).num_hidden(10).name("fc1");    // is declared
/// Inputs are borrowed until the end of the expression: convert at once, do not keep an Invocation. What is not set is not sent.
#pragma once

#include <mixnet/handle.hpp>
#include <mixnet/types.hpp>

#include <initializer_list>
#include <optional>
#include <utility>

namespace mixnet {

class NDArray;
class Symbol;
class Invocation;

/// An operator of the library. `inputs`: their names, in order; none for operators with any number of inputs.
class Op {
 public:
  explicit Op(const char* name, std::initializer_list<const char*> inputs = {}) : name_(name), inputs_(inputs) {
    check(mxn_op_find(name, &handle_));
  }
  Op(const char* name, std::vector<const char*> inputs) : name_(name), inputs_(std::move(inputs)) {
    check(mxn_op_find(name, &handle_));
  }
  const mxn_op_t* get() const { return handle_; }
  const char* name() const { return name_; }
  const std::vector<const char*>& inputs() const { return inputs_; }

 private:
  const char* name_;
  std::vector<const char*> inputs_;
  const mxn_op_t* handle_ = nullptr;
};

/// An input: an array, a symbol, the result of another Invocation, or nothing.
class Operand {
 public:
  Operand() = default;
  Operand(const NDArray& array);
  Operand(const Symbol& symbol);
  Operand(const Invocation& inner);

  mxn_ndarray_t* array() const { return array_; }
  mxn_symbol_t* symbol() const { return symbol_; }

 private:
  mxn_ndarray_t* array_ = nullptr;
  mxn_symbol_t* symbol_ = nullptr;
  std::shared_ptr<void> owner_;
};

class Invocation {
 public:
  Invocation(const Op& op, std::vector<Operand> operands) : op_(op), operands_(std::move(operands)) {}

  /// Runs the operator; it must have one visible output.
  operator NDArray() const;
  /// Declares the operator as a node; inputs that are missing become variables.
  operator Symbol() const;
  /// Runs the operator: all visible outputs.
  std::vector<NDArray> arrays() const;
  /// The conversions by name, for use inside of larger expressions.
  NDArray array() const;
  Symbol symbol() const;
  /// Runs the operator and writes its outputs over these arrays.
  void into(NDArray& output) const;
  void into(const std::vector<NDArray*>& outputs) const;

  /// Gives a parameter by its position in the operator's schema.
  void set_field(int32_t field, std::nullopt_t) { add(field, MXN_TAG_NONE); }
  void set_field(int32_t field, std::optional<bool> value) {
    if (value) add(field, MXN_TAG_BOOL).value.integer = *value;
    else set_field(field, std::nullopt);
  }
  void set_field(int32_t field, std::optional<int64_t> value) {
    if (value) add(field, MXN_TAG_INT).value.integer = *value;
    else set_field(field, std::nullopt);
  }
  void set_field(int32_t field, std::optional<double> value) {
    if (value) add(field, MXN_TAG_FLOAT).value.real = *value;
    else set_field(field, std::nullopt);
  }
  void set_field(int32_t field, std::string value) { add(field, MXN_TAG_TEXT).text = std::move(value); }
  void set_field(int32_t field, Shape value) { add(field, MXN_TAG_INTS).ints = std::move(value); }
  void set_field(int32_t field, std::vector<double> value) { add(field, MXN_TAG_FLOATS).reals = std::move(value); }
  void set_field(int32_t field, const std::vector<std::optional<int64_t>>& value) {
    std::string text = "(";
    for (const auto& item : value) text += (item ? std::to_string(*item) : "None") + ",";
    set_field(field, text + ")");
  }

 protected:
  std::string name_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  int32_t training_ = -1;  // the thread's
  Device device_;

 private:
  friend class Operand;
  struct Argument {
    mxn_arg_t value{};
    std::string text;
    Shape ints;
    std::vector<double> reals;
  };

  Argument& add(int32_t field, int32_t tag) {
    arguments_.emplace_back();
    arguments_.back().value.field = field;
    arguments_.back().value.tag = tag;
    return arguments_.back();
  }
  std::vector<mxn_arg_t> arguments() const {
    std::vector<mxn_arg_t> found;
    for (const Argument& argument : arguments_) {
      mxn_arg_t value = argument.value;
      value.text = argument.text.c_str();
      value.ints = argument.ints.data();
      value.reals = argument.reals.data();
      if (value.tag == MXN_TAG_INTS) value.count = static_cast<int64_t>(argument.ints.size());
      if (value.tag == MXN_TAG_FLOATS) value.count = static_cast<int64_t>(argument.reals.size());
      found.push_back(value);
    }
    return found;
  }
  bool symbolic() const {
    for (const Operand& operand : operands_) {
      if (operand.symbol()) return true;
    }
    return false;
  }
  int32_t run(mxn_ndarray_t** outputs, int32_t capacity, int32_t given) const;

  const Op& op_;
  std::vector<Operand> operands_;
  std::vector<Argument> arguments_;
};

/// What every operator's options have beside its own parameters.
template <class Derived>
class OpOptions : public Invocation {
 public:
  using Invocation::Invocation;
  /// Name of the node; symbols only.
  Derived& name(std::string text) { return name_ = std::move(text), self(); }
  /// An attribute of the node; symbols only.
  Derived& attr(std::string key, std::string value) {
    return attributes_.emplace_back(std::move(key), std::move(value)), self();
  }
  /// Whether the operator runs as in training, otherwise as the thread does (mixnet/autograd.hpp); arrays only.
  Derived& training(bool on = true) { return training_ = on, self(); }
  /// Where an operator without inputs runs; arrays only.
  Derived& device(Device where) { return device_ = where, self(); }

 protected:
  template <class T>
  Derived& set(int32_t field, T&& value) {
    return set_field(field, std::forward<T>(value)), self();
  }
  Derived& self() { return static_cast<Derived&>(*this); }
};

/// The options of operators without parameters.
class NoOptions : public OpOptions<NoOptions> {
 public:
  using OpOptions::OpOptions;
};

}  // namespace mixnet
