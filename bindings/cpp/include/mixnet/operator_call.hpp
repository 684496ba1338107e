/// Operators by name, with parameters by name and as text, for programs that learn both when they run.
#pragma once

#include <mixnet/symbol.hpp>

#include <cstring>

namespace mixnet {
namespace detail {

/// One line of mixnet/operator_table.hpp: names separated by spaces.
struct OperatorRow {
  const char* name;
  const char* inputs;
  const char* parameters;
};

inline std::vector<std::string> words(const char* text) {
  std::istringstream stream(text);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

/// Operator and names of a call by name; kept beside the Invocation, which refers to them.
struct NamedOperator {
  NamedOperator(const std::string& name, const OperatorRow& row)
      : text(name), inputs(words(row.inputs)), parameters(words(row.parameters)), op(text.c_str(), pointers(inputs)) {}
  std::string text;
  std::vector<std::string> inputs, parameters;
  Op op;
};

}  // namespace detail

/// `OperatorCall("Pooling", table).input("data", x).set("kernel", "(2,2)")`, then used like any other Invocation.
class OperatorCall {
 public:
  template <size_t N>
  OperatorCall(const std::string& name, const detail::OperatorRow (&table)[N]) {
    const auto end = table + N;
    const auto row = std::lower_bound(table, end, name,
                                      [](const detail::OperatorRow& r, const std::string& n) { return r.name < n; });
    if (row == end || name != row->name) fail("[OperatorCall] name: expected an operator, got " + name);
    named_ = std::make_unique<detail::NamedOperator>(name, *row);
    operands_.resize(named_->inputs.size());
  }

  /// An input by name, or by position ("0", "1", ...) for operators with any number of them.
  OperatorCall& input(const std::string& name, Operand operand) {
    if (named_->inputs.empty()) return operands_.push_back(std::move(operand)), *this;
    operands_[position(named_->inputs, name, "input")] = std::move(operand);
    return *this;
  }
  OperatorCall& set(const std::string& parameter, const std::string& value) {
    settings_.emplace_back(static_cast<int32_t>(position(named_->parameters, parameter, "parameter")), value);
    return *this;
  }
  OperatorCall& training(bool on = true) { return training_ = on, *this; }
  OperatorCall& name(std::string text) { return name_ = std::move(text), *this; }

  std::vector<NDArray> arrays() const { return invocation().arrays(); }
  Symbol symbol() const { return invocation().symbol(); }

 private:
  size_t position(const std::vector<std::string>& names, const std::string& name, const char* what) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) fail("[" + named_->text + "] " + what + ": expected one of its own, got " + name);
    return static_cast<size_t>(found - names.begin());
  }
  NoOptions invocation() const {
    NoOptions made(named_->op, operands_);
    for (const auto& [field, value] : settings_) made.set_field(field, value);
    made.training(training_).name(name_);
    return made;
  }

  std::unique_ptr<detail::NamedOperator> named_;
  std::vector<Operand> operands_;
  std::vector<std::pair<int32_t, std::string>> settings_;
  std::string name_;
  bool training_ = false;
};

}  // namespace mixnet
