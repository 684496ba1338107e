// Arrays.
#include "autograd/record.h"
#include "autograd/thread_state.h"
#include "c_api/handles.h"
#include "executor/invoke.h"
#include "ndarray/dlpack.h"
#include "ndarray/serialize.h"
#include "ndarray/sparse_parts.h"

namespace mixnet::c_api {

mxn_ndarray_t** make_array_list(const std::vector<NDArray>& arrays) {
  auto** handles = static_cast<mxn_ndarray_t**>(std::calloc(arrays.size() + 1, sizeof(mxn_ndarray_t*)));
  if (!handles) throw std::bad_alloc();
  for (size_t i = 0; i < arrays.size(); ++i) handles[i] = arrays[i].none() ? nullptr : new mxn_ndarray{arrays[i]};
  return handles;
}

std::vector<NDArray> read_arrays(mxn_ndarray_t* const* handles, int64_t count, const char* place, const char* name,
                                 bool allow_null) {
  const Span<mxn_ndarray_t* const> given = list(handles, count, place, name);
  std::vector<NDArray> arrays;
  arrays.reserve(given.size());
  for (mxn_ndarray_t* handle : given) {
    if (!handle && allow_null) arrays.emplace_back();
    else {
      if (required(handle, place, name).place) autograd::check_read(*handle, place);
      arrays.push_back(handle->array);
    }
  }
  return arrays;
}

std::vector<autograd::Taped*> read_taped(mxn_ndarray_t* const* handles, int64_t count, const char* place,
                                         const char* name) {
  std::vector<autograd::Taped*> arrays;
  for (mxn_ndarray_t* handle : list(handles, count, place, name)) arrays.push_back(&required(handle, place, name));
  return arrays;
}

}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

const NDArray& array_of(const mxn_ndarray_t* handle, const char* place) {
  return required(handle, place, "array").array;
}

// For calls that hand values out.
const NDArray& readable(const mxn_ndarray_t* handle, const char* place) {
  required(handle, place, "array");
  if (handle->place || autograd::thread_state().trace) autograd::check_read(*handle, place);
  return handle->array;
}

// A view of an array, put down where the array is on a tape.
mxn_ndarray_t* make_view(const mxn_ndarray_t* array, NDArray result, const char* op, const Attributes& attributes) {
  auto view = std::make_unique<mxn_ndarray>(std::move(result));
  view->part = true;
  if (autograd::thread_state().watched()) autograd::view(const_cast<mxn_ndarray_t&>(*array), *view, op, attributes);
  return view.release();
}

NamedArrays read_named(mxn_ndarray_t* const* arrays, const char* const* names, int64_t count) {
  NamedArrays named;
  named.arrays = read_arrays(arrays, count, "ndarray_save", "arrays");
  for (int64_t i = 0; names && i < count; ++i) named.names.push_back(&required(names[i], "ndarray_save", "names"));
  return named;
}

void hand_out(const NamedArrays& named, mxn_ndarray_t*** out_arrays, int64_t* out_count, mxn_strings_t** out_names) {
  auto strings = std::make_unique<mxn_strings>();
  strings->items = named.names;
  *out_arrays = make_array_list(named.arrays);
  *out_count = static_cast<int64_t>(named.arrays.size());
  *out_names = strings.release();
}

void clear_load(mxn_ndarray_t*** out_arrays, int64_t* out_count, mxn_strings_t** out_names) {
  clear(out_arrays, "ndarray_load", "out_arrays");
  clear(out_count, "ndarray_load", "out_count");
  clear(out_names, "ndarray_load", "out_names");
}

}  // namespace

int32_t mxn_ndarray_create(const int64_t* shape, int32_t ndim, int32_t dtype, int32_t device_kind, int32_t device_index,
                           mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_create", "out_array");
    const DeviceId device = make_device(device_kind, device_index, "ndarray_create");
    *out_array = new mxn_ndarray{
        NDArray(make_shape(shape, ndim, "ndarray_create"), make_dtype(dtype, "ndarray_create"), device)};
    (*out_array)->blank = autograd::thread_state().trace != nullptr;
  });
}

int32_t mxn_ndarray_from_memory(void* data, const int64_t* shape, int32_t ndim, int32_t dtype, void* user,
                                mxn_destroy_fn destroy, mxn_ndarray_t** out_array) {
  return guard([&] {
    auto owner = std::make_shared<UserData>(user, destroy);
    clear(out_array, "ndarray_from_memory", "out_array");
    const Shape s = make_shape(shape, ndim, "ndarray_from_memory");
    const DType t = make_dtype(dtype, "ndarray_from_memory");
    const int64_t bytes = checked_size(s, dtype_size(t)) * dtype_size(t);
    MIXNET_CHECK(data || bytes == 0, invalid, "[ndarray_from_memory] data: expected a value, got NULL");
    auto chunk = std::make_shared<Chunk>(DeviceId(), data, static_cast<size_t>(bytes), [owner] {});
    *out_array = new mxn_ndarray{NDArray(std::move(chunk), s, t)};
  });
}

