#include "kvstore/local/rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/thread_pool.h"
#include "kvstore/local/update_task.h"
#include "kvstore/reduce.h"

namespace mixnet {
namespace {

// The rows of an array's memory.
struct Rows {
  explicit Rows(const NDArray& array)
      : data(array.view().as<char>()),
        dtype(array.dtype()),
        count(array.shape()[0]),
        width(count ? array.size() / count : 0),
        bytes(static_cast<size_t>(width * dtype_size(dtype))) {}
  char* at(int64_t row) const { return data + static_cast<size_t>(row) * bytes; }
  void clear() const {
    parallel_for(
        count, std::max<int64_t>(1, (1 << 20) / static_cast<int64_t>(bytes + 1)),
        [&](int64_t first, int64_t last) { std::memset(at(first), 0, bytes * static_cast<size_t>(last - first)); });
  }
  void copy(int64_t row, const char* from) const {
    if (bytes) std::memcpy(at(row), from, bytes);
  }
  void add(int64_t row, const char* from) const { add_to(dtype, at(row), from, width); }

  char* data;
  DType dtype;
  int64_t count, width;
  size_t bytes;
};

template <class T>
int64_t row_number(T value, int64_t count, const std::string& place) {
  bool good = false;
  if constexpr (std::is_integral_v<T>) {
    good = static_cast<int64_t>(value) >= 0 && static_cast<int64_t>(value) < count;
  } else {
    const double exact = value;
    good = exact >= 0 && exact < static_cast<double>(count) && exact == std::floor(exact);
  }
  MIXNET_CHECK(good, invalid, "[", place, "] row_ids: expected whole numbers from 0 to ", count - 1, ", got ",
               static_cast<double>(value));
  return static_cast<int64_t>(value);
}

std::vector<int64_t> row_numbers(const NDArray& ids, int64_t count, const std::string& place) {
  std::vector<int64_t> numbers;
  numbers.reserve(static_cast<size_t>(ids.size()));
  dispatch_all(ids.dtype(), "kvstore row_ids", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = ids.view().as<T>();
    for (int64_t i = 0; i < ids.size(); ++i) numbers.push_back(row_number(x[i], count, place));
  });
  return numbers;
}

std::vector<std::vector<int64_t>> all_numbers(const std::vector<PushedRows>& pushed, int64_t count,
                                              const std::string& place) {
  std::vector<std::vector<int64_t>> numbers;
  for (const PushedRows& device : pushed) numbers.push_back(row_numbers(device.ids, count, place));
  return numbers;
}

class TakeRows : public Task {
 public:
  TakeRows(NDArray stored, NDArray ids, NDArray out, std::string place)
      : stored_(std::move(stored)), ids_(std::move(ids)), out_(std::move(out)), place_(std::move(place)) {}
  void run() override {
    const Rows from(stored_), to(out_);
    const std::vector<int64_t> numbers = row_numbers(ids_, from.count, place_);
    to.clear();
    for (int64_t row : numbers) to.copy(row, from.at(row));
  }
  std::string describe() const override { return place_; }

 private:
  NDArray stored_, ids_, out_;
  std::string place_;
};

class SpreadRows : public Task {
 public:
  SpreadRows(std::vector<PushedRows> pushed, NDArray target, std::string place)
      : pushed_(std::move(pushed)), target_(std::move(target)), place_(std::move(place)) {}
  void run() override {
    const Rows target(target_);
    const auto numbers = all_numbers(pushed_, target.count, place_);
    target.clear();
    for (size_t k = 0; k < pushed_.size(); ++k) {
      const Rows from(pushed_[k].values);
      for (size_t i = 0; i < numbers[k].size(); ++i) target.add(numbers[k][i], from.at(static_cast<int64_t>(i)));
    }
  }
  std::string describe() const override { return place_; }

 private:
  std::vector<PushedRows> pushed_;
  NDArray target_;
  std::string place_;
};

class UpdateRows : public Task {
 public:
  UpdateRows(std::shared_ptr<const KVStore::Updater> updater, std::string key, std::vector<PushedRows> pushed,
             NDArray stored, std::string place)
      : updater_(std::move(updater)),
        key_(std::move(key)),
        pushed_(std::move(pushed)),
        stored_(std::move(stored)),
        place_(std::move(place)) {}
  void run() override;
  std::string describe() const override { return place_; }

 private:
  std::shared_ptr<const KVStore::Updater> updater_;
  std::string key_;
  std::vector<PushedRows> pushed_;
  NDArray stored_;
  std::string place_;
};

void UpdateRows::run() {
  const Rows all(stored_);
  const auto numbers = all_numbers(pushed_, all.count, place_);
  std::vector<int64_t> distinct;
  for (const auto& device : numbers) distinct.insert(distinct.end(), device.begin(), device.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (distinct.empty()) return;

  Shape shape = stored_.shape();
  shape[0] = static_cast<int64_t>(distinct.size());
  const NDArray received(shape, stored_.dtype()), weights(shape, stored_.dtype());
  const Rows sums(received), few(weights);
  sums.clear();
  for (size_t i = 0; i < distinct.size(); ++i) few.copy(static_cast<int64_t>(i), all.at(distinct[i]));
  for (size_t k = 0; k < pushed_.size(); ++k) {
    const Rows from(pushed_[k].values);
    for (size_t i = 0; i < numbers[k].size(); ++i) {
      const auto place = std::lower_bound(distinct.begin(), distinct.end(), numbers[k][i]) - distinct.begin();
      sums.add(place, from.at(static_cast<int64_t>(i)));
    }
  }
  run_updater(*updater_, key_, received, weights);
  for (size_t i = 0; i < distinct.size(); ++i) all.copy(distinct[i], few.at(static_cast<int64_t>(i)));
}

}  // namespace

std::unique_ptr<Task> make_take_rows(NDArray stored, NDArray ids, NDArray out, std::string place) {
  return std::make_unique<TakeRows>(std::move(stored), std::move(ids), std::move(out), std::move(place));
}

std::unique_ptr<Task> make_spread_rows(std::vector<PushedRows> pushed, NDArray target, std::string place) {
  return std::make_unique<SpreadRows>(std::move(pushed), std::move(target), std::move(place));
}

std::unique_ptr<Task> make_update_rows(std::shared_ptr<const KVStore::Updater> updater, std::string key,
                                       std::vector<PushedRows> pushed, NDArray stored, std::string place) {
  return std::make_unique<UpdateRows>(std::move(updater), std::move(key), std::move(pushed), std::move(stored),
                                      std::move(place));
}

}  // namespace mixnet
