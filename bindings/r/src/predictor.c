/* The predictor's entries: making one, and values in and out of it. */
#include "mixnet_r.h"

static mxn_tensor_t tensor_of(mxn_predictor_t *predictor, int output, int32_t index) {
  mxn_tensor_t tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.struct_size = sizeof tensor;
  mixnet_check(output ? mxn_predictor_output(predictor, index, &tensor)
                      : mxn_predictor_input(predictor, index, &tensor));
  return tensor;
}

/* All extents of a list of dims, in the library's order, one after another. */
static const int64_t *extents_of(SEXP shapes, int32_t *ndims) {
  int64_t total = 0, used = 0;
  for (R_xlen_t i = 0; i < XLENGTH(shapes); i++) total += Rf_xlength(VECTOR_ELT(shapes, i));
  int64_t *extents = (int64_t *)R_alloc((size_t)total + 1, sizeof *extents);
  for (R_xlen_t i = 0; i < XLENGTH(shapes); i++) {
    const int64_t *dims = mixnet_ints64(VECTOR_ELT(shapes, i));
    ndims[i] = (int32_t)Rf_xlength(VECTOR_ELT(shapes, i));
    for (int32_t k = 0; k < ndims[i]; k++) extents[used++] = dims[k];
  }
  return extents;
}

SEXP mixnet_predictor(SEXP json, SEXP params, SEXP names, SEXP shapes, SEXP dtypes, SEXP outputs) {
  const int64_t count = mixnet_count(2, names, shapes);
  int32_t *ndims = (int32_t *)R_alloc((size_t)count + 1, sizeof *ndims);
  mxn_predictor_options_t options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.symbol_json = mixnet_text(json);
  options.params = mixnet_bytes(params);
  options.params_bytes = (int64_t)XLENGTH(params);
  options.input_names = mixnet_texts(names);
  options.input_shapes = extents_of(shapes, ndims);
  options.input_ndims = ndims;
  options.input_dtypes = mixnet_ints32(dtypes);
  options.num_inputs = (int32_t)count;
  options.output_names = mixnet_texts(outputs);
  options.num_outputs = (int32_t)Rf_xlength(outputs);
  SEXP handle = PROTECT(mixnet_make_predictor());
  mxn_predictor_t *predictor = NULL;
  mixnet_check(mxn_predictor_create(&options, &predictor));
  mixnet_filled(handle, predictor);
  UNPROTECT(1);
  return handle;
}

SEXP mixnet_predictor_fill(SEXP handle, SEXP name, SEXP values) {
  mxn_predictor_t *predictor = (mxn_predictor_t *)mixnet_handle(handle, "MXPredictorHandle");
  const char *wanted = mixnet_text(name);
  mxn_predictor_info_t info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  mixnet_check(mxn_predictor_info(predictor, &info));
  for (int32_t i = 0; i < info.num_inputs; i++) {
    const mxn_tensor_t tensor = tensor_of(predictor, 0, i);
    if (strcmp(tensor.name, wanted) != 0) continue;
    const int64_t count = tensor.bytes / mixnet_dtype_size(tensor.dtype);
    if (Rf_xlength(values) != count)
      Rf_error("[predictor] %s: expected %lld numbers, got %lld", wanted, (long long)count,
               (long long)Rf_xlength(values));
    mixnet_check(mxn_predictor_set_input(predictor, wanted, mixnet_encode(values, tensor.dtype), tensor.bytes));
    return handle;
  }
  Rf_error("[predictor] input: expected one of the predictor's inputs, got %s", wanted);
}

SEXP mixnet_predictor_values(SEXP handle, SEXP index) {
  mxn_predictor_t *predictor = (mxn_predictor_t *)mixnet_handle(handle, "MXPredictorHandle");
  const mxn_tensor_t tensor = tensor_of(predictor, 1, (int32_t)mixnet_int(index, "index"));
  SEXP made = PROTECT(mixnet_decode(tensor.data, tensor.dtype, tensor.bytes / mixnet_dtype_size(tensor.dtype)));
  if (tensor.ndim > 0) {
    SEXP dims = PROTECT(mixnet_reversed(tensor.ndim, tensor.shape));
    Rf_setAttrib(made, R_DimSymbol, dims);
    UNPROTECT(1);
  }
  UNPROTECT(1);
  return made;
}
