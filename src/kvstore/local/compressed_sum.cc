#include "kvstore/local/compressed_sum.h"

#include <algorithm>

#include "base/thread_pool.h"
#include "kvstore/reduce.h"

namespace mixnet {
namespace {

constexpr int64_t block = 1024;  // elements; a multiple of 8, as codes need it

class CompressedSumTask : public Task {
 public:
  CompressedSumTask(const Compression& how, Span<const NDArray> values, Span<const Residual> residuals, NDArray target,
                    std::string what)
      : how_(how),
        values_(values.begin(), values.end()),
        residuals_(residuals.begin(), residuals.end()),
        target_(std::move(target)),
        what_(std::move(what)) {}

  void run() override {
    const int64_t count = target_.size();
    float* sum = target_.view().as<float>();
    parallel_for((count + block - 1) / block, 64, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) sum_block(b * block, std::min(block, count - b * block), sum);
    });
  }
  std::string describe() const override { return what_; }

 private:
  void sum_block(int64_t at, int64_t n, float* sum) const {
    uint8_t codes[2 * block];
    float sent[block];
    for (size_t k = 0; k < values_.size(); ++k) {
      encode(how_, values_[k].view().as<float>() + at, residuals_[k].values.view().as<float>() + at, n, codes);
      decode(how_, codes, n, k == 0 ? sum + at : sent);
      if (k > 0) add_to(DType::f32, sum + at, sent, n);
    }
  }

  Compression how_;
  std::vector<NDArray> values_;
  std::vector<Residual> residuals_;
  NDArray target_;
  std::string what_;
};

}  // namespace

Residual make_residual(const NDArray& like) {
  Residual residual;
  residual.values = NDArray(like.shape(), like.dtype(), like.device());
  Variable* writes[] = {residual.values.variable()};
  auto body = [array = residual.values] { std::fill_n(array.view().as<float>(), array.size(), 0.0f); };
  PushOptions options;
  options.bounded = false;
  engine().push(make_task(body, "kvstore residual"), {}, writes, options);
  return residual;
}

void push_compressed_sum(const Compression& how, Span<const NDArray> values, Span<const Residual> residuals,
                         const NDArray& target, Span<Variable* const> writes, const std::string& what, int priority) {
  std::vector<Variable*> reads, all_writes(writes.begin(), writes.end());
  for (size_t k = 0; k < values.size(); ++k) {
    reads.push_back(values[k].variable());
    reads.push_back(residuals[k].values.variable());
    all_writes.push_back(residuals[k].order.variable());
  }
  PushOptions options;
  options.bounded = false;
  options.priority = priority;
  engine().push(std::make_unique<CompressedSumTask>(how, values, residuals, target, what), reads, all_writes, options);
}

}  // namespace mixnet
