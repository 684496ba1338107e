// Kernels of a program's own in CUDA C.
#include "c_api/handles.h"
#include "executor/user_kernels.h"

struct mxn_rtc {
  explicit mxn_rtc(mixnet::KernelSource source) : kernels(std::move(source)) {}
  mixnet::UserKernels kernels;
  mixnet::c_api::CountedHandle counted{};
};

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

std::vector<std::string> texts(const char* const* items, int32_t count, const char* name) {
  std::vector<std::string> all;
  for (const char* item : list(items, count, "rtc_create", name)) all.emplace_back(&required(item, "rtc_create", name));
  return all;
}

UserArgument read_argument(const mxn_ndarray_t* array, const mxn_arg_t& number, int32_t i) {
  UserArgument a;
  if (array) {
    a.array = array->array;
    return a;
  }
  MIXNET_CHECK(number.tag == MXN_TAG_INT || number.tag == MXN_TAG_BOOL || number.tag == MXN_TAG_FLOAT, invalid,
               "[rtc_launch] argument ", i, ": expected an array or a number, got tag ", number.tag);
  a.whole = number.tag != MXN_TAG_FLOAT;
  a.integer = number.integer;
  a.real = number.real;
  return a;
}

LaunchShape read_shape(const int64_t* dims, int64_t shared_bytes) {
  required(dims, "rtc_launch", "dims");
  LaunchShape shape;
  for (int i = 0; i < 6; ++i) {
    MIXNET_CHECK(dims[i] > 0 && dims[i] <= INT32_MAX, invalid, "[rtc_launch] ", i < 3 ? "grid" : "block",
                 ": expected extents of at least 1, got ", dims[i]);
    (i < 3 ? shape.grid : shape.block)[i % 3] = static_cast<unsigned>(dims[i]);
  }
  MIXNET_CHECK(shared_bytes >= 0 && shared_bytes <= INT32_MAX, invalid,
               "[rtc_launch] shared_bytes: expected at least 0, got ", shared_bytes);
  shape.shared_bytes = static_cast<unsigned>(shared_bytes);
  return shape;
}

}  // namespace

int32_t mxn_rtc_create(const char* source, const char* const* options, int32_t num_options, const char* const* exports,
                       int32_t num_exports, mxn_rtc_t** out_rtc) {
  return guard([&] {
    clear(out_rtc, "rtc_create", "out_rtc");
    KernelSource all{&required(source, "rtc_create", "source"), texts(options, num_options, "options"),
                     texts(exports, num_exports, "exports")};
    *out_rtc = new mxn_rtc(std::move(all));
  });
}

int32_t mxn_rtc_kernel(mxn_rtc_t* rtc, const char* name, const char* signature, int32_t* out_kernel) {
  return guard([&] {
    clear(out_kernel, "rtc_kernel", "out_kernel");
    *out_kernel =
        required(rtc, "rtc_kernel", "rtc")
            .kernels.add(&required(name, "rtc_kernel", "name"), &required(signature, "rtc_kernel", "signature"));
  });
}

int32_t mxn_rtc_launch(mxn_rtc_t* rtc, int32_t kernel, int32_t device_kind, int32_t device_index,
                       mxn_ndarray_t* const* arrays, const mxn_arg_t* numbers, int32_t count, const int64_t* dims,
                       int64_t shared_bytes) {
  return guard([&] {
    required(rtc, "rtc_launch", "rtc");
    const auto array_list = list(arrays, count, "rtc_launch", "arrays");
    const auto number_list = list(numbers, count, "rtc_launch", "numbers");
    std::vector<UserArgument> arguments;
    for (int32_t i = 0; i < count; ++i)
      arguments.push_back(read_argument(array_list[static_cast<size_t>(i)], number_list[static_cast<size_t>(i)], i));
    rtc->kernels.launch(kernel, make_device(device_kind, device_index, "rtc_launch"), arguments,
                        read_shape(dims, shared_bytes));
  });
}

void mxn_rtc_free(mxn_rtc_t* rtc) { delete rtc; }