int32_t mxn_ndarray_clone(const mxn_ndarray_t* array, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_clone", "out_array");
    auto clone = std::make_unique<mxn_ndarray>(required(array, "ndarray_clone", "array"));
    if (clone->place) clone->place = std::make_shared<Entry>(*clone->place);
    *out_array = clone.release();
  });
}

void mxn_ndarray_free(mxn_ndarray_t* array) {
  guard([&] { delete array; });
}

int32_t mxn_ndarray_info(const mxn_ndarray_t* array, mxn_ndarray_info_t* out) {
  return guard([&] {
    known_size(out, "ndarray_info", "out_info");
    const NDArray& a = array_of(array, "ndarray_info");
    mxn_ndarray_info_t info{};
    info.ndim = a.shape().ndim();
    info.dtype = static_cast<int32_t>(a.dtype());
    info.device_kind = static_cast<int32_t>(a.device().kind);
    info.device_index = a.device().index;
    info.bytes = a.bytes();
    for (int i = 0; i < a.shape().ndim(); ++i) info.shape[i] = a.shape()[i];
    give_struct(info, out, "ndarray_info", "out_info");
  });
}

int32_t mxn_ndarray_slice(const mxn_ndarray_t* array, int64_t begin, int64_t end, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_slice", "out_array");
    const NDArray& a = array_of(array, "ndarray_slice");
    const int64_t n = a.shape().ndim() > 0 ? a.shape()[0] : 0;
    *out_array =
        make_view(array, a.slice(begin, end), "slice_axis",
                  {{"axis", int64_t{0}}, {"begin", begin < 0 ? begin + n : begin}, {"end", end < 0 ? end + n : end}});
  });
}

int32_t mxn_ndarray_at(const mxn_ndarray_t* array, int64_t i, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_at", "out_array");
    const NDArray& a = array_of(array, "ndarray_at");
    NDArray row = a.at(i);
    if (!autograd::thread_state().watched()) {
      *out_array = make_view(array, std::move(row), "", {});
      return;
    }
    const int64_t first = i < 0 ? i + a.shape()[0] : i;
    const std::unique_ptr<mxn_ndarray> rows(make_view(array, a.slice(first, first + 1), "slice_axis",
                                                      {{"axis", int64_t{0}}, {"begin", first}, {"end", first + 1}}));
    *out_array = make_view(rows.get(), std::move(row), "squeeze", {{"axis", Shape{0}}});
  });
}

int32_t mxn_ndarray_reshape(const mxn_ndarray_t* array, const int64_t* shape, int32_t ndim, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_reshape", "out_array");
    const Shape target = make_shape(shape, ndim, "ndarray_reshape");
    *out_array = make_view(array, array_of(array, "ndarray_reshape").reshape(target), "Reshape", {{"shape", target}});
  });
}

int32_t mxn_ndarray_copy_from_host(mxn_ndarray_t* array, const void* data, int64_t bytes) {
  return guard([&] {
    const NDArray& a = array_of(array, "ndarray_copy_from_host");
    MIXNET_CHECK(data || bytes == 0, invalid, "[ndarray_copy_from_host] data: expected a value, got NULL");
    if (array->place || autograd::thread_state().watched()) autograd::check_write(*array, "ndarray_copy_from_host");
    a.copy_from_host(data, bytes);
    array->blank = false;
  });
}

int32_t mxn_ndarray_copy_to_host(const mxn_ndarray_t* array, void* data, int64_t bytes, const mxn_wait_t* wait) {
  return guard([&] {
    const NDArray& a = readable(array, "ndarray_copy_to_host");
    MIXNET_CHECK(data || bytes == 0, invalid, "[ndarray_copy_to_host] data: expected a value, got NULL");
    a.copy_to_host(data, bytes, make_wait(wait));
  });
}

int32_t mxn_ndarray_copy(const mxn_ndarray_t* from, mxn_ndarray_t* to) {
  return guard([&] {
    const NDArray &source = array_of(from, "ndarray_copy"), &target = array_of(to, "ndarray_copy");
    if (autograd::thread_state().watched()) return autograd::copy(const_cast<mxn_ndarray_t&>(*from), *to);
    readable(from, "ndarray_copy");
    readable(to, "ndarray_copy");
    convert(source, target);
  });
}

int32_t mxn_ndarray_wait_to_read(const mxn_ndarray_t* array, const mxn_wait_t* wait) {
  return guard([&] { array_of(array, "ndarray_wait_to_read").wait_to_read(make_wait(wait)); });
}

