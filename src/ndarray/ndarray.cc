#include "ndarray/ndarray.h"

#include <cstring>

#include "device/device.h"
#include "device/stream.h"
//[full
#include "device/gpu.h"
#include "ndarray/copy_over.h"
//]

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

NDArray::NDArray(StorageKind kind, const Shape& shape, DType dtype, DeviceId device)
    : written_(std::make_shared<WrittenExtents>()), shape_(shape), dtype_(dtype), kind_(kind) {
  checked_size(shape, dtype_size(dtype));
  MIXNET_CHECK(kind != StorageKind::dense, invalid, "[NDArray] storage: expected row_sparse or csr, got default");
  MIXNET_CHECK(kind == StorageKind::csr ? shape.ndim() == 2 : shape.ndim() >= 1, shape, "[NDArray] ",
               storage_name(kind), ": expected ", kind == StorageKind::csr ? "2 dimensions" : "at least 1 dimension",
               ", got ", shape);
  constexpr int64_t most = int64_t{1} << 59;  // so that numbers of rows have sizes in bytes
  MIXNET_CHECK(shape[0] <= most && (kind != StorageKind::csr || shape[1] <= most), shape, "[NDArray] ",
               storage_name(kind), ": expected at most ", most, " rows and columns, got ", shape);
  MIXNET_CHECK(device.host(), device, "[NDArray] sparse arrays are on the CPU, got ", device.str());
  chunk_ = std::make_shared<Chunk>(device, 0);
  allocate_stored(0);
}

NDArray NDArray::late(DType dtype, DeviceId device) {
  NDArray a;
  a.chunk_ = std::make_shared<Chunk>(device, 0);
  a.written_ = std::make_shared<WrittenExtents>();
  a.dtype_ = dtype;
  return a;
}

const Shape& NDArray::late_shape() const {
  if (!written_->known.load(std::memory_order_acquire)) {
    wait_to_read();
    MIXNET_CHECK(written_->known.load(std::memory_order_acquire), internal, "[NDArray] shape: nothing wrote the array");
  }
  return written_->shape;
}

TensorView NDArray::allocate(const Shape& shape) const {
  WrittenExtents& written = *written_;
  MIXNET_CHECK(dense() && !written.known.load(), internal, "[NDArray] allocate: expected a late array");
  chunk_->resize(static_cast<size_t>(checked_size(shape, dtype_size(dtype_)) * dtype_size(dtype_)));
  written.shape = shape;
  written.known.store(true, std::memory_order_release);
  return view();
}

const SparseView& NDArray::allocate_stored(int64_t count) const {
  MIXNET_CHECK(!dense(), internal, "[NDArray] allocate_stored: expected a sparse array");
  constexpr int64_t line = 64;
  const auto lines = [](int64_t bytes) { return (bytes + line - 1) / line * line; };
  const bool csr = kind_ == StorageKind::csr;
  const int64_t pointers = csr ? lines((shape_[0] + 1) * 8) : 0, numbers = lines(count * 8);
  Shape values = csr ? Shape{1} : shape_;
  values[0] = count;
  const int64_t bytes = checked_size(values, dtype_size(dtype_)) * dtype_size(dtype_);
  chunk_->resize(static_cast<size_t>(pointers + numbers + bytes));
  char* const memory = static_cast<char*>(chunk_->data());
  SparseView& stored = written_->sparse;
  stored.count = count;
  stored.indptr = csr ? reinterpret_cast<int64_t*>(memory) : nullptr;
  stored.indices = reinterpret_cast<int64_t*>(memory + pointers);
  stored.values = memory + pointers + numbers;
  if (csr) std::memset(memory, 0, static_cast<size_t>(pointers));
  return stored;
}

void NDArray::check_dense(const char* place) const {
  MIXNET_CHECK(dense(), invalid, "[", place, "] expected a dense array, got ", storage_name(kind_));
}

