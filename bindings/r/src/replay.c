/* Calls of cached operators, and gradients written in R: what the generated entries have no rule for. */
#include "mixnet_r.h"

enum { OUTPUTS_MAX = 1024 };

/* A list of the outputs. */
SEXP mixnet_cached_op(SEXP op, SEXP inputs) {
  mxn_ndarray_t *outputs[OUTPUTS_MAX];
  int32_t count = 0;
  mxn_cached_op_t *cached = (mxn_cached_op_t *)mixnet_handle(op, "MXCachedOpHandle");
  mxn_ndarray_t *const *arrays = (mxn_ndarray_t *const *)mixnet_handles(inputs, "MXNDArray");
  mixnet_check(mxn_cached_op_invoke(cached, arrays, Rf_xlength(inputs), outputs, OUTPUTS_MAX, &count));
  SEXP list = PROTECT(Rf_allocVector(VECSXP, count));
  for (int32_t i = 0; i < count; i++) SET_VECTOR_ELT(list, i, mixnet_new_array(outputs[i]));
  UNPROTECT(1);
  return list;
}

SEXP mixnet_autograd_function(SEXP inputs, SEXP outputs, SEXP pullback) {
  mxn_ndarray_t *const *from = (mxn_ndarray_t *const *)mixnet_handles(inputs, "MXNDArray");
  mxn_ndarray_t *const *to = (mxn_ndarray_t *const *)mixnet_handles(outputs, "MXNDArray");
  mixnet_check(mxn_autograd_function(from, Rf_xlength(inputs), to, Rf_xlength(outputs), mixnet_pullback,
                                     mixnet_keep(R_NilValue, pullback), mixnet_release));
  return R_NilValue;
}
