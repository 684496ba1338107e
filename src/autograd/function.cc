#include "autograd/function.h"

#include "autograd/callable.h"
#include "autograd/thread_state.h"

namespace mixnet::autograd {
namespace {

class HandWritten : public Callable {
 public:
  HandWritten(FunctionBackward backward, std::vector<Outline> inputs, int num_outputs)
      : backward_(std::move(backward)), inputs_(std::move(inputs)), num_outputs_(num_outputs) {}

  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  int num_outputs() const override { return num_outputs_; }
  void release() override { backward_ = nullptr; }

  std::vector<Taped> backward(std::vector<Taped> output_grads) override {
    MIXNET_CHECK(backward_, invalid, "[Function] was given up by an earlier backward");
    std::vector<Taped> grads = backward_(std::move(output_grads));
    MIXNET_CHECK(grads.size() == inputs_.size(), user, "[Function] backward: expected ", inputs_.size(),
                 " gradients, got ", grads.size());
    for (size_t i = 0; i < grads.size(); ++i) {
      MIXNET_CHECK(!grads[i].array.none(), user, "[Function] backward: gradient ", i, " is empty");
      MIXNET_CHECK(grads[i].array.shape() == inputs_[i].shape, shape, "[Function] backward: gradient ", i,
                   ": expected ", inputs_[i].shape, ", got ", grads[i].array.shape());
      MIXNET_CHECK(grads[i].array.dtype() == inputs_[i].dtype, type, "[Function] backward: gradient ", i, ": expected ",
                   inputs_[i].dtype, ", got ", grads[i].array.dtype());
    }
    return grads;
  }

 private:
  FunctionBackward backward_;
  std::vector<Outline> inputs_;
  int num_outputs_;
};

}  // namespace

void record_function(Span<Taped* const> inputs, Span<Taped* const> outputs, FunctionBackward backward) {
  MIXNET_CHECK(!thread_state().trace, unsupported, "[Function] cannot be traced: call it outside of the function");
  std::vector<Outline> outlines;
  for (const Taped* t : inputs) outlines.push_back(outline_of(t->array));
  std::vector<NDArray> arrays;
  for (const Taped* t : outputs) arrays.push_back(t->array);
  const auto call =
      std::make_shared<HandWritten>(std::move(backward), std::move(outlines), static_cast<int>(arrays.size()));
  const auto node = record_call(call, Span<const Taped* const>(inputs.data(), inputs.size()), arrays);
  for (size_t i = 0; node && i < outputs.size(); ++i) outputs[i]->put({node, static_cast<int>(i)});
}

}  // namespace mixnet::autograd
