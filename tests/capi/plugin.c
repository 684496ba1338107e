/* Plug-ins from C: what cannot be loaded changes nothing, and the example's operators run through the generic invoke. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mixnet/c_api.h"

static int failures;

static void expect(int good, const char *what) {
  char message[512] = "";
  if (good) return;
  mxn_error_copy(message, sizeof message);
  fprintf(stderr, "%s (%s)\n", what, message);
  ++failures;
}

static void refused(const char *path, const char *words) {
  char message[512];
  mxn_strings_t *names = NULL;
  expect(mxn_library_load(path, &names) < 0 && !names, path);
  mxn_error_copy(message, sizeof message);
  expect(strstr(message, words) != NULL && strchr(message, '\n') == NULL, words);
}

int main(void) {
  const mxn_op_t *op = NULL;
  mxn_strings_t *names = NULL;
  mxn_ndarray_t *x = NULL, *y = NULL;
  const float in[3] = {-1, 0, 2};
  float out[3];
  const int64_t shape[1] = {3};
  mxn_arg_t beta = {0};
  int32_t count = 0;

  refused("/nonexistent.so", "cannot be loaded");
  refused(NO_PLUGIN, "expected a plug-in");
  refused(BAD_ABI, "expected plug-in ABI 1, got 1000");
  refused(BAD_SCHEMA, "operator fresh_name: [default] beta: expected a value in [0, 1], got 7");
  expect(mxn_op_find("fresh_name", &op) < 0, "a refused library adds nothing");
  expect(mxn_op_find("swish", &op) < 0, "swish before the load");
  expect(mxn_library_load(EXAMPLE_PLUGIN, &names) == 0 && mxn_strings_count(names) == 2, "two operators");
  mxn_strings_free(names);
  expect(mxn_library_load(EXAMPLE_PLUGIN, &names) == 0 && mxn_strings_count(names) == 0, "a second load");
  mxn_strings_free(names);

  expect(mxn_op_find("swish", &op) == 0, "swish");
  expect(mxn_ndarray_create(shape, 1, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &x) == 0, "create");
  expect(mxn_ndarray_copy_from_host(x, in, sizeof in) == 0, "copy in");
  beta.tag = MXN_TAG_FLOAT;
  beta.real = 2;
  expect(mxn_op_invoke(op, &x, 1, &beta, 1, 0, MXN_DEVICE_CPU, 0, &y, 1, &count) == 0 && count == 1, "invoke");
  expect(mxn_ndarray_copy_to_host(y, out, sizeof out, NULL) == 0, "copy out");
  for (int i = 0; i < 3; ++i) expect(fabs(out[i] - in[i] / (1 + exp(-2 * in[i]))) < 1e-6, "value");
  mxn_ndarray_free(y);
  y = NULL;
  count = 0;
  beta.real = 1000;
  expect(mxn_op_invoke(op, &x, 1, &beta, 1, 0, MXN_DEVICE_CPU, 0, &y, 1, &count) < 0, "out of range");
  mxn_ndarray_free(x);
  return failures != 0;
}
