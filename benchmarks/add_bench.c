/* Microseconds per call of add on 1, 1,000 and 1,000,000 floats through the C ABI. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>

#include "mixnet/c_api.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
  const int64_t sizes[] = {1, 1000, 1000000};
  const mxn_op_t *op = NULL;
  int s, round, i;
  if (mxn_op_find("elemwise_add", &op) != 0) return 1;
  for (s = 0; s < 3; ++s) {
    mxn_ndarray_t *in[2] = {NULL, NULL};
    const int calls = sizes[s] < 10000 ? 20000 : 200;
    double best = 1e9;
    for (i = 0; i < 2; ++i) {
      void *data = NULL;
      if (mxn_ndarray_create(&sizes[s], 1, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &in[i]) != 0 ||
          mxn_ndarray_data(in[i], &data) != 0)
        return 1;
      for (round = 0; round < sizes[s]; ++round) ((float *)data)[round] = 1.0f;
    }
    for (round = 0; round < 10; ++round) {
      double start = now(), each;
      for (i = 0; i < calls; ++i) {
        mxn_ndarray_t *out = NULL;
        int32_t count = 0;
        if (mxn_op_invoke(op, in, 2, NULL, 0, 0, MXN_DEVICE_CPU, 0, &out, 1, &count) != 0) return 1;
        mxn_ndarray_free(out);
      }
      if (mxn_wait_all(NULL) != 0) return 1;
      each = (now() - start) / calls * 1e6;
      if (each < best) best = each;
    }
    printf("add of %9ld floats from C: %.2f us\n", (long)sizes[s], best);
    mxn_ndarray_free(in[0]);
    mxn_ndarray_free(in[1]);
  }
  return 0;
}
