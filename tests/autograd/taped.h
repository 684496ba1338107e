// What tests of the tape are made of: recorded calls by name, values, and scopes of the thread's flags.
#pragma once
#include <string>
#include <vector>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "autograd/thread_state.h"
#include "op/core/registry.h"

namespace mixnet::test {

using autograd::Taped;

class Recording {
 public:
  explicit Recording(bool training = true) : before_(autograd::thread_state()) {
    autograd::thread_state().recording = true;
    autograd::thread_state().training = training;
  }
  ~Recording() { autograd::thread_state() = before_; }

 private:
  autograd::ThreadState before_;
};

inline Taped taped(const Shape& shape, std::vector<float> values) {
  const NDArray a(shape, DType::f32);
  a.copy_from_host(values.data(), a.bytes());
  return Taped(a);
}

// All outputs, hidden ones too.
inline std::vector<Taped> call_all(const char* op, std::vector<Taped> inputs, const Attributes& attributes = {}) {
  const OpSchema& schema = registry().at(op);
  std::vector<Taped*> pointers;
  for (Taped& t : inputs) pointers.push_back(&t);
  std::vector<Taped> outputs;
  InvokeOptions options;
  options.training = autograd::thread_state().training;
  if (autograd::thread_state().watched()) {
    autograd::invoke(schema, schema.make_params(attributes), pointers, {}, outputs, options);
    return outputs;
  }
  std::vector<NDArray> in, out;
  for (const Taped& t : inputs) in.push_back(t.array);
  invoke(schema, schema.make_params(attributes), in, out, options);
  for (const NDArray& a : out) outputs.emplace_back(a);
  return outputs;
}
inline Taped call(const char* op, std::vector<Taped> inputs, const Attributes& attributes = {}) {
  return call_all(op, std::move(inputs), attributes)[0];
}

inline Taped variable(const Shape& shape, std::vector<float> values, GradRequest request = GradRequest::write) {
  Taped t = taped(shape, std::move(values));
  const Taped gradient = taped(shape, std::vector<float>(static_cast<size_t>(t.array.size())));
  autograd::mark(t, gradient.array, request);
  return t;
}

inline std::vector<float> numbers(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}
inline std::vector<float> gradient_of(const Taped& t) { return numbers(t.node()->gradient); }

inline void backward(Taped head, const autograd::BackwardOptions& options = {}) {
  Taped* heads[] = {&head};
  autograd::backward(heads, {}, options);
}
inline std::vector<Taped> grad(Taped head, std::vector<Taped> variables, bool create_graph = false) {
  Taped* heads[] = {&head};
  std::vector<Taped*> wrt;
  for (Taped& t : variables) wrt.push_back(&t);
  autograd::BackwardOptions options;
  options.create_graph = options.retain_graph = create_graph;
  return autograd::grad(heads, {}, wrt, options);
}

}  // namespace mixnet::test
