/* A custom operator in C: its callback, on the engine's thread and on the host's own; mistakes in it are errors of who waits. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mixnet/c_api.h"

static int failures, destroyed, released, on_main;
static pthread_t main_thread;

static void expect(int good, const char *what) {
  char message[512] = "";
  if (good) return;
  mxn_error_copy(message, sizeof message);
  fprintf(stderr, "%s (%s)\n", what, message);
  ++failures;
}

/* output = 2 data, computed by an operator that is waited for. */
static int32_t twice(mxn_custom_call_t *call, int32_t from, int32_t to) {
  mxn_ndarray_t **in = NULL, **out = NULL, *sum = NULL;
  const mxn_op_t *add = NULL;
  int64_t num_in = 0, num_out = 0;
  int32_t count = 0, status = MXN_ERROR_USER;
  on_main = pthread_equal(pthread_self(), main_thread);
  if (mxn_custom_call_arrays(call, from, &in, &num_in) || mxn_custom_call_arrays(call, to, &out, &num_out))
    return status;
  if (num_in == 1 && num_out == 1 && !mxn_op_find("elemwise_add", &add)) {
    mxn_ndarray_t *both[2];
    both[0] = both[1] = in[0];
    if (!mxn_op_invoke(add, both, 2, NULL, 0, 0, MXN_DEVICE_CPU, 0, &sum, 1, &count) &&
        !mxn_ndarray_wait_to_read(sum, NULL))
      status = mxn_ndarray_copy(sum, out[0]);
  }
  mxn_ndarray_free(sum);
  if (num_in) mxn_ndarray_free(in[0]);
  if (num_out) mxn_ndarray_free(out[0]);
  mxn_ndarray_list_free(in);
  mxn_ndarray_list_free(out);
  return status;
}

static int32_t answer(void *user, mxn_custom_call_t *call) {
  mxn_custom_info_t info;
  mxn_shapes_t *shapes = NULL;
  const int64_t *dims = NULL;
  int64_t all[32];
  int32_t ndims[2];
  info.struct_size = sizeof info;
  if (mxn_custom_call_info(call, &info)) return MXN_ERROR_USER;
  if (info.what == MXN_CUSTOM_RELEASE) ++released;
  if (info.what == MXN_CUSTOM_FORWARD && *(int *)user) {
    mxn_error_set(MXN_ERROR_USER, "no luck");
    return MXN_ERROR_USER;
  }
  if (info.what == MXN_CUSTOM_FORWARD) return twice(call, MXN_CUSTOM_INPUTS, MXN_CUSTOM_OUTPUTS);
  if (info.what == MXN_CUSTOM_BACKWARD) return twice(call, MXN_CUSTOM_OUTPUT_GRADS, MXN_CUSTOM_INPUT_GRADS);
  if (info.what != MXN_CUSTOM_SHAPES && info.what != MXN_CUSTOM_TYPES) return 0;
  /* Input and output are alike: the one list asked about, once more for the output. */
  if (mxn_custom_call_shapes(call, &shapes) || mxn_shapes_get(shapes, 0, &ndims[0], &dims)) return MXN_ERROR_USER;
  memcpy(all, dims, sizeof *dims * (size_t)ndims[0]);
  memcpy(all + ndims[0], dims, sizeof *dims * (size_t)ndims[0]);
  mxn_shapes_free(shapes);
  ndims[1] = ndims[0];
  if (info.what == MXN_CUSTOM_SHAPES) return mxn_custom_call_set_shapes(call, ndims, all, 2);
  ndims[0] = 2;
  return mxn_custom_call_set_shapes(call, ndims, all, 1);
}

static void destroy(void *user) {
  (void)user;
  ++destroyed;
}

static mxn_ndarray_t *call_custom(const char *type, mxn_ndarray_t *x) {
  const mxn_op_t *op = NULL;
  mxn_arg_t arg;
  mxn_ndarray_t *y = NULL;
  int32_t count = 0;
  memset(&arg, 0, sizeof arg);
  arg.tag = MXN_TAG_TEXT; /* field 0: op_type */
  arg.text = type;
  expect(mxn_op_find("Custom", &op) == 0, "find");
  expect(mxn_op_invoke(op, &x, 1, &arg, 1, 0, MXN_DEVICE_CPU, 0, &y, 1, &count) == 0, "invoke");
  return y;
}

static void values(int host_queue) {
  const float in[2] = {1, 5};
  const int64_t shape[1] = {2};
  float out[2] = {0, 0};
  int fails = 0;
  char message[256];
  mxn_ndarray_t *x = NULL, *y = NULL, *grad = NULL;
  int32_t before = 0;
  mxn_ndarray_t **none = NULL;
  int64_t count = 0;
  expect(mxn_custom_register("c_twice", answer, &fails, destroy) == 0, "register");
  expect(mxn_ndarray_create(shape, 1, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &x) == 0, "create");
  expect(mxn_ndarray_create(shape, 1, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &grad) == 0, "create");
  expect(mxn_ndarray_copy_from_host(x, in, sizeof in) == 0, "copy in");
  expect(mxn_autograd_mark(&x, &grad, NULL, 1) == 0 && mxn_autograd_set(1, 1, &before) == 0, "mark");
  y = call_custom("c_twice", x);
  expect(mxn_autograd_set(0, 0, &before) == 0, "pause");
  expect(mxn_autograd_backward(&y, NULL, 1, NULL, 0, 0, 0, 1, &none, &count) == 0, "backward");
  expect(mxn_ndarray_copy_to_host(y, out, sizeof out, NULL) == 0 && out[0] == 2 && out[1] == 10, "values");
  expect(mxn_ndarray_copy_to_host(grad, out, sizeof out, NULL) == 0 && out[0] == 2 && out[1] == 2, "gradient");
  expect(on_main || !host_queue, "with a queue it is this thread");
  mxn_ndarray_free(y);
  expect(mxn_autograd_mark(&x, NULL, NULL, 1) == 0, "unmark");
  fails = 1;
  y = call_custom("c_twice", x);
  expect(mxn_ndarray_wait_to_read(y, NULL) == MXN_ERROR_USER, "a failing callback");
  mxn_error_copy(message, sizeof message);
  expect(strstr(message, "no luck") != NULL, message);
  mxn_ndarray_free(y);
  mxn_ndarray_free(x);
  mxn_ndarray_free(grad);
  mxn_wait_all(NULL);
}

int main(void) {
  int64_t handles = -1, ran = 0;
  main_thread = pthread_self();
  values(0);
  expect(mxn_queue_open() == 0, "queue");
  values(1);
  expect(mxn_queue_poll(NULL, &ran) == 0 && mxn_queue_close() == 0, "close");
  expect(destroyed == 1, "the first registration was given up when the second came");
  expect(released >= 6, "props and operators were released");
  expect(mxn_handle_count(&handles) == 0 && handles == 0, "no handle is left");
  expect(mxn_custom_register("x", NULL, NULL, destroy) == MXN_ERROR_INVALID && destroyed == 2,
         "destroy runs when it fails");
  return failures != 0;
}
