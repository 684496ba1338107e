/* Flat C functions for the calls that Python makes most: no cffi structs are made on the way. */
#include <stddef.h>

/* Runs an operator on up to three arrays with one optional number; returns the new array, or NULL with the error set. */
static mxn_ndarray_t *mixnet_call(const mxn_op_t *op, mxn_ndarray_t *a, mxn_ndarray_t *b, mxn_ndarray_t *c, int32_t count, int32_t field,
                                  double number, int32_t training) {
  mxn_ndarray_t *inputs[3] = {a, b, c};
  mxn_ndarray_t *output = NULL;
  mxn_arg_t arg = {0};
  int32_t produced = 0;
  arg.field = field;
  arg.tag = MXN_TAG_FLOAT;
  arg.real = number;
  if (mxn_op_invoke(op, inputs, count, &arg, field >= 0 ? 1 : 0, training, MXN_DEVICE_CPU, 0, &output, 1, &produced) != 0) return NULL;
  return output;
}

/* The same, writing into an array that is there. */
static int32_t mixnet_call_into(const mxn_op_t *op, mxn_ndarray_t *a, mxn_ndarray_t *b, mxn_ndarray_t *c, int32_t count, int32_t field,
                                double number, int32_t training, mxn_ndarray_t *out) {
  mxn_ndarray_t *inputs[3] = {a, b, c};
  mxn_arg_t arg = {0};
  int32_t produced = 1;
  arg.field = field;
  arg.tag = MXN_TAG_FLOAT;
  arg.real = number;
  return mxn_op_invoke(op, inputs, count, &arg, field >= 0 ? 1 : 0, training, MXN_DEVICE_CPU, 0, &out, 1, &produced);
}
