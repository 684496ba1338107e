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
  const RowSums sums = sum_rows(pushed_, stored_.shape(), stored_.dtype(), place_);
  if (sums.numbers.empty()) return;
  const NDArray weights(sums.values.shape(), stored_.dtype());
  const Rows all(stored_), few(weights);
  for (size_t i = 0; i < sums.numbers.size(); ++i) few.copy(static_cast<int64_t>(i), all.at(sums.numbers[i]));
  run_updater(*updater_, key_, sums.values, weights);
  for (size_t i = 0; i < sums.numbers.size(); ++i) all.copy(sums.numbers[i], few.at(static_cast<int64_t>(i)));
}

void make_distinct(std::vector<int64_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

void check_row_ids(const std::string& key, const NDArray& ids, const Shape& array, const char* what) {
  MIXNET_CHECK(array.ndim() > 0, shape, "[kvstore ", what, "] key ", key, ": expected an array with rows, got ", array);
  MIXNET_CHECK(ids.shape().ndim() == 1, shape, "[kvstore ", what, "] key ", key, " row_ids: expected one axis, got ",
               ids.shape());
}

void check_pushed_rows(const std::string& key, const PushedRows& pushed, const Shape& array, DType dtype) {
  check_row_ids(key, pushed.ids, array, "push_rows");
  Shape expected = array;
  expected[0] = pushed.ids.size();
  MIXNET_CHECK(pushed.values.shape() == expected, shape, "[kvstore push_rows] key ", key, ": expected ", expected,
               ", got ", pushed.values.shape());
  MIXNET_CHECK(pushed.values.dtype() == dtype, type, "[kvstore push_rows] key ", key, ": expected ", dtype, ", got ",
               pushed.values.dtype());
}

std::vector<int64_t> distinct_rows(const NDArray& ids, int64_t count, const std::string& place) {
  std::vector<int64_t> numbers = row_numbers(ids, count, place);
  make_distinct(numbers);
  return numbers;
}

RowSums sum_rows(const std::vector<PushedRows>& pushed, const Shape& array, DType dtype, const std::string& place) {
  const auto numbers = all_numbers(pushed, array[0], place);
  RowSums sums;
  for (const auto& device : numbers) sums.numbers.insert(sums.numbers.end(), device.begin(), device.end());
  make_distinct(sums.numbers);
  Shape shape = array;
  shape[0] = static_cast<int64_t>(sums.numbers.size());
  sums.values = NDArray(shape, dtype);
  if (sums.numbers.empty()) return sums;
  const Rows to(sums.values);
  to.clear();
  for (size_t k = 0; k < pushed.size(); ++k) {
    const Rows from(pushed[k].values);
    for (size_t i = 0; i < numbers[k].size(); ++i) {
      const auto row = std::lower_bound(sums.numbers.begin(), sums.numbers.end(), numbers[k][i]);
      to.add(row - sums.numbers.begin(), from.at(static_cast<int64_t>(i)));
    }
  }
  return sums;
}

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
