/* Fills an array, squares it with an operator, reads it back: the shortest way through the C ABI. */
#include <mixnet/c_api.h>
#include <stdio.h>

static int failed(void) {
  char message[512];
  mxn_error_copy(message, sizeof message);
  fprintf(stderr, "%s\n", message);
  return 1;
}

int main(void) {
  const int64_t shape[] = {2, 3};
  const float values[] = {1, 2, 3, 4, 5, 6};
  float squares[6];
  const mxn_op_t *op = NULL;
  mxn_ndarray_t *array = NULL, *result = NULL;
  int32_t count = 0;

  if (mxn_op_find("square", &op) != MXN_OK) return failed();
  if (mxn_ndarray_create(shape, 2, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &array) != MXN_OK) return failed();
  if (mxn_ndarray_copy_from_host(array, values, sizeof values) != MXN_OK) return failed();
  if (mxn_op_invoke(op, &array, 1, NULL, 0, 0, MXN_DEVICE_CPU, 0, &result, 1, &count) != MXN_OK) return failed();
  if (mxn_ndarray_copy_to_host(result, squares, sizeof squares, NULL) != MXN_OK) return failed();
  printf("mixnet %s: %g * %g = %g\n", mxn_version(), values[5], values[5], squares[5]);
  mxn_ndarray_free(result);
  mxn_ndarray_free(array);
  return squares[5] == 36 ? 0 : 1;
}
