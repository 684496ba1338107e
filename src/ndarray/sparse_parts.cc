#include "ndarray/sparse_parts.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace mixnet {
namespace {

// Looks at parts from outside and puts them in order.
class Parts {
 public:
  Parts(const std::string& place, StorageKind kind, const Shape& shape, const NDArray& values, const NDArray& indices,
        const NDArray& indptr)
      : place_(place), csr_(kind == StorageKind::csr), shape_(shape), values_(values), count_(indices.size()) {
    check_shapes(indices, indptr);
    index_ = wait_for(indices);
    begin_ = csr_ ? wait_for(indptr) : nullptr;
    values_.wait_to_read();
    check_numbers();
  }

  void put_into(const NDArray& array) {
    const SparseView& to = array.allocate_stored(count_);
    if (csr_) std::memcpy(to.indptr, begin_, static_cast<size_t>((shape_[0] + 1) * 8));
    if (count_ == 0) return;
    const int64_t bytes = values_.bytes() / count_;
    const char* from = values_.view().as<char>();
    const std::vector<int64_t> order = ordered();
    for (int64_t i = 0; i < count_; ++i) {
      const int64_t k = order[static_cast<size_t>(i)];
      to.indices[i] = index_[k];
      std::memcpy(to.as<char>() + i * bytes, from + k * bytes, static_cast<size_t>(bytes));
    }
    for (int64_t i = 1; !csr_ && i < count_; ++i)
      MIXNET_CHECK(to.indices[i - 1] < to.indices[i], invalid, "[", place_, "] indices: expected every row once, got ",
                   to.indices[i], " twice");
  }

 private:
  static const int64_t* wait_for(const NDArray& numbers) {
    numbers.wait_to_read();
    return numbers.view().as<int64_t>();
  }

  void check_shapes(const NDArray& indices, const NDArray& indptr) const {
    Shape expected = csr_ ? Shape{count_} : shape_;
    if (!csr_) expected[0] = count_;
    MIXNET_CHECK(indices.shape().ndim() == 1, shape, "[", place_, "] indices: expected 1 dimension, got ",
                 indices.shape());
    MIXNET_CHECK(values_.shape() == expected, shape, "[", place_, "] data: expected ", expected, ", got ",
                 values_.shape());
    MIXNET_CHECK(indices.dtype() == DType::i64 && (!csr_ || indptr.dtype() == DType::i64), type, "[", place_,
                 "] indices, indptr: expected int64");
    if (csr_)
      MIXNET_CHECK(indptr.shape() == Shape{shape_[0] + 1}, shape, "[", place_, "] indptr: expected ",
                   Shape{shape_[0] + 1}, ", got ", indptr.shape());
  }

  void check_numbers() const {
    const int64_t limit = shape_[csr_ ? 1 : 0];
    for (int64_t i = 0; i < count_; ++i)
      MIXNET_CHECK(index_[i] >= 0 && index_[i] < limit, invalid, "[", place_, "] indices: expected values in [0, ",
                   limit, "), got ", index_[i]);
    if (!csr_) return;
    MIXNET_CHECK(begin_[0] == 0 && begin_[shape_[0]] == count_, invalid, "[", place_, "] indptr: expected 0 to ",
                 count_, ", got ", begin_[0], " to ", begin_[shape_[0]]);
    for (int64_t i = 0; i < shape_[0]; ++i)
      MIXNET_CHECK(begin_[i] <= begin_[i + 1], invalid, "[", place_, "] indptr: expected ascending values, got ",
                   begin_[i], " before ", begin_[i + 1]);
  }

  std::vector<int64_t> ordered() const {
    std::vector<int64_t> order(static_cast<size_t>(count_));
    std::iota(order.begin(), order.end(), 0);
    const auto sort = [&](int64_t first, int64_t last) {
      const auto less = [&](int64_t a, int64_t b) { return index_[a] < index_[b]; };
      if (!std::is_sorted(index_ + first, index_ + last))
        std::stable_sort(order.begin() + first, order.begin() + last, less);
    };
    if (!csr_) sort(0, count_);
    for (int64_t i = 0; csr_ && i < shape_[0]; ++i) sort(begin_[i], begin_[i + 1]);
    return order;
  }