bool NDArray::overlaps(const NDArray& other) const {
  if (none() || chunk_ != other.chunk_) return false;
  if (!dense()) return true;
  return offset_ < other.offset_ + other.bytes() && other.offset_ < offset_ + bytes();
}

bool NDArray::same_memory(const NDArray& other) const {
  if (none() || chunk_ != other.chunk_) return false;
  return !dense() || (offset_ == other.offset_ && bytes() == other.bytes());
}

TensorView NDArray::outline() const {
  TensorView v;
  v.shape = written_ && dense() ? written_->shape : shape_;
  v.kind = kind_;
  v.dtype = dtype_;
  v.device = chunk_->device();
  return v;
}

TensorView NDArray::view() const {
  TensorView v = outline();
  if (!dense()) v.sparse = &written_->sparse;
  else v.data = static_cast<char*>(chunk_->data()) + offset_;
  return v;
}

NDArray NDArray::slice(int64_t begin, int64_t end) const {
  check_dense("slice");
  Shape shape = this->shape();
  MIXNET_CHECK(shape.ndim() > 0, shape, "[slice] expected at least 1 dimension, got ", shape);
  const int64_t n = shape[0];
  const int64_t first = begin < 0 ? begin + n : begin, last = end < 0 ? end + n : end;
  MIXNET_CHECK(first >= 0 && first <= last && last <= n, invalid, "[slice] expected 0 <= begin <= end <= ", n, ", got ",
               begin, " and ", end);
  shape[0] = last - first;
  const int64_t row = shape.size(1, shape.ndim()) * dtype_size(dtype_);
  return NDArray(chunk_, shape, dtype_, offset_ + first * row);
}

NDArray NDArray::at(int64_t i) const {
  check_dense("at");
  const Shape& shape = this->shape();
  MIXNET_CHECK(shape.ndim() > 0, shape, "[at] expected at least 1 dimension, got ", shape);
  const int64_t n = shape[0], row = i < 0 ? i + n : i;
  MIXNET_CHECK(row >= 0 && row < n, invalid, "[at] index: expected a value in [", -n, ", ", n, "), got ", i);
  return slice(row, row + 1).reshape(Shape(shape.data() + 1, shape.ndim() - 1));
}

NDArray NDArray::reshape(const Shape& shape) const {
  check_dense("reshape");
  MIXNET_CHECK(shape.known() && checked_size(shape, 1) == size(), shape, "[reshape] cannot make ", shape, " of ",
               this->shape());
  return NDArray(chunk_, shape, dtype_, offset_);
}

void NDArray::wait_to_read(const WaitOptions& options) const {
  engine().wait_to_read(variable(), options);
  synchronize();
}
void NDArray::wait_to_write(const WaitOptions& options) const {
  engine().wait_to_write(variable(), options);
  synchronize();
}

// Operations on a GPU are over for the engine when they are in its stream.
void NDArray::synchronize() const {
  if (Stream* stream = device().host() ? nullptr : get_device(device()).stream()) stream->synchronize();
}

NDArray empty_like(const NDArray& array) {
  if (array.dense()) return NDArray(array.shape(), array.dtype(), array.device());
  return NDArray(array.kind(), array.shape(), array.dtype(), array.device());
}

const char* storage_name(StorageKind kind) {
  return kind == StorageKind::csr ? "csr" : kind == StorageKind::row_sparse ? "row_sparse" : "default";
}

namespace {

void copy_stored(const NDArray& from, const NDArray& to) {
  const SparseView source = *from.view().sparse;
  const SparseView& target = to.allocate_stored(source.count);
  const bool csr = from.kind() == StorageKind::csr;
  const Shape& shape = from.shape();
  const int64_t width = csr ? 1 : shape.size(1, shape.ndim());
  const auto bytes = [](int64_t n) { return static_cast<size_t>(n); };
  if (csr) std::memcpy(target.indptr, source.indptr, bytes((shape[0] + 1) * 8));
  if (source.count == 0) return;
  std::memcpy(target.indices, source.indices, bytes(source.count * 8));
  std::memcpy(target.values, source.values, bytes(source.count * width * dtype_size(from.dtype())));
}

void copy_task(const NDArray& from, const NDArray& to) {
  if (!from.dense()) return copy_stored(from, to);
  const TensorView source = from.view(), target = to.view();
  Device& to_device = get_device(target.device);
  const auto bytes = static_cast<size_t>(source.bytes());
  if (Stream* stream = to_device.stream()) return stream->copy(target.data, source.data, bytes);
  to_device.copy_from(get_device(source.device), target.data, source.data, bytes);
}

}  // namespace

