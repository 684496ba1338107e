/// Gradients of what was computed on arrays: while a Recording lives, operators of this thread are put down.
///
///     NDArray x({1, 2, 3}, {3});
///     NDArray grad = attach_grad(x);
///     NDArray loss;
///     {
///       Recording recording;
///       loss = op::sum(x * x);
///     }
///     backward({&loss});   // grad is {2, 4, 6}
#pragma once

#include <mixnet/executor.hpp>

namespace mixnet {

/// Records, and by default runs operators in training mode, until it goes; then all is as before. Belongs to the thread that made it.
class Recording {
 public:
  explicit Recording(bool training = true) { check(mxn_autograd_set(1, training, &before_)); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() {
    int32_t mine = 0;
    mxn_autograd_set((before_ & MXN_AUTOGRAD_RECORDING) != 0, (before_ & MXN_AUTOGRAD_TRAINING) != 0, &mine);
  }

 private:
  int32_t before_ = 0;
};

/// Makes an array a variable; its gradient goes to the array that is returned, which is zero at first.
inline NDArray attach_grad(const NDArray& variable, GradReq req = GradReq::write) {
  NDArray grad = NDArray::zeros(variable.shape(), variable.dtype(), variable.device());
  mxn_ndarray_t *array = variable.get(), *target = grad.get();
  const auto code = static_cast<int32_t>(req);
  check(mxn_autograd_mark(&array, &target, &code, 1));
  return grad;
}

/// Computes the gradients of the sum of the heads into those of all variables behind them. What was recorded is given up unless `retain`.
inline void backward(const std::vector<const NDArray*>& heads, const std::vector<const NDArray*>& head_grads = {},
                     bool retain = false) {
  std::vector<mxn_ndarray_t*> outputs, grads;
  for (const NDArray* head : heads) outputs.push_back(head->get());
  for (const NDArray* grad : head_grads) grads.push_back(grad ? grad->get() : nullptr);
  if (!grads.empty() && grads.size() != outputs.size()) {
    fail("[backward] head_grads: expected " + std::to_string(outputs.size()) + ", got " + std::to_string(grads.size()));
  }
  mxn_ndarray_t** none = nullptr;
  int64_t count = 0;
  check(mxn_autograd_backward(outputs.data(), grads.empty() ? nullptr : grads.data(),
                              static_cast<int64_t>(outputs.size()), nullptr, 0, retain, 0, 1, &none, &count));
  mxn_ndarray_list_free(none);
}

}  // namespace mixnet