  const std::string& place_;
  bool csr_;
  const Shape& shape_;
  const NDArray& values_;
  int64_t count_;
  const int64_t* index_ = nullptr;
  const int64_t* begin_ = nullptr;
};

void copy_part(const NDArray& array, SparsePart part, const NDArray& to) {
  const SparseView& stored = *array.view().sparse;
  Shape shape{stored.count};
  const void* from = stored.indices;
  if (part == SparsePart::indptr) {
    shape[0] = array.shape()[0] + 1;
    from = stored.indptr;
  } else if (part == SparsePart::values) {
    from = stored.values;
    if (array.kind() == StorageKind::row_sparse) shape = array.shape();
    shape[0] = stored.count;
  }
  const TensorView target = to.allocate(shape);
  if (target.size() > 0) std::memcpy(target.data, from, static_cast<size_t>(target.bytes()));
}

}  // namespace

NDArray make_sparse(const std::string& place, StorageKind kind, const Shape& shape, const NDArray& values,
                    const NDArray& indices, const NDArray& indptr) {
  const bool csr = kind == StorageKind::csr;
  MIXNET_CHECK(csr ? shape.ndim() == 2 : shape.ndim() >= 1, shape, "[", place, "] shape: expected ",
               csr ? "2 dimensions" : "at least 1 dimension", ", got ", shape);
  constexpr int64_t most = int64_t{1} << 59;
  for (int64_t extent : shape)
    MIXNET_CHECK(extent >= 0 && extent <= most, shape, "[", place, "] shape: expected extents in [0, ", most, "], got ",
                 shape);
  Parts parts(place, kind, shape, values, indices, indptr);
  const NDArray array(kind, shape, values.dtype(), values.device());
  parts.put_into(array);
  return array;
}

NDArray dense_copy(const NDArray& array) {
  array.wait_to_read();
  const NDArray dense(array.shape(), array.dtype(), array.device());
  if (dense.bytes() == 0) return dense;
  char* const to = dense.view().as<char>();
  std::memset(to, 0, static_cast<size_t>(dense.bytes()));
  const SparseView& stored = *array.view().sparse;
  const int64_t item = dtype_size(array.dtype()), row = dense.bytes() / array.shape()[0];
  if (array.kind() == StorageKind::row_sparse) {
    for (int64_t k = 0; k < stored.count; ++k)
      std::memcpy(to + stored.indices[k] * row, stored.as<char>() + k * row, static_cast<size_t>(row));
    return dense;
  }
  for (int64_t i = 0; i < array.shape()[0]; ++i) {
    for (int64_t k = stored.indptr[i]; k < stored.indptr[i + 1]; ++k)
      std::memcpy(to + i * row + stored.indices[k] * item, stored.as<char>() + k * item, static_cast<size_t>(item));
  }
  return dense;
}

NDArray sparse_part(const NDArray& array, SparsePart part) {
  MIXNET_CHECK(!array.dense(), invalid, "[sparse part] expected a sparse array, got a dense one");
  MIXNET_CHECK(part != SparsePart::indptr || array.kind() == StorageKind::csr, invalid,
               "[sparse part] indptr: expected a csr array, got ", storage_name(array.kind()));
  const NDArray to = NDArray::late(part == SparsePart::values ? array.dtype() : DType::i64, array.device());
  Variable *reads[] = {array.variable()}, *writes[] = {to.variable()};
  auto body = [array, part, to] { copy_part(array, part, to); };
  auto describe = [&] { return concat("a part of ", storage_name(array.kind()), " ", array.shape()); };
  if (engine().run_now(reads, writes, body, describe)) return to;
  engine().push(make_task(body, describe()), reads, writes);
  return to;
}

}  // namespace mixnet
