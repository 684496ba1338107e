/* What the page's worker calls: one model with one float32 input and its first output. Every pointer is into the module's memory. */
#include <emscripten.h>
#include <string.h>

#include "mixnet_predict.h"

static mxn_predictor_t *predictor;

/* 0, or a negative code. `packed` stays where it is as long as the model is in use. */
EMSCRIPTEN_KEEPALIVE int classifier_open(const void *packed, int bytes, const char *input, int size) {
  const int64_t shape[4] = {1, 3, size, size};
  const int32_t ndim = 4;
  mxn_predictor_options_t options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.packed = packed;
  options.packed_bytes = bytes;
  options.borrow = 1;
  options.input_names = &input;
  options.input_ndims = &ndim;
  options.input_shapes = shape;
  options.num_inputs = 1;
  mxn_predictor_free(predictor);
  return mxn_predictor_create(&options, &predictor);
}

static mxn_tensor_t tensor(int output) {
  mxn_tensor_t found;
  memset(&found, 0, sizeof found);
  found.struct_size = sizeof found;
  const int32_t code = output ? mxn_predictor_output(predictor, 0, &found) : mxn_predictor_input(predictor, 0, &found);
  if (code != MXN_OK) found.data = NULL;
  return found;
}

EMSCRIPTEN_KEEPALIVE float *classifier_input(void) { return tensor(0).data; }
EMSCRIPTEN_KEEPALIVE float *classifier_output(void) { return tensor(1).data; }
EMSCRIPTEN_KEEPALIVE int classifier_classes(void) { return (int)(tensor(1).bytes / (int)sizeof(float)); }
EMSCRIPTEN_KEEPALIVE int classifier_run(void) { return mxn_predictor_forward(predictor); }

/* The message of the last failure. */
EMSCRIPTEN_KEEPALIVE const char *classifier_error(void) {
  static char message[512];
  mxn_error_copy(message, sizeof message);
  return message;
}
