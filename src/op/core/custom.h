// Operators that a program defines: what the operator Custom asks for, by its parameter op_type.
//
// A node has a CustomProp, made from its parameters, which says what goes in and comes out. What runs is a CustomOperator, which may keep
// what it likes between forward and backward: every executor, and every recorded call, has one of its own. Both may wait, allocate and
// call the library; the engine runs them where that holds nobody up.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/span.h"
#include "device/tensor_view.h"
#include "op/core/schema.h"

namespace mixnet {

// Parameters as the user wrote them.
using TextMap = std::vector<std::pair<std::string, std::string>>;
// In transit they are a JSON object.
template <> struct ParamType<TextMap> {
  static constexpr const char* name = "string";
  static TextMap from(const Value& v);
  static Value to(const TextMap& map);
};

struct CustomRun {
  bool training = false;
  bool backward = false;
  // A view without data has no value here: backward did not ask for it, or nobody wants that gradient.
  std::vector<TensorView> inputs, outputs, states, output_grads, input_grads;
};

class CustomOperator {
 public:
  virtual ~CustomOperator() = default;
  // Returns when all outputs (forward) or all wanted gradients of the inputs (backward) are written.
  virtual void run(const CustomRun& run) = 0;
};

template <class T> struct CustomValues {
  std::vector<T> inputs, outputs, states;
};

class CustomProp {
 public:
  virtual ~CustomProp() = default;
  std::vector<std::string> inputs, outputs, states;
  // What backward reads: gradients of the outputs are numbered from 0, then inputs, then outputs.
  std::vector<int> backward_reads;

  int num_inputs() const { return static_cast<int>(inputs.size()); }
  int num_outputs() const { return static_cast<int>(outputs.size()); }
  int num_states() const { return static_cast<int>(states.size()); }
  bool reads(int number) const;
  // Fill in what is not known from what is. Called with at least one input known.
  virtual void infer_shapes(CustomValues<Shape>& shapes) = 0;
  virtual void infer_types(CustomValues<DType>& types) = 0;
  // `inputs` and `states` without data.
  virtual std::shared_ptr<CustomOperator> create(const std::vector<TensorView>& inputs,
                                                 const std::vector<TensorView>& states) = 0;
};

using CustomMaker = std::function<std::shared_ptr<CustomProp>(const TextMap& params)>;
// A later registration of a name stands for the nodes made from then on.
void register_custom(const std::string& op_type, CustomMaker maker);
// Throws Code::invalid, with the names there are, for one that is not registered.
std::shared_ptr<CustomProp> make_custom(const std::string& op_type, const TextMap& params);

// The parameters of the operators of this kind; forward and backward nodes share one.
struct CustomParams {
  std::string op_type;
  TextMap kwargs;
  int64_t num_args = 0;
  mutable std::shared_ptr<CustomProp> prop;
  std::shared_ptr<class OperatorStates> own;  // of calls that belong to no executor

  CustomParams();
  CustomParams(const CustomParams& other);
  // As files have them: one by one.
  std::vector<std::pair<std::string, std::string>> text() const;
};

// Such operators are never merged, folded or run twice; copies of their nodes have parameters of their own.
inline bool runs_foreign_code(const OpSchema& op) { return op.params_type == typeid(CustomParams); }
// Whether a run of the node changes input i; of the program's operators the last inputs are states.
bool mutates_input(const OpSchema& op, const void* params, int i);
inline bool has_effects(const OpSchema& op) { return runs_foreign_code(op) || !op.mutates.empty(); }

// The operators of one executor, or of one recorded call, by the parameters that forward and backward nodes share.
class OperatorStates {
 public:
  std::shared_ptr<CustomOperator> at(const void* params,
                                     const std::function<std::shared_ptr<CustomOperator>()>& create);

  // While it lives, kernels on this thread use these; null: those of their parameters.
  class Scope {
   public:
    explicit Scope(OperatorStates* states) : before_(current()) { current() = states; }
    ~Scope() { current() = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    OperatorStates* before_;
  };
  static OperatorStates*& current();

 private:
  std::mutex mutex_;
  std::map<const void*, std::shared_ptr<CustomOperator>> operators_;
};

}  // namespace mixnet