int32_t mxn_ndarray_wait_to_write(const mxn_ndarray_t* array, const mxn_wait_t* wait) {
  return guard([&] { array_of(array, "ndarray_wait_to_write").wait_to_write(make_wait(wait)); });
}

int32_t mxn_ndarray_data(const mxn_ndarray_t* array, void** out_data) {
  return guard([&] {
    clear(out_data, "ndarray_data", "out_data");
    const NDArray& a = readable(array, "ndarray_data");
    MIXNET_CHECK(a.device().host(), device, "[ndarray_data] expected a host array, got one on ", a.device().str());
    MIXNET_CHECK(a.dense(), invalid, "[ndarray_data] expected a dense array, got ", storage_name(a.kind()));
    a.wait_to_read();
    a.chunk()->expose();
    *out_data = a.view().data;
  });
}

int32_t mxn_ndarray_version(const mxn_ndarray_t* array, uint64_t* out_version) {
  return guard([&] {
    clear(out_version, "ndarray_version", "out_version");
    *out_version = engine().version(array_of(array, "ndarray_version").variable());
  });
}

int32_t mxn_ndarray_to_dlpack(const mxn_ndarray_t* array, void** out_managed) {
  return guard([&] {
    clear(out_managed, "ndarray_to_dlpack", "out_managed");
    *out_managed = to_dlpack(readable(array, "ndarray_to_dlpack"));
  });
}

int32_t mxn_ndarray_from_dlpack(void* managed, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_from_dlpack", "out_array");
    MIXNET_CHECK(managed, invalid, "[ndarray_from_dlpack] managed: expected a value, got NULL");
    *out_array = new mxn_ndarray{from_dlpack(managed)};
  });
}

int32_t mxn_ndarray_save(const char* path, mxn_ndarray_t* const* arrays, const char* const* names, int64_t count) {
  return guard([&] {
    required(path, "ndarray_save", "path");
    save_arrays(path, read_named(arrays, names, count));
  });
}

int32_t mxn_ndarray_load(const char* path, mxn_ndarray_t*** out_arrays, int64_t* out_count, mxn_strings_t** out_names) {
  return guard([&] {
    clear_load(out_arrays, out_count, out_names);
    required(path, "ndarray_load", "path");
    hand_out(load_arrays(path), out_arrays, out_count, out_names);
  });
}

int32_t mxn_ndarray_load_memory(const void* data, int64_t bytes, mxn_ndarray_t*** out_arrays, int64_t* out_count,
                                mxn_strings_t** out_names) {
  return guard([&] {
    clear_load(out_arrays, out_count, out_names);
    list(static_cast<const char*>(data), bytes, "ndarray_load_memory", "data");
    hand_out(load_arrays_from_memory(data, static_cast<size_t>(bytes), "memory"), out_arrays, out_count, out_names);
  });
}

int32_t mxn_ndarray_storage(const mxn_ndarray_t* array, int32_t* out_storage) {
  return guard([&] {
    clear(out_storage, "ndarray_storage", "out_storage");
    *out_storage = static_cast<int32_t>(array_of(array, "ndarray_storage").kind());
  });
}

int32_t mxn_ndarray_create_sparse(int32_t storage, const int64_t* shape, int32_t ndim, int32_t dtype,
                                  const mxn_ndarray_t* data, const mxn_ndarray_t* indices, const mxn_ndarray_t* indptr,
                                  mxn_ndarray_t** out_array) {
  return guard([&] {
    const char* place = "ndarray_create_sparse";
    clear(out_array, place, "out_array");
    MIXNET_CHECK(storage == 1 || storage == 2, invalid, "[", place, "] storage: expected 1 or 2, got ", storage);
    const StorageKind kind = static_cast<StorageKind>(storage);
    const Shape whole = make_shape(shape, ndim, place);
    for (int64_t extent : whole)
      MIXNET_CHECK(extent >= 0, shape, "[", place, "] shape: expected extents of at least 0, got ", whole);
    if (!data) {
      *out_array = new mxn_ndarray{NDArray(kind, whole, make_dtype(dtype, place))};
      return;
    }
    const NDArray pointers = kind == StorageKind::csr ? readable(indptr, place) : NDArray();
    *out_array =
        new mxn_ndarray{make_sparse(place, kind, whole, readable(data, place), readable(indices, place), pointers)};
  });
}

int32_t mxn_ndarray_part(const mxn_ndarray_t* array, int32_t part, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_array, "ndarray_part", "out_array");
    MIXNET_CHECK(part >= 0 && part <= 2, invalid, "[ndarray_part] part: expected 0, 1 or 2, got ", part);
    *out_array = new mxn_ndarray{sparse_part(readable(array, "ndarray_part"), static_cast<SparsePart>(part))};
  });
}

void mxn_ndarray_list_free(mxn_ndarray_t** arrays) { std::free(arrays); }
