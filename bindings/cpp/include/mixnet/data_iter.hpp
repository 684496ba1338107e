/// Where batches come from.
#pragma once

#include <mixnet/arithmetic.hpp>

namespace mixnet {

/// Name and shape of one array of every batch.
struct DataDesc {
  std::string name;
  Shape shape;
  DType dtype = DType::float32;
};

/// Arrays in the order of the descriptions. The last `pad` examples only fill the batch up.
struct Batch {
  std::vector<NDArray> data, label;
  int64_t pad = 0;
};

/// A source of batches, to be derived from.
class DataIter {
 public:
  virtual ~DataIter() = default;
  virtual std::vector<DataDesc> provide_data() const = 0;
  virtual std::vector<DataDesc> provide_label() const = 0;
  /// The next batch; false at the end of the epoch.
  virtual bool next(Batch& batch) = 0;
  /// Begins the next epoch.
  virtual void reset() = 0;
  int64_t batch_size() const {
    const std::vector<DataDesc> data = provide_data();
    return data.empty() || data[0].shape.empty() ? 0 : data[0].shape[0];
  }
};

/// Batches of arrays along their first axis. What does not fill the last batch is filled up from the beginning.
///
/// With `shuffle` every epoch has an order of its own: `_shuffle` of the row numbers as int32, drawn when its first batch is asked for.
class NDArrayIter : public DataIter {
 public:
  NDArrayIter(Arrays data, Arrays label, int64_t batch_size, bool shuffle = false)
      : data_(std::move(data)), label_(std::move(label)), batch_(batch_size), shuffle_(shuffle) {
    if (batch_ < 1) fail("[NDArrayIter] batch_size: expected at least 1, got " + std::to_string(batch_));
    if (data_.empty()) fail("[NDArrayIter] data: expected at least one array, got none");
    count_ = data_.begin()->second.shape().at(0);
    for (const Arrays* group : {&data_, &label_}) {
      for (const auto& [name, array] : *group) {
        const Shape shape = array.shape();
        if (shape.empty() || shape[0] != count_ || count_ == 0) {
          fail("[NDArrayIter] " + name + ": expected " + std::to_string(count_) + " rows, at least 1, got shape " +
                   to_text(shape),
               Code::shape);
        }
      }
    }
  }
  /// The usual names: "data" and "softmax_label".
  NDArrayIter(const NDArray& data, const NDArray& label, int64_t batch_size, bool shuffle = false)
      : NDArrayIter(one("data", data), one("softmax_label", label), batch_size, shuffle) {}

  int64_t count() const { return count_; }
  std::vector<DataDesc> provide_data() const override { return describe(data_); }
  std::vector<DataDesc> provide_label() const override { return describe(label_); }
  void reset() override { cursor_ = 0; }

  bool next(Batch& batch) override {
    if (cursor_ >= count_) return false;
    if (cursor_ == 0) begin();
    NDArray rows = order_ ? order_.slice(cursor_, cursor_ + batch_) : NDArray();
    batch.data = cut(data_, rows);
    batch.label = cut(label_, rows);
    cursor_ += batch_;
    batch.pad = std::max<int64_t>(cursor_ - count_, 0);
    return true;
  }

 private:
  static Arrays one(const char* name, const NDArray& array) {
    Arrays found;
    if (array) found[name] = array.share();
    return found;
  }
  std::vector<DataDesc> describe(const Arrays& arrays) const {
    std::vector<DataDesc> found;
    for (const auto& [name, array] : arrays) {
      Shape shape = array.shape();
      shape[0] = batch_;
      found.push_back({name, shape, array.dtype()});
    }
    return found;
  }
  void begin() {
    const int64_t filled = (count_ + batch_ - 1) / batch_ * batch_;
    if (!shuffle_ && filled == count_) return;  // batches are slices
    order_ = NDArray::arange(0, static_cast<double>(count_), 1, DType::int32);
    if (shuffle_) order_ = op::_shuffle(order_);
    if (filled > count_) {
      order_ = op::take(order_, NDArray::arange(0, static_cast<double>(filled), 1, DType::int32)).mode("wrap");
    }
  }
  std::vector<NDArray> cut(const Arrays& arrays, const NDArray& rows) const {
    std::vector<NDArray> found;
    for (const auto& [name, array] : arrays) {
      if (rows) found.push_back(op::take(array, rows));
      else found.push_back(array.slice(cursor_, cursor_ + batch_));
    }
    return found;
  }

  Arrays data_, label_;
  int64_t batch_, count_ = 0, cursor_ = 0;
  bool shuffle_;
  NDArray order_;
};

}  // namespace mixnet
