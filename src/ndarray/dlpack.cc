#include "ndarray/dlpack.h"

namespace mixnet {
namespace {

// The structs of the DLPack ABI.
struct DLDevice {
  int32_t type;
  int32_t index;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* manager;
  void (*deleter)(DLManagedTensor*);
};
enum : uint8_t { dl_int = 0, dl_uint = 1, dl_float = 2, dl_bfloat = 4, dl_bool = 6 };
enum : int32_t { dl_cpu = 1, dl_cuda_host = 3 };

struct Row {
  DType dtype;
  DLDataType dl;
};
constexpr Row rows[] = {
    {DType::f32, {dl_float, 32, 1}},   {DType::f64, {dl_float, 64, 1}}, {DType::f16, {dl_float, 16, 1}},
    {DType::bf16, {dl_bfloat, 16, 1}}, {DType::u8, {dl_uint, 8, 1}},    {DType::i8, {dl_int, 8, 1}},
    {DType::i32, {dl_int, 32, 1}},     {DType::i64, {dl_int, 64, 1}},   {DType::boolean, {dl_bool, 8, 1}},
};

struct Holder {
  DLManagedTensor managed;
  NDArray array;
  int64_t shape[Shape::max_ndim];
  int64_t strides[Shape::max_ndim];
};

bool row_major(const DLTensor& t) {
  int64_t expected = 1;
  for (int i = t.ndim - 1; t.strides && i >= 0; --i) {
    if (t.shape[i] != 1 && t.strides[i] != expected) return false;
    expected *= t.shape[i];
  }
  return true;
}

}  // namespace

void* to_dlpack(const NDArray& array) {
  MIXNET_CHECK(array.device().host(), device, "[to_dlpack] expected a host array");
  MIXNET_CHECK(array.dense(), invalid, "[to_dlpack] expected a dense array, got ", storage_name(array.kind()));
  array.wait_to_read();
  array.chunk()->expose();
  auto holder = std::make_unique<Holder>();
  holder->array = array;
  DLTensor& t = holder->managed.tensor;
  t = {array.view().data, {dl_cpu, 0}, array.shape().ndim(), {}, holder->shape, holder->strides, 0};
  for (const Row& row : rows) {
    if (row.dtype == array.dtype()) t.dtype = row.dl;
  }
  int64_t stride = 1;
  for (int i = t.ndim - 1; i >= 0; --i) {
    holder->shape[i] = array.shape()[i];
    holder->strides[i] = stride;
    stride *= array.shape()[i];
  }
  holder->managed.manager = holder.get();
  holder->managed.deleter = [](DLManagedTensor* m) { delete static_cast<Holder*>(m->manager); };
  return &holder.release()->managed;
}

NDArray from_dlpack(void* pointer) {
  auto* managed = static_cast<DLManagedTensor*>(pointer);
  const DLTensor& t = managed->tensor;
  MIXNET_CHECK(t.device.type == dl_cpu || t.device.type == dl_cuda_host, device,
               "[from_dlpack] expected a CPU tensor, got device type ", t.device.type);
  MIXNET_CHECK(t.ndim >= 0 && t.ndim <= Shape::max_ndim, shape, "[from_dlpack] expected at most ", int{Shape::max_ndim},
               " dimensions, got ", t.ndim);
  MIXNET_CHECK(row_major(t), unsupported, "[from_dlpack] expected a row-major tensor without gaps");
  for (const Row& row : rows) {
    if (row.dl.code != t.dtype.code || row.dl.bits != t.dtype.bits || row.dl.lanes != t.dtype.lanes) continue;
    const Shape shape(t.shape, t.ndim);
    const int64_t bytes = checked_size(shape, dtype_size(row.dtype)) * dtype_size(row.dtype);
    auto release = [managed] {
      if (managed->deleter) managed->deleter(managed);
    };
    auto chunk = std::make_shared<Chunk>(DeviceId(), static_cast<char*>(t.data) + t.byte_offset,
                                         static_cast<size_t>(bytes), release);
    return NDArray(std::move(chunk), shape, row.dtype);
  }
  fail(Code::unsupported, "[from_dlpack] no dtype with code ", int{t.dtype.code}, ", ", int{t.dtype.bits}, " bits and ",
       t.dtype.lanes, " lanes");
}

}  // namespace mixnet
