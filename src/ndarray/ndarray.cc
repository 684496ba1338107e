#include "ndarray/ndarray.h"

#include "device/device.h"

namespace mixnet {

NDArray::NDArray(const Shape& shape, DType dtype, DeviceId device) : shape_(shape), dtype_(dtype) {
  const int64_t bytes = checked_size(shape, dtype_size(dtype)) * dtype_size(dtype);
  if (!device.host()) get_device(device);
  chunk_ = std::make_shared<Chunk>(device, static_cast<size_t>(bytes));
}

NDArray::NDArray(std::shared_ptr<Chunk> chunk, const Shape& shape, DType dtype, int64_t offset_bytes)
    : chunk_(std::move(chunk)), shape_(shape), dtype_(dtype), offset_(offset_bytes) {
  const int64_t end = offset_ + checked_size(shape, dtype_size(dtype)) * dtype_size(dtype);
  MIXNET_CHECK(offset_ >= 0 && end <= static_cast<int64_t>(chunk_->bytes()), shape, "[NDArray] ", shape, " of ", dtype,
               " at byte ", offset_, " does not fit into ", chunk_->bytes(), " bytes");
}

bool NDArray::overlaps(const NDArray& other) const {
  if (none() || chunk_ != other.chunk_) return false;
  return offset_ < other.offset_ + other.bytes() && other.offset_ < offset_ + bytes();
}

bool NDArray::same_memory(const NDArray& other) const {
  return !none() && chunk_ == other.chunk_ && offset_ == other.offset_ && bytes() == other.bytes();
}

TensorView NDArray::outline() const {
  TensorView v;
  v.shape = shape_;
  v.dtype = dtype_;
  v.device = chunk_->device();
  return v;
}

TensorView NDArray::view() const {
  TensorView v = outline();
  v.data = static_cast<char*>(chunk_->data()) + offset_;
  return v;
}

NDArray NDArray::slice(int64_t begin, int64_t end) const {
  MIXNET_CHECK(shape_.ndim() > 0, shape, "[slice] expected at least 1 dimension, got ", shape_);
  const int64_t n = shape_[0];
  const int64_t first = begin < 0 ? begin + n : begin, last = end < 0 ? end + n : end;
  MIXNET_CHECK(first >= 0 && first <= last && last <= n, invalid, "[slice] expected 0 <= begin <= end <= ", n, ", got ",
               begin, " and ", end);
  Shape shape = shape_;
  shape[0] = last - first;
  const int64_t row = shape_.size(1, shape_.ndim()) * dtype_size(dtype_);
  return NDArray(chunk_, shape, dtype_, offset_ + first * row);
}

NDArray NDArray::at(int64_t i) const {
  MIXNET_CHECK(shape_.ndim() > 0, shape, "[at] expected at least 1 dimension, got ", shape_);
  const int64_t n = shape_[0], row = i < 0 ? i + n : i;
  MIXNET_CHECK(row >= 0 && row < n, invalid, "[at] index: expected a value in [", -n, ", ", n, "), got ", i);
  return slice(row, row + 1).reshape(Shape(shape_.data() + 1, shape_.ndim() - 1));
}

NDArray NDArray::reshape(const Shape& shape) const {
  MIXNET_CHECK(shape.known() && checked_size(shape, 1) == size(), shape, "[reshape] cannot make ", shape, " of ",
               shape_);
  return NDArray(chunk_, shape, dtype_, offset_);
}

void NDArray::wait_to_read(const WaitOptions& options) const { engine().wait_to_read(variable(), options); }
void NDArray::wait_to_write(const WaitOptions& options) const { engine().wait_to_write(variable(), options); }

namespace {

void copy_task(const NDArray& from, const NDArray& to) {
  const TensorView source = from.view(), target = to.view();
  const Device& from_device = get_device(source.device);
  Device& to_device = get_device(target.device.host() ? source.device : target.device);
  to_device.copy_from(from_device, target.data, source.data, static_cast<size_t>(source.bytes()));
}

}  // namespace

void copy(const NDArray& from, const NDArray& to, int32_t priority) {
  MIXNET_CHECK(from.shape() == to.shape(), shape, "[copy] expected ", to.shape(), ", got ", from.shape());
  MIXNET_CHECK(from.dtype() == to.dtype(), type, "[copy] expected ", to.dtype(), ", got ", from.dtype());
  if (from.same_memory(to)) return;
  Variable* reads[] = {from.variable()};
  Variable* writes[] = {to.variable()};
  // A view covers only part of its chunk: the rest of what is there stays, errors included.
  const bool whole = to.bytes() == static_cast<int64_t>(to.chunk()->bytes());
  Variable* both[] = {from.variable(), to.variable()};
  const Span<Variable* const> read_list = whole ? Span<Variable* const>(reads) : Span<Variable* const>(both);
  PushOptions options;
  options.priority = priority;
  options.small = from.bytes() <= 65536;
  auto describe = [&] { return concat("copy ", from.shape(), " ", from.dtype()); };
  if (options.small && engine().run_now(read_list, writes, [&] { copy_task(from, to); }, describe)) return;
  engine().push(make_task([from, to] { copy_task(from, to); }, describe()), read_list, writes, options);
}

void NDArray::copy_from_host(const void* data, int64_t count, const WaitOptions& options) const {
  MIXNET_CHECK(count == bytes(), shape, "[copy_from_host] expected ", bytes(), " bytes for ", shape_, " of ", dtype_,
               ", got ", count);
  auto body = [&] {
    const TensorView target = view();
    get_device(target.device).copy_from(get_device({}), target.data, data, static_cast<size_t>(count));
  };
  auto describe = [&] { return concat("copy_from_host ", shape_); };
  Variable* variables[] = {variable()};
  const bool whole = bytes() == static_cast<int64_t>(chunk_->bytes());
  const Span<Variable* const> reads = whole ? Span<Variable* const>() : Span<Variable* const>(variables);
  if (engine().run_now(reads, variables, body, describe)) {
    if (!whole) wait_to_read(options);
    return;
  }
  // The caller's memory is only valid during this call, so wait for our turn and copy in place.
  engine().push(
      make_task(
          [*this, source = data, count] {
            const TensorView target = view();
            get_device(target.device).copy_from(get_device({}), target.data, source, static_cast<size_t>(count));
          },
          describe()),
      reads, variables);
  engine().wait_to_read(variable(), {});
  (void)options;
}

void NDArray::copy_to_host(void* data, int64_t count, const WaitOptions& options) const {
  MIXNET_CHECK(count == bytes(), shape, "[copy_to_host] expected ", bytes(), " bytes for ", shape_, " of ", dtype_,
               ", got ", count);
  wait_to_read(options);
  const TensorView source = view();
  get_device(source.device).copy_from(get_device(source.device), data, source.data, static_cast<size_t>(count));
}

}  // namespace mixnet