//[full
void copy_over(const NDArray& from, const NDArray& to) {
  MIXNET_CHECK(from.dense(), unsupported, "[copy] expected a dense array, got ", storage_name(from.kind()),
               ", which GPUs do not have");
  const TensorView source = from.view(), target = to.view();
  Device &from_device = get_device(source.device), &to_device = get_device(target.device);
  StreamDevice& gpu = gpu_device(source.device.host() ? target.device.index : source.device.index);
  const std::shared_ptr<Completion> completion = engine().defer();
  gpu.copy_later(from_device, to_device, target.data, source.data, static_cast<size_t>(source.bytes()),
                 [from, to, completion](const Error* error) {
                   if (error) completion->fail(error->code(), error->what());
                   else completion->end();
                 });
}
//]

void copy(const NDArray& from, const NDArray& to, int32_t priority) {
  MIXNET_CHECK(from.shape() == to.shape(), shape, "[copy] expected ", to.shape(), ", got ", from.shape());
  MIXNET_CHECK(from.dtype() == to.dtype(), type, "[copy] expected ", to.dtype(), ", got ", from.dtype());
  MIXNET_CHECK(from.kind() == to.kind(), invalid, "[copy] storage: expected ", storage_name(to.kind()), ", got ",
               storage_name(from.kind()));
  if (from.same_memory(to)) return;
  Variable* reads[] = {from.variable()};
  Variable* writes[] = {to.variable()};
  // A view covers only part of its chunk: the rest of what is there stays, errors included.
  const bool whole = to.whole();
  Variable* both[] = {from.variable(), to.variable()};
  const Span<Variable* const> read_list = whole ? Span<Variable* const>(reads) : Span<Variable* const>(both);
  PushOptions options;
  options.priority = priority;
  auto describe = [&] { return concat("copy ", from.shape(), " ", from.dtype()); };
  //[full
  if (from.device() != to.device() && !(from.device().host() && to.device().host())) {
    options.lane = Lane::io;
    return engine().push(make_task([from, to] { copy_over(from, to); }, describe()), read_list, writes, options);
  }
  //]
  options.small = from.bytes() <= 65536;
  if (options.small && engine().run_now(read_list, writes, [&] { copy_task(from, to); }, describe)) return;
  engine().push(make_task([from, to] { copy_task(from, to); }, describe()), read_list, writes, options);
}

void NDArray::copy_from_host(const void* data, int64_t count, const WaitOptions& options) const {
  check_dense("copy_from_host");
  MIXNET_CHECK(count == bytes(), shape, "[copy_from_host] expected ", bytes(), " bytes for ", shape(), " of ", dtype_,
               ", got ", count);
  auto body = [&] {
    const TensorView target = view();
    get_device(target.device).copy_from(get_device({}), target.data, data, static_cast<size_t>(count));
  };
  auto describe = [&] { return concat("copy_from_host ", shape()); };
  Variable* variables[] = {variable()};
  const bool whole = this->whole();
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
  check_dense("copy_to_host");
  MIXNET_CHECK(count == bytes(), shape, "[copy_to_host] expected ", bytes(), " bytes for ", shape(), " of ", dtype_,
               ", got ", count);
  engine().wait_to_read(variable(), options);
  const TensorView source = view();
  get_device(source.device).copy_from(get_device(source.device), data, source.data, static_cast<size_t>(count));
}

}  // namespace mixnet
