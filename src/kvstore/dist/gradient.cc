#include "kvstore/dist/gradient.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "kvstore/dist/rows_record.h"
#include "kvstore/dist/value.h"
#include "kvstore/reduce.h"

namespace mixnet {
namespace dist {
namespace {

// The rows of a flat array.
class Rows {
 public:
  Rows(const NDArray& array, int64_t width)
      : data_(array.view().as<char>()),
        dtype_(array.dtype()),
        width_(width),
        bytes_(static_cast<size_t>(width * dtype_size(dtype_))) {}
  char* at(int64_t row) const { return data_ + static_cast<size_t>(row) * bytes_; }
  void copy(int64_t row, const char* from) const { std::memcpy(at(row), from, bytes_); }
  void add(int64_t row, const char* from) const { add_to(dtype_, at(row), from, width_); }

 private:
  char* data_;
  DType dtype_;
  int64_t width_;
  size_t bytes_;
};

NDArray zeros(int64_t count, DType dtype) {
  NDArray array(Shape{count}, dtype);
  if (array.bytes() > 0) std::memset(array.view().data, 0, static_cast<size_t>(array.bytes()));
  return array;
}

NDArray own(const NDArray& array) {
  NDArray copy(array.shape(), array.dtype());
  if (array.bytes() > 0) std::memcpy(copy.view().data, array.view().data, static_cast<size_t>(array.bytes()));
  return copy;
}

// To rows of which every one of `from` is there.
void add_rows(const Gradient& from, const std::vector<int64_t>& there, const NDArray& to) {
  const Rows source(from.values, from.width), target(to, from.width);
  auto place = there.begin();
  for (size_t i = 0; i < from.rows.size(); ++i) {
    place = std::lower_bound(place, there.end(), from.rows[i]);
    target.add(place - there.begin(), source.at(static_cast<int64_t>(i)));
  }
}

Gradient sum_of_rows(const Gradient& sum, const Gradient& next) {
  Gradient all;
  all.width = sum.width;
  std::set_union(sum.rows.begin(), sum.rows.end(), next.rows.begin(), next.rows.end(), std::back_inserter(all.rows));
  all.values = zeros(static_cast<int64_t>(all.rows.size()) * all.width, sum.values.dtype());
  add_rows(sum, all.rows, all.values);
  add_rows(next, all.rows, all.values);
  return all;
}

}  // namespace

Gradient read_gradient(const Record& record) {
  if (record.width == 0) return {lent_value(record), {}, 0};
  NamedRows named = read_rows(record);
  const auto width = static_cast<int64_t>(record.width);
  const NDArray values(Shape{static_cast<int64_t>(named.numbers.size()) * width}, record.dtype);
  if (values.bytes() > 0) std::memcpy(values.view().data, named.elements, static_cast<size_t>(values.bytes()));
  return {values, std::move(named.numbers), width};
}

Gradient sum_with(Gradient sum, const Gradient& next, int64_t count) {
  if (sum.values.none()) return next;
  if (sum.width > 0 && sum.width == next.width) return sum_of_rows(sum, next);
  // One of them has all elements, or they disagree about what a row is.
  NDArray total = whole(sum, count);
  sum.values = NDArray();
  // The first value is a view of a message.
  if (total.chunk()->exposed() || total.chunk().use_count() > 1) total = own(total);
  const NDArray term = whole(next, count);
  add_to(total.dtype(), total.view().data, term.view().data, count);
  return {total, {}, 0};
}

NDArray whole(const Gradient& gradient, int64_t count) {
  if (gradient.width == 0) return gradient.values;
  const NDArray all = zeros(count, gradient.values.dtype());
  const Rows from(gradient.values, gradient.width), to(all, gradient.width);
  for (size_t i = 0; i < gradient.rows.size(); ++i) to.copy(gradient.rows[i], from.at(static_cast<int64_t>(i)));
  return all;
}

void step_rows(Optimizer& optimizer, const std::string& key, const NDArray& value, const Gradient& gradient) {
  if (gradient.rows.empty()) return;
  const NDArray few(gradient.values.shape(), value.dtype());
  const Rows all(value, gradient.width), taken(few, gradient.width);
  for (size_t i = 0; i < gradient.rows.size(); ++i) taken.copy(static_cast<int64_t>(i), all.at(gradient.rows[i]));
  optimizer.update(key, few, gradient.values);
  few.wait_to_write();
  gradient.values.wait_to_write();
  for (size_t i = 0; i < gradient.rows.size(); ++i) all.copy(gradient.rows[i], taken.at(static_cast<int64_t>(i)));
}

}  // namespace dist
}  // namespace mixnet
