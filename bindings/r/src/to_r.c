/* What the library gives, as R values. */
#include "mixnet_r.h"

SEXP mixnet_string(const char *text) {
  if (!text) return R_NilValue;
  SEXP made = PROTECT(Rf_mkCharCE(text, CE_UTF8));
  made = Rf_ScalarString(made);
  UNPROTECT(1);
  return made;
}

SEXP mixnet_list(int count, const char **names) {
  SEXP list = PROTECT(Rf_allocVector(VECSXP, count));
  SEXP texts = PROTECT(Rf_allocVector(STRSXP, count));
  for (int i = 0; i < count; i++) SET_STRING_ELT(texts, i, Rf_mkChar(names[i]));
  Rf_setAttrib(list, R_NamesSymbol, texts);
  UNPROTECT(2);
  return list;
}

SEXP mixnet_extents(int32_t ndim, const int64_t *shape) {
  SEXP extents = Rf_allocVector(REALSXP, ndim > 0 ? ndim : 0);
  for (int32_t i = 0; i < ndim; i++) REAL(extents)[i] = (double)shape[i];
  return extents;
}

SEXP mixnet_reversed(int32_t ndim, const int64_t *shape) {
  int wide = 0;
  for (int32_t i = 0; i < ndim; i++) wide |= shape[i] > 2147483647;
  SEXP extents = Rf_allocVector(wide ? REALSXP : INTSXP, ndim > 0 ? ndim : 0);
  for (int32_t i = 0; i < ndim; i++) {
    if (wide) REAL(extents)[i] = (double)shape[ndim - 1 - i];
    else INTEGER(extents)[i] = (int)shape[ndim - 1 - i];
  }
  return extents;
}

SEXP mixnet_take_text(char *text) {
  SEXP made = mixnet_string(text);
  mxn_text_free(text);
  return made;
}

SEXP mixnet_take_strings(mxn_strings_t *strings) {
  const int64_t count = mxn_strings_count(strings);
  SEXP texts = PROTECT(Rf_allocVector(STRSXP, count));
  for (int64_t i = 0; i < count; i++) SET_STRING_ELT(texts, i, Rf_mkCharCE(mxn_strings_get(strings, i), CE_UTF8));
  mxn_strings_free(strings);
  UNPROTECT(1);
  return texts;
}

SEXP mixnet_take_shapes(mxn_shapes_t *shapes) {
  const int64_t count = mxn_shapes_count(shapes);
  SEXP list = PROTECT(Rf_allocVector(VECSXP, count));
  for (int64_t i = 0; i < count; i++) {
    int32_t ndim = -1;
    const int64_t *dims = NULL;
    if (mxn_shapes_get(shapes, i, &ndim, &dims) == 0 && ndim >= 0) SET_VECTOR_ELT(list, i, mixnet_extents(ndim, dims));
  }
  mxn_shapes_free(shapes);
  UNPROTECT(1);
  return list;
}

SEXP mixnet_take_arrays(mxn_ndarray_t **arrays, int64_t count) {
  SEXP list = PROTECT(Rf_allocVector(VECSXP, count));
  for (int64_t i = 0; i < count; i++)
    if (arrays[i]) SET_VECTOR_ELT(list, i, mixnet_new_array(arrays[i]));
  mxn_ndarray_list_free(arrays);
  UNPROTECT(1);
  return list;
}
