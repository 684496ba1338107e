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
namespace detail {

/// Changes this thread's flags until it goes; -1 leaves one as it is.
class Flags {
 public:
  Flags(int32_t recording, int32_t training) { check(mxn_autograd_set(recording, training, &before_)); }
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;
  ~Flags() {
    int32_t mine = 0;
    mxn_autograd_set((before_ & MXN_AUTOGRAD_RECORDING) != 0, (before_ & MXN_AUTOGRAD_TRAINING) != 0, &mine);
  }
  static int32_t now() {
    int32_t found = 0;
    check(mxn_autograd_set(-1, -1, &found));
    return found;
  }

 private:
  int32_t before_ = 0;
};

inline std::vector<mxn_ndarray_t*> handles(const std::vector<const NDArray*>& arrays) {
  std::vector<mxn_ndarray_t*> found;
  for (const NDArray* array : arrays) found.push_back(array ? array->get() : nullptr);
  return found;
}

inline std::vector<const NDArray*> addresses(const std::vector<NDArray>& arrays) {
  std::vector<const NDArray*> found;
  for (const NDArray& array : arrays) found.push_back(&array);
  return found;
}

/// Arrays of a list that the library gave away.
inline std::vector<NDArray> take(mxn_ndarray_t** list, int64_t count) {
  std::vector<NDArray> found;
  for (int64_t i = 0; i < count; ++i) found.emplace_back(list[i]);
  mxn_ndarray_list_free(list);
  return found;
}

inline mxn_ndarray_t* cloned(const mxn_ndarray_t* array) {
  mxn_ndarray_t* found = nullptr;
  check(mxn_ndarray_clone(array, &found));
  return found;
}

}  // namespace detail

/// Records, and by default runs operators in training mode, until it goes; then all is as before. Belongs to the thread that made it.
class Recording : detail::Flags {
 public:
  explicit Recording(bool training = true) : Flags(1, training) {}
};

/// Does not record, inside of a Recording.
class Pause : detail::Flags {
 public:
  explicit Pause(bool training = false) : Flags(0, training) {}
};

/// Makes an array a variable; its gradient goes to the array that is returned, which is zero at first.
inline NDArray attach_grad(const NDArray& variable, GradReq req = GradReq::write) {
  NDArray grad = NDArray::zeros(variable.shape(), variable.dtype(), variable.device());
  mxn_ndarray_t *array = variable.get(), *target = grad.get();
  const auto code = static_cast<int32_t>(req);
  check(mxn_autograd_mark(&array, &target, &code, 1));
  return grad;
}

/// The same memory, cut off from gradients.
inline NDArray detach(const NDArray& array) {
  NDArray made(detail::cloned(array.get()));
  mxn_ndarray_t* handle = made.get();
  check(mxn_autograd_mark(&handle, nullptr, nullptr, 1));
  return made;
}

namespace detail {

inline std::vector<NDArray> differentiate(const std::vector<const NDArray*>& heads,
                                          const std::vector<const NDArray*>& head_grads,
                                          const std::vector<const NDArray*>* variables, bool retain, bool create) {
  if (!head_grads.empty() && head_grads.size() != heads.size()) {
    fail("[backward] head_grads: expected " + std::to_string(heads.size()) + ", got " +
         std::to_string(head_grads.size()));
  }
  const std::vector<mxn_ndarray_t*> from = handles(heads), grads = handles(head_grads),
                                    by = variables ? handles(*variables) : std::vector<mxn_ndarray_t*>();
  mxn_ndarray_t** found = nullptr;
  int64_t count = 0;
  check(mxn_autograd_backward(from.data(), grads.empty() ? nullptr : grads.data(), static_cast<int64_t>(from.size()),
                              variables ? by.data() : nullptr, static_cast<int64_t>(by.size()), retain, create, 1,
                              &found, &count));
  return take(found, count);
}

}  // namespace detail

/// Computes the gradients of the sum of the heads into those of all variables behind them. What was recorded is given up unless `retain`.
inline void backward(const std::vector<const NDArray*>& heads, const std::vector<const NDArray*>& head_grads = {},
                     bool retain = false) {
  detail::differentiate(heads, head_grads, nullptr, retain, false);
}

/// The gradients of the sum of the heads by these variables, as new arrays. With `create` they are recorded, and have gradients too.
inline std::vector<NDArray> gradients(const std::vector<const NDArray*>& heads,
                                      const std::vector<const NDArray*>& variables, bool create = false) {
  return detail::differentiate(heads, {}, &variables, create, create);
}

/// A vector of arrays, which cannot be copied: array_list(a.share(), std::move(b)).
template <class... A>
std::vector<NDArray> array_list(A&&... arrays) {
  std::vector<NDArray> found;
  (found.push_back(std::forward<A>(arrays)), ...);
  return found;
}

/// Makes the gradients of all inputs from those of the outputs.
using Pullback = std::function<std::vector<NDArray>(const std::vector<NDArray>& output_grads)>;

/// What a computation with a gradient written by hand gives.
struct Custom {
  std::vector<NDArray> outputs;
  Pullback pullback;
};

namespace detail {

struct Pulling {
  Pullback pullback;
  static int32_t run(void* user, mxn_ndarray_t* const* output_grads, int64_t num_outputs, mxn_ndarray_t** input_grads,
                     int64_t num_inputs) {
    return guarded([&] {
      std::vector<NDArray> given;
      for (int64_t i = 0; i < num_outputs; ++i) given.emplace_back(cloned(output_grads[i]));
      std::vector<NDArray> found = static_cast<Pulling*>(user)->pullback(given);
      if (static_cast<int64_t>(found.size()) != num_inputs) {
        fail("[custom_gradient] expected " + std::to_string(num_inputs) + " gradients, got " +
             std::to_string(found.size()));
      }
      for (int64_t i = 0; i < num_inputs; ++i) input_grads[i] = found[static_cast<size_t>(i)].release();
    });
  }
};

}  // namespace detail

/// Runs `forward`, a function that returns Custom, without recording, and puts down that its outputs come from the inputs with this gradient.
///
///     NDArray y = std::move(custom_gradient({&x}, [&] {
///       return Custom{array_list(op::clip(x).a_min(0).a_max(1).array()), [&](auto& dy) { return array_list(dy[0] * (x > 0)); }};
///     })[0]);
///
/// The pullback runs in `backward`, on its thread; what it refers to must live until then.
template <class F>
std::vector<NDArray> custom_gradient(const std::vector<const NDArray*>& inputs, F&& forward) {
  const int32_t flags = detail::Flags::now();
  if (flags & MXN_AUTOGRAD_TRACING) fail("[custom_gradient] cannot be traced: its code would not run at replay");
  Custom made;
  {
    const detail::Flags quiet(0, -1);
    made = forward();
  }
  if (!(flags & MXN_AUTOGRAD_RECORDING)) return std::move(made.outputs);
  std::vector<NDArray> outputs;
  for (const NDArray& output : made.outputs) outputs.push_back(detach(output));
  const auto from = detail::handles(inputs), to = detail::handles(detail::addresses(outputs));
  auto* user = new detail::Pulling{std::move(made.pullback)};
  check(mxn_autograd_function(from.data(), static_cast<int64_t>(from.size()), to.data(),
                              static_cast<int64_t>(to.size()), &detail::Pulling::run, user,
                              &detail::destroy<detail::Pulling>));
  return outputs;
}

}  // namespace mixnet
