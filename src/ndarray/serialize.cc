#include "ndarray/serialize.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ndarray/sparse_parts.h"

namespace mixnet {
namespace {

constexpr uint64_t list_magic = 0x112;
constexpr uint32_t v1_magic = 0xF993FAC8, v2_magic = 0xF993FAC9, v3_magic = 0xF993FACA;

// Reads untrusted bytes; every length is checked against what is left.
class Reader {
 public:
  Reader(const void* data, size_t bytes, std::string place, bool borrow = false)
      : data_(static_cast<const char*>(data)), bytes_(bytes), place_(std::move(place)), borrow_(borrow) {}
  bool borrows() const { return borrow_; }

  template <class T> T get() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }
  const char* take(uint64_t count) {
    if (count > bytes_ - at_) error(concat("expected ", count, " more bytes, got ", bytes_ - at_));
    const char* p = data_ + at_;
    at_ += count;
    return p;
  }
  size_t left() const { return bytes_ - at_; }
  [[noreturn]] void error(const std::string& what) const {
    fail(Code::io, "[load] ", place_, ", byte ", at_, ": ", what);
  }

 private:
  const char* data_;
  size_t bytes_;
  size_t at_ = 0;
  std::string place_;
  bool borrow_;
};

Shape read_shape(Reader& in, bool wide, int32_t ndim) {
  if (ndim < 0 || ndim > Shape::max_ndim)
    in.error(concat("expected at most ", int{Shape::max_ndim}, " dimensions, got ", ndim));
  Shape shape;
  for (int32_t i = 0; i < ndim; ++i) {
    const int64_t extent = wide ? in.get<int64_t>() : static_cast<int64_t>(in.get<uint32_t>());
    if (extent < 0) in.error(concat("expected extents of at least 0, got ", extent));
    shape.push_back(extent);
  }
  return shape;
}

DType read_dtype(Reader& in) {
  const int32_t code = in.get<int32_t>();
  if (!dtype_valid(code)) in.error(concat("dtype code ", code, " is not supported"));
  return static_cast<DType>(code);
}

void skip_device(Reader& in) {
  in.get<int32_t>();  // dev_type: arrays of a GPU load on the CPU
  in.get<int32_t>();  // dev_id
}

NDArray read_dense(Reader& in, const Shape& shape, DType dtype) {
  int64_t bytes = 0;
  try {
    bytes = checked_size(shape, dtype_size(dtype)) * dtype_size(dtype);
  } catch (const Error& e) {
    in.error(e.what());
  }
  const char* values = in.take(static_cast<uint64_t>(bytes));
  const bool straight = reinterpret_cast<uintptr_t>(values) % static_cast<uintptr_t>(dtype_size(dtype)) == 0;
  if (in.borrows() && straight && bytes > 0) {
    void* place = const_cast<char*>(values);  // nothing writes a parameter
    return NDArray(std::make_shared<Chunk>(DeviceId{}, place, static_cast<size_t>(bytes), [] {}, false), shape, dtype);
  }
  NDArray array(shape, dtype);
  if (bytes > 0) array.copy_from_host(values, bytes);
  return array;
}

NDArray read_values(Reader& in, const Shape& shape) {
  skip_device(in);
  return read_dense(in, shape, read_dtype(in));
}

// Storage shape, shape, device, dtype, dtypes and shapes of the auxiliary arrays, values, auxiliary arrays.
NDArray read_sparse(Reader& in, StorageKind kind) {
  const Shape storage = read_shape(in, true, in.get<int32_t>());
  const Shape shape = read_shape(in, true, in.get<int32_t>());
  skip_device(in);
  const DType dtype = read_dtype(in);
  const bool csr = kind == StorageKind::csr;
  Shape shapes[2];
  for (int i = 0; i < (csr ? 2 : 1); ++i) {
    const DType numbers = read_dtype(in);
    if (numbers != DType::i64) in.error(concat("expected int64 row and column numbers, got ", numbers));
    shapes[i] = read_shape(in, true, in.get<int32_t>());
  }
  const NDArray values = read_dense(in, storage, dtype), first = read_dense(in, shapes[0], DType::i64);
  const NDArray second = csr ? read_dense(in, shapes[1], DType::i64) : NDArray();
  try {
    return make_sparse("sparse array", kind, shape, values, csr ? second : first, csr ? first : NDArray());
  } catch (const Error& e) {
    in.error(e.what());
  }
}

NDArray read_record(Reader& in) {
  const uint32_t first = in.get<uint32_t>();
  if (first == v2_magic || first == v3_magic) {
    const int32_t storage_type = in.get<int32_t>();
    if (storage_type < 0 || storage_type > 2) in.error(concat("expected storage type 0, 1 or 2, got ", storage_type));
    if (storage_type != 0) return read_sparse(in, static_cast<StorageKind>(storage_type));
    const int32_t ndim = in.get<int32_t>();
    // An array without value: V2 says so with ndim 0, V3 with -1.
    if (ndim == (first == v2_magic ? 0 : -1)) return NDArray();
    return read_values(in, read_shape(in, true, ndim));
  }
  const bool wide = first == v1_magic;
  const int32_t ndim = wide ? in.get<int32_t>() : static_cast<int32_t>(first);
  if (ndim == 0) return NDArray();
  return read_values(in, read_shape(in, wide, ndim));
}

template <class T> void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_shape(std::string& out, const Shape& shape) {
  put<int32_t>(out, shape.ndim());
  for (int64_t extent : shape) put(out, extent);
}

void put_values(std::string& out, const NDArray& array) {
  const size_t at = out.size();
  out.resize(at + static_cast<size_t>(array.bytes()));
  if (array.bytes() > 0) array.copy_to_host(&out[at], array.bytes());
}

void write_sparse(std::string& out, const NDArray& array) {
  std::vector<NDArray> numbers;
  if (array.kind() == StorageKind::csr) numbers.push_back(sparse_part(array, SparsePart::indptr));
  numbers.push_back(sparse_part(array, SparsePart::indices));
  const NDArray values = sparse_part(array, SparsePart::values);
  put(out, v2_magic);
  put(out, static_cast<int32_t>(array.kind()));
  put_shape(out, values.shape());
  put_shape(out, array.shape());
  put<int32_t>(out, 1);
  put<int32_t>(out, 0);
  put(out, static_cast<int32_t>(array.dtype()));
  for (const NDArray& list : numbers) {
    put(out, static_cast<int32_t>(DType::i64));
    put_shape(out, list.shape());
  }
  put_values(out, values);
  for (const NDArray& list : numbers) put_values(out, list);
}

void write_record(std::string& out, const NDArray& array) {
  if (!array.none() && !array.dense()) return write_sparse(out, array);
  put(out, v2_magic);
  put<int32_t>(out, 0);
  // V2 has no scalars: they are written with one extent, as MXNet holds them.
  const Shape shape = array.none() ? Shape() : array.shape().ndim() == 0 ? Shape{1} : array.shape();
  put_shape(out, shape);
  if (array.none()) return;
  put<int32_t>(out, 1);
  put<int32_t>(out, 0);
  put(out, static_cast<int32_t>(array.dtype()));
  put_values(out, array);
}

std::string read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  MIXNET_CHECK(file, io, "[load] ", path, ": ", std::strerror(errno));
  std::string bytes;
  char buffer[1 << 16];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) bytes.append(buffer, n);
  const bool good = std::ferror(file) == 0;
  std::fclose(file);
  MIXNET_CHECK(good, io, "[load] ", path, ": cannot be read");
  return bytes;
}

