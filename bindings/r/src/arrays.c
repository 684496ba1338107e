/* Values of arrays in and out. R's first dimension is the fastest, the library's last: dim is the shape reversed and the elements
 * lie in the same order. */
#include "mixnet_r.h"

static mxn_ndarray_info_t info_of(const mxn_ndarray_t *array) {
  mxn_ndarray_info_t info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  mixnet_check(mxn_ndarray_info(array, &info));
  return info;
}

SEXP mixnet_dim(SEXP handle) {
  const mxn_ndarray_info_t info = info_of((const mxn_ndarray_t *)mixnet_handle(handle, "MXNDArray"));
  return mixnet_reversed(info.ndim, info.shape);
}

SEXP mixnet_array_fill(SEXP handle, SEXP values) {
  mxn_ndarray_t *array = (mxn_ndarray_t *)mixnet_handle(handle, "MXNDArray");
  const mxn_ndarray_info_t info = info_of(array);
  const int64_t count = info.bytes / mixnet_dtype_size(info.dtype);
  if (Rf_xlength(values) != count)
    Rf_error("[mixnet] values: expected %lld numbers, got %lld", (long long)count, (long long)Rf_xlength(values));
  const void *bytes = mixnet_encode(values, info.dtype);
  mixnet_wait_t patience;
  mixnet_wait_begin(&patience, R_NilValue);
  int32_t code;
  do code = mxn_ndarray_wait_to_write(array, &patience.slice);
  while (mixnet_wait_again(&patience, code));
  mixnet_check(mxn_ndarray_copy_from_host(array, bytes, info.bytes));
  return handle;
}

SEXP mixnet_array_values(SEXP handle) {
  const mxn_ndarray_t *array = (const mxn_ndarray_t *)mixnet_handle(handle, "MXNDArray");
  const mxn_ndarray_info_t info = info_of(array);
  const int64_t count = info.bytes / mixnet_dtype_size(info.dtype);
  void *bytes = R_alloc((size_t)info.bytes + 1, 1);
  mixnet_wait_t patience;
  mixnet_wait_begin(&patience, R_NilValue);
  int32_t code;
  do code = mxn_ndarray_copy_to_host(array, bytes, info.bytes, &patience.slice);
  while (mixnet_wait_again(&patience, code));
  mixnet_check(code);
  SEXP made = PROTECT(mixnet_decode(bytes, info.dtype, count));
  if (info.ndim > 0) {
    SEXP dims = PROTECT(mixnet_reversed(info.ndim, info.shape));
    Rf_setAttrib(made, R_DimSymbol, dims);
    UNPROTECT(1);
  }
  UNPROTECT(1);
  return made;
}
