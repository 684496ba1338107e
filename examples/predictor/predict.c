/* Runs a trained model with the one-file predictor: predict NAME-symbol.json NAME-0000.params INPUT 1,1,28,28 FILE
 * INPUT is the name of the model's input, FILE holds its float32 values. Prints every output, one per line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixnet_predict.h"

static char *read_file(const char *path, long *bytes) {
  FILE *file = fopen(path, "rb");
  char *data = NULL;
  if (file && fseek(file, 0, SEEK_END) == 0 && (*bytes = ftell(file)) >= 0) data = malloc((size_t)*bytes + 1);
  if (data) rewind(file);
  if (!data || fread(data, 1, (size_t)*bytes, file) != (size_t)*bytes) {
    fprintf(stderr, "predict: cannot read %s\n", path);
    exit(1);
  }
  data[*bytes] = '\0';
  fclose(file);
  return data;
}

static void check(int32_t code) {
  char message[512];
  if (code == 0) return;
  mxn_error_copy(message, sizeof message);
  fprintf(stderr, "predict: %s\n", message);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 6) return fprintf(stderr, "usage: predict SYMBOL.json MODEL.params INPUT SHAPE FILE\n"), 2;
  const char *name = argv[3];
  int64_t shape[16];
  int32_t ndim = 0;
  for (char *part = strtok(argv[4], ","); part && ndim < 16; part = strtok(NULL, ",")) shape[ndim++] = atoll(part);
  long json_bytes = 0, params_bytes = 0, input_bytes = 0;
  char *json = read_file(argv[1], &json_bytes), *params = read_file(argv[2], &params_bytes);
  char *input = read_file(argv[5], &input_bytes);

  mxn_predictor_options_t options = {.struct_size = sizeof options, .symbol_json = json, .params = params};
  options.params_bytes = params_bytes, options.num_inputs = 1, options.input_names = &name;
  options.input_ndims = &ndim, options.input_shapes = shape;
  mxn_predictor_t *predictor;
  check(mxn_predictor_create(&options, &predictor));
  check(mxn_predictor_set_input(predictor, name, input, input_bytes));
  check(mxn_predictor_forward(predictor));
  mxn_predictor_info_t info = {.struct_size = sizeof info};
  check(mxn_predictor_info(predictor, &info));
  for (int32_t i = 0; i < info.num_outputs; ++i) {
    mxn_tensor_t output = {.struct_size = sizeof output};
    check(mxn_predictor_output(predictor, i, &output));
    printf("%s", output.name);
    for (size_t k = 0; k < (size_t)output.bytes / sizeof(float); ++k) printf(" %.9g", ((float *)output.data)[k]);
    printf("\n");
  }
  mxn_predictor_free(predictor);
  free(json), free(params), free(input);
  return 0;
}
