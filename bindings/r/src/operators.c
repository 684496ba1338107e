/* Operator calls on arrays and symbols. Parameters come as a list in the schema's order with NULL for what is not sent; the
 * schema's letter says how an R value is meant, so that 3 is an integer here and a real number there. */
#include <stdio.h>
#include <stdlib.h>

#include "mixnet_r.h"
#include "operator_table.h"

enum { OUTPUTS_MAX = 1024, THREADS_MODE = -1 };
static int32_t default_kind = MXN_DEVICE_CPU, default_index = 0;

SEXP mixnet_default_device(SEXP kind, SEXP index) {
  default_kind = (int32_t)mixnet_int(kind, "device_typeid");
  default_index = (int32_t)mixnet_int(index, "device_id");
  return R_NilValue;
}

static int compare(const void *name, const void *row) {
  return strcmp((const char *)name, ((const mixnet_operator *)row)->name);
}

static const mixnet_operator *find(const char *name, const mxn_op_t **op) {
  static const mxn_op_t *known[4096];
  const mixnet_operator *row =
      (const mixnet_operator *)bsearch(name, MIXNET_OPERATORS, (size_t)MIXNET_OPERATOR_COUNT, sizeof *row, compare);
  if (!row) Rf_error("[mixnet] operator: expected a name of the library, got %s", name);
  const long i = row - MIXNET_OPERATORS;
  if (i >= 4096) mixnet_check(mxn_op_find(name, op));
  else if (known[i]) *op = known[i];
  else mixnet_check(mxn_op_find(name, op)), known[i] = *op;
  return row;
}

static int missing_at(SEXP value, R_xlen_t i) {
  if (Rf_isReal(value)) return ISNAN(REAL(value)[i]) && R_IsNA(REAL(value)[i]);
  if (Rf_isString(value)) return STRING_ELT(value, i) == NA_STRING;
  return INTEGER(value)[i] == NA_INTEGER;
}

/* Elements as a text: "(1, None)", or "1" for one element that is no tuple. */
static const char *as_text(SEXP value, int tuple) {
  const R_xlen_t count = XLENGTH(value);
  size_t size = 8 + 32 * (size_t)count, used = 0;
  for (R_xlen_t i = 0; Rf_isString(value) && i < count; i++) size += strlen(Rf_translateCharUTF8(STRING_ELT(value, i)));
  char *text = R_alloc(size, 1);
  tuple = tuple || count != 1;
  if (tuple) text[used++] = '(';
  for (R_xlen_t i = 0; i < count; i++) {
    if (i) used += (size_t)snprintf(text + used, size - used, ", ");
    if (missing_at(value, i)) used += (size_t)snprintf(text + used, size - used, "None");
    else if (Rf_isString(value))
      used += (size_t)snprintf(text + used, size - used, "%s", Rf_translateCharUTF8(STRING_ELT(value, i)));
    else if (Rf_isLogical(value))
      used += (size_t)snprintf(text + used, size - used, "%s", LOGICAL(value)[i] ? "True" : "False");
    else if (Rf_isReal(value)) used += (size_t)snprintf(text + used, size - used, "%.15g", REAL(value)[i]);
    else used += (size_t)snprintf(text + used, size - used, "%d", INTEGER(value)[i]);
  }
  if (tuple) used += (size_t)snprintf(text + used, size - used, count == 1 ? ",)" : ")");
  text[used] = 0;
  return text;
}

static int any_missing(SEXP value) {
  for (R_xlen_t i = 0; i < XLENGTH(value); i++)
    if (missing_at(value, i)) return 1;
  return 0;
}

static void one_number(mxn_arg_t *arg, SEXP value, char type) {
  const double number = Rf_asReal(value);
  const int whole = R_FINITE(number) && number == (double)(int64_t)number;
  if (type == 'b') arg->tag = MXN_TAG_BOOL, arg->integer = number != 0;
  else if (type == 'i' && whole) arg->tag = MXN_TAG_INT, arg->integer = (int64_t)number;
  else arg->tag = MXN_TAG_FLOAT, arg->real = number;
}

static void several_numbers(mxn_arg_t *arg, SEXP value, char type) {
  arg->count = XLENGTH(value);
  if (type == 'r' || type == 'f') arg->tag = MXN_TAG_FLOATS, arg->reals = mixnet_reals(value);
  else arg->tag = MXN_TAG_INTS, arg->ints = mixnet_ints64(value);
}

static void fill(mxn_arg_t *arg, SEXP value, char type, const char *op) {
  const int number = Rf_isReal(value) || Rf_isInteger(value) || Rf_isLogical(value);
  if (!number && !Rf_isString(value))
    Rf_error("[%s] parameter %d: expected numbers, logicals or texts, got %s", op, arg->field + 1,
             Rf_type2char(TYPEOF(value)));
  const int tuple = type == 't' || type == 'n' || type == 'r';
  if (XLENGTH(value) == 1 && missing_at(value, 0)) arg->tag = MXN_TAG_NONE;
  else if (Rf_isString(value) && XLENGTH(value) == 1) arg->tag = MXN_TAG_TEXT, arg->text = mixnet_text(value);
  else if (!number || type == 'x' || any_missing(value)) arg->tag = MXN_TAG_TEXT, arg->text = as_text(value, tuple);
  else if (tuple || XLENGTH(value) != 1) several_numbers(arg, value, type);
  else one_number(arg, value, type);
}

