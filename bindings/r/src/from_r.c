/* R values as C values. Lists are copied to memory that lives until .Call returns. */
#include <stdarg.h>

#include "mixnet_r.h"

double mixnet_real(SEXP value, const char *name) {
  const int number = Rf_isReal(value) || Rf_isInteger(value) || Rf_isLogical(value);
  if (!number || XLENGTH(value) != 1)
    Rf_error("[mixnet] %s: expected one number, got %s of length %lld", name, Rf_type2char(TYPEOF(value)),
             (long long)Rf_xlength(value));
  return Rf_asReal(value);
}

int64_t mixnet_int(SEXP value, const char *name) {
  const double number = mixnet_real(value, name);
  if (!R_FINITE(number) || number != (double)(int64_t)number)
    Rf_error("[mixnet] %s: expected a whole number, got %g", name, number);
  return (int64_t)number;
}

const char *mixnet_text(SEXP value) {
  if (value == R_NilValue) return NULL;
  if (!Rf_isString(value) || XLENGTH(value) != 1 || STRING_ELT(value, 0) == NA_STRING)
    Rf_error("[mixnet] text: expected one character string, got %s of length %lld", Rf_type2char(TYPEOF(value)),
             (long long)Rf_xlength(value));
  return Rf_translateCharUTF8(STRING_ELT(value, 0));
}

const char *const *mixnet_texts(SEXP values) {
  if (values == R_NilValue) return NULL;
  if (!Rf_isString(values))
    Rf_error("[mixnet] texts: expected a character vector, got %s", Rf_type2char(TYPEOF(values)));
  const R_xlen_t count = XLENGTH(values);
  const char **texts = (const char **)R_alloc((size_t)count + 1, sizeof *texts);
  for (R_xlen_t i = 0; i < count; i++) {
    SEXP text = STRING_ELT(values, i);
    texts[i] = text == NA_STRING ? NULL : Rf_translateCharUTF8(text);
  }
  return texts;
}

static double number_at(SEXP values, R_xlen_t i) {
  return Rf_isReal(values) ? REAL(values)[i] : (double)INTEGER(values)[i];
}

static void expect_numbers(SEXP values) {
  if (!Rf_isReal(values) && !Rf_isInteger(values) && !Rf_isLogical(values))
    Rf_error("[mixnet] numbers: expected a numeric vector, got %s", Rf_type2char(TYPEOF(values)));
}

const int32_t *mixnet_ints32(SEXP values) {
  if (values == R_NilValue) return NULL;
  expect_numbers(values);
  int32_t *numbers = (int32_t *)R_alloc((size_t)XLENGTH(values) + 1, sizeof *numbers);
  for (R_xlen_t i = 0; i < XLENGTH(values); i++) numbers[i] = (int32_t)number_at(values, i);
  return numbers;
}

const int64_t *mixnet_ints64(SEXP values) {
  if (values == R_NilValue) return NULL;
  expect_numbers(values);
  int64_t *numbers = (int64_t *)R_alloc((size_t)XLENGTH(values) + 1, sizeof *numbers);
  for (R_xlen_t i = 0; i < XLENGTH(values); i++) {
    const double number = number_at(values, i);
    if (!R_FINITE(number)) Rf_error("[mixnet] numbers: expected whole numbers, got %g", number);
    numbers[i] = (int64_t)number;
  }
  return numbers;
}

const double *mixnet_reals(SEXP values) {
  if (values == R_NilValue) return NULL;
  expect_numbers(values);
  double *numbers = (double *)R_alloc((size_t)XLENGTH(values) + 1, sizeof *numbers);
  for (R_xlen_t i = 0; i < XLENGTH(values); i++) numbers[i] = number_at(values, i);
  return numbers;
}

const void *mixnet_bytes(SEXP raw) {
  if (TYPEOF(raw) != RAWSXP) Rf_error("[mixnet] bytes: expected a raw vector, got %s", Rf_type2char(TYPEOF(raw)));
  return RAW(raw);
}

int64_t mixnet_count(int lists, ...) {
  int64_t count = 0;
  va_list all;
  va_start(all, lists);
  for (int i = 0; i < lists; i++) {
    const int64_t length = Rf_xlength(va_arg(all, SEXP));
    if (length && count && length != count) {
      va_end(all);
      Rf_error("[mixnet] lists: expected equal lengths, got %lld and %lld", (long long)count, (long long)length);
    }
    if (length) count = length;
  }
  va_end(all);
  return count;
}

void mixnet_same_sum(SEXP ndims, SEXP extents) {
  const int32_t *counts = mixnet_ints32(ndims);
  int64_t sum = 0;
  for (R_xlen_t i = 0; i < Rf_xlength(ndims); i++) sum += counts[i] > 0 ? counts[i] : 0;
  if (sum != Rf_xlength(extents))
    Rf_error("[mixnet] extents: expected %lld, got %lld", (long long)sum, (long long)Rf_xlength(extents));
}