void write_all(int fd, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Code::io, std::strerror(errno));
    done += static_cast<size_t>(n);
  }
  if (::fsync(fd) != 0 && errno != EINVAL) throw Error(Code::io, std::strerror(errno));
}

}  // namespace

NamedArrays load_arrays_from_memory(const void* data, size_t bytes, const std::string& place, bool borrow) {
  Reader in(data, bytes, place, borrow);
  if (in.get<uint64_t>() != list_magic) in.error("this is not a list of arrays (.params)");
  in.get<uint64_t>();
  const uint64_t count = in.get<uint64_t>();
  if (count > in.left() / 4) in.error(concat("expected room for ", count, " arrays"));
  NamedArrays list;
  for (uint64_t i = 0; i < count; ++i) list.arrays.push_back(read_record(in));
  const uint64_t names = in.get<uint64_t>();
  if (names != 0 && names != count) in.error(concat("expected 0 or ", count, " names, got ", names));
  for (uint64_t i = 0; i < names; ++i) {
    const uint64_t length = in.get<uint64_t>();
    const char* text = in.take(length);
    list.names.emplace_back(text, length);
  }
  return list;
}

NamedArrays load_arrays(const std::string& path) {
  const std::string bytes = read_file(path);
  return load_arrays_from_memory(bytes.data(), bytes.size(), path);
}

std::string save_arrays_to_memory(const NamedArrays& list) {
  MIXNET_CHECK(list.names.empty() || list.names.size() == list.arrays.size(), invalid, "[save] names: expected ",
               list.arrays.size(), ", got ", list.names.size());
  std::string out;
  put(out, list_magic);
  put<uint64_t>(out, 0);
  put<uint64_t>(out, list.arrays.size());
  for (const NDArray& a : list.arrays) write_record(out, a);
  put<uint64_t>(out, list.names.size());
  for (const std::string& name : list.names) {
    put<uint64_t>(out, name.size());
    out += name;
  }
  return out;
}

void save_arrays(const std::string& path, const NamedArrays& list) {
  const std::string bytes = save_arrays_to_memory(list);
  const std::string temporary = concat(path, ".", ::getpid(), ".tmp");
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  MIXNET_CHECK(fd >= 0, io, "[save] ", path, ": ", std::strerror(errno));
  try {
    write_all(fd, bytes);
  } catch (const Error& e) {
    ::close(fd);
    ::unlink(temporary.c_str());
    fail(Code::io, "[save] ", path, ": ", e.what());
  }
  ::close(fd);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    fail(Code::io, "[save] ", path, ": ", std::strerror(reason));
  }
}

std::string save_record(const NDArray& array) {
  std::string out;
  write_record(out, array);
  return out;
}

NDArray load_record(const void* data, size_t bytes, const std::string& place) {
  Reader in(data, bytes, place);
  return read_record(in);
}

}  // namespace mixnet