static mxn_arg_t *arguments(SEXP params, const mixnet_operator *row, int32_t *count) {
  mxn_arg_t *args = (mxn_arg_t *)R_alloc((size_t)XLENGTH(params) + 1, sizeof *args);
  const R_xlen_t known = (R_xlen_t)strlen(row->types);
  *count = 0;
  for (R_xlen_t i = 0; i < XLENGTH(params) && i < known; i++) {
    if (VECTOR_ELT(params, i) == R_NilValue) continue;
    mxn_arg_t *arg = &args[(*count)++];
    memset(arg, 0, sizeof *arg);
    arg->field = (int32_t)i;
    fill(arg, VECTOR_ELT(params, i), row->types[i], row->name);
  }
  return args;
}

static int32_t without_tail(SEXP inputs) {
  R_xlen_t count = XLENGTH(inputs);
  while (count > 0 && VECTOR_ELT(inputs, count - 1) == R_NilValue) count--;
  return (int32_t)count;
}

/* Writes the handles of `out`, an array or a list of arrays; returns their number. */
static int32_t given_outputs(SEXP out, mxn_ndarray_t **outputs) {
  if (out == R_NilValue) return 0;
  if (TYPEOF(out) != VECSXP) {
    outputs[0] = (mxn_ndarray_t *)mixnet_handle(out, "MXNDArray");
    return 1;
  }
  if (XLENGTH(out) > OUTPUTS_MAX)
    Rf_error("[mixnet] out: expected at most %d arrays, got %lld", OUTPUTS_MAX, (long long)XLENGTH(out));
  for (R_xlen_t i = 0; i < XLENGTH(out); i++)
    outputs[i] = (mxn_ndarray_t *)mixnet_handle(VECTOR_ELT(out, i), "MXNDArray");
  return (int32_t)XLENGTH(out);
}

static SEXP results(SEXP first, mxn_ndarray_t **outputs, int32_t count) {
  if (count == 1) return mixnet_filled(first, outputs[0]);
  SEXP list = PROTECT(Rf_allocVector(VECSXP, count));
  for (int32_t i = 0; i < count; i++) SET_VECTOR_ELT(list, i, mixnet_new_array(outputs[i]));
  UNPROTECT(1);
  return list;
}

SEXP mixnet_invoke(SEXP name, SEXP inputs, SEXP params, SEXP out, SEXP ctx) {
  mxn_ndarray_t *outputs[OUTPUTS_MAX];
  const mxn_op_t *op = NULL;
  const mixnet_operator *row = find(CHAR(STRING_ELT(name, 0)), &op);
  int32_t num_args = 0, num_outputs = given_outputs(out, outputs);
  const mxn_arg_t *args = arguments(params, row, &num_args);
  mxn_ndarray_t *const *arrays = (mxn_ndarray_t *const *)mixnet_handles(inputs, "MXNDArray");
  int32_t kind = default_kind, index = default_index;
  if (ctx != R_NilValue) {
    kind = (int32_t)mixnet_int(VECTOR_ELT(ctx, 2), "ctx");
    index = (int32_t)mixnet_int(VECTOR_ELT(ctx, 1), "ctx");
  }
  SEXP first = PROTECT(out == R_NilValue ? mixnet_make_ndarray() : R_NilValue);
  mixnet_check(mxn_op_invoke(op, arrays, without_tail(inputs), args, num_args, THREADS_MODE, kind, index, outputs,
                             OUTPUTS_MAX, &num_outputs));
  SEXP made = out == R_NilValue ? results(first, outputs, num_outputs) : out;
  UNPROTECT(1);
  return made;
}

SEXP mixnet_symbol(SEXP op_name, SEXP inputs, SEXP input_names, SEXP params, SEXP name, SEXP attributes) {
  const mxn_op_t *op = NULL;
  const mixnet_operator *row = find(CHAR(STRING_ELT(op_name, 0)), &op);
  int32_t num_args = 0;
  const mxn_arg_t *args = arguments(params, row, &num_args);
  const R_xlen_t length = XLENGTH(inputs);
  mxn_symbol_t **symbols = (mxn_symbol_t **)R_alloc((size_t)length + 1, sizeof *symbols);
  const char **names = (const char **)R_alloc((size_t)length + 1, sizeof *names);
  int32_t count = 0;
  for (R_xlen_t i = 0; i < length; i++) {
    if (VECTOR_ELT(inputs, i) == R_NilValue) continue;
    symbols[count] = (mxn_symbol_t *)mixnet_handle(VECTOR_ELT(inputs, i), "MXSymbol");
    names[count++] = input_names == R_NilValue ? NULL : CHAR(STRING_ELT(input_names, i));
  }
  const char *const *keys = NULL, *const *values = NULL;
  if (attributes != R_NilValue) {
    keys = mixnet_texts(Rf_getAttrib(attributes, R_NamesSymbol));
    values = mixnet_texts(attributes);
  }
  SEXP handle = PROTECT(mixnet_make_symbol());
  mxn_symbol_t *symbol = NULL;
  mixnet_check(mxn_symbol_create(op, args, num_args, keys, values, keys ? (int32_t)XLENGTH(attributes) : 0, symbols,
                                 names, count, mixnet_text(name), &symbol));
  mixnet_filled(handle, symbol);
  UNPROTECT(1);
  return handle;
}
