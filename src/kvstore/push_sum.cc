#include "kvstore/push_sum.h"

#include "executor/invoke.h"
#include "kvstore/reduce.h"

namespace mixnet {
namespace {

constexpr int64_t largest_small = 64 * 1024;  // bytes that take microseconds

class SumTask : public Task {
 public:
  SumTask(Span<const NDArray> values, NDArray target, std::string what)
      : values_(values.begin(), values.end()), target_(std::move(target)), what_(std::move(what)) {}
  void run() override {
    std::vector<const void*> data;
    for (const NDArray& value : values_) data.push_back(value.view().data);
    sum_values(target_.dtype(), data, target_.view().data, target_.size());
  }
  std::string describe() const override { return what_; }

 private:
  std::vector<NDArray> values_;
  NDArray target_;
  std::string what_;
};

// By an operator; what else is written is ordered behind it.
void push_sum_on_gpu(Span<const NDArray> values, const NDArray& target, Span<Variable* const> writes,
                     const std::string& what, int priority) {
  if (values.size() == 1) {
    copy(values[0], target, priority);
  } else {
    static const OpSchema& add = registry().at("add_n");
    InvokeOptions options;
    options.priority = priority;
    std::vector<NDArray> out{target};
    invoke(add, add.make_params({{"num_args", static_cast<int64_t>(values.size())}}), values, out, options);
  }
  std::vector<Variable*> others;
  for (Variable* v : writes) {
    if (v != target.variable()) others.push_back(v);
  }
  if (others.empty()) return;
  Variable* reads[] = {target.variable()};
  PushOptions options;
  options.bounded = false;
  options.small = true;
  engine().push(make_task([] {}, what), reads, others, options);
}

}  // namespace

void push_sum(Span<const NDArray> values, const NDArray& target, Span<Variable* const> writes, const std::string& what,
              int priority) {
  std::vector<Variable*> reads;
  for (const NDArray& value : values) reads.push_back(value.variable());
  if (!target.device().host()) return push_sum_on_gpu(values, target, writes, what, priority);
  PushOptions options;
  options.bounded = false;
  options.priority = priority;
  options.small = target.bytes() <= largest_small;
  engine().push(std::make_unique<SumTask>(values, target, what), reads, writes, options);
}

NDArray reduce(Span<const NDArray> values, NDArray& buffer, int priority) {
  const NDArray& first = values.front();
  if (values.size() == 1) return first;
  const bool fits = !buffer.none() && buffer.shape() == first.shape() && buffer.dtype() == first.dtype() &&
                    buffer.device() == first.device();
  if (!fits) buffer = NDArray(first.shape(), first.dtype(), first.device());
  Variable* writes[] = {buffer.variable()};
  push_sum(values, buffer, writes, "kvstore sum", priority);
  return buffer;
}

}  // namespace mixnet
