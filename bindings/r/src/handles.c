/* Handles as external pointers. R's collector does not see the library's memory: when many bytes of arrays were handed out since
 * the last collection, one is asked for before the next array is made. */
#include "mixnet_r.h"

static const double BYTES_BETWEEN_COLLECTIONS = 256.0 * 1024 * 1024;
static double bytes_handed_out = 0;

SEXP mixnet_make(const char *kind, R_CFinalizer_t finalizer) {
  SEXP handle = PROTECT(R_MakeExternalPtr(NULL, Rf_install(kind), R_NilValue));
  SEXP kinds = PROTECT(Rf_mkString(kind));
  Rf_setAttrib(handle, R_ClassSymbol, kinds);
  R_RegisterCFinalizerEx(handle, finalizer, FALSE);
  UNPROTECT(2);
  return handle;
}

static double bytes_of(const mxn_ndarray_t *array) {
  mxn_ndarray_info_t info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  return mxn_ndarray_info(array, &info) == 0 ? (double)info.bytes : 0;
}

SEXP mixnet_filled(SEXP handle, void *address) {
  if (!address) return R_NilValue;
  R_SetExternalPtrAddr(handle, address);
  if (R_ExternalPtrTag(handle) == Rf_install("MXNDArray")) {
    bytes_handed_out += bytes_of((const mxn_ndarray_t *)address);
    if (bytes_handed_out > BYTES_BETWEEN_COLLECTIONS) {
      PROTECT(handle);
      bytes_handed_out = 0;
      R_gc();
      UNPROTECT(1);
    }
  }
  return handle;
}

SEXP mixnet_new_array(mxn_ndarray_t *array) {
  SEXP handle = PROTECT(mixnet_make_ndarray());
  mixnet_filled(handle, array);
  UNPROTECT(1);
  return handle;
}

void *mixnet_handle(SEXP handle, const char *kind) {
  if (handle == R_NilValue) return NULL;
  if (TYPEOF(handle) != EXTPTRSXP || R_ExternalPtrTag(handle) != Rf_install(kind))
    Rf_error("[mixnet] handle: expected an object of class %s, got %s", kind, Rf_type2char(TYPEOF(handle)));
  void *address = R_ExternalPtrAddr(handle);
  if (!address) Rf_error("[mixnet] handle: expected an object of class %s that lives, got one that was freed", kind);
  return address;
}

void **mixnet_handles(SEXP list, const char *kind) {
  if (list == R_NilValue) return NULL;
  if (TYPEOF(list) != VECSXP)
    Rf_error("[mixnet] handles: expected a list of %s, got %s", kind, Rf_type2char(TYPEOF(list)));
  void **addresses = (void **)R_alloc((size_t)XLENGTH(list) + 1, sizeof *addresses);
  for (R_xlen_t i = 0; i < XLENGTH(list); i++) addresses[i] = mixnet_handle(VECTOR_ELT(list, i), kind);
  return addresses;
}
