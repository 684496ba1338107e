/* Runs a trained model with the one-file predictor:
 *
 *   predict NAME-symbol.json NAME-0000.params INPUT 1,1,28,28 FILE
 *
 * INPUT is the name of the model's input, FILE holds its float32 values. Prints every output, one per line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixnet_predict.h"

static char *read_file(const char *path, long *bytes) {
  FILE *file = fopen(path, "rb");
  char *data = NULL;
  if (file && fseek(file, 0, SEEK_END) == 0 && (*bytes = ftell(file)) >= 0) {
    rewind(file);
    data = malloc((size_t)*bytes + 1);
    if (data && fread(data, 1, (size_t)*bytes, file) == (size_t)*bytes) data[*bytes] = '\0';
  }
  if (file) fclose(file);
  if (!data) fprintf(stderr, "predict: cannot read %s\n", path);
  return data;
}

static int failed(void) {
  char message[512];
  mxn_error_copy(message, sizeof message);
  fprintf(stderr, "predict: %s\n", message);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: predict SYMBOL.json MODEL.params INPUT SHAPE FILE\n");
    return 2;
  }
  long json_bytes = 0, params_bytes = 0, input_bytes = 0;
  char *json = read_file(argv[1], &json_bytes), *params = read_file(argv[2], &params_bytes),
       *input = read_file(argv[5], &input_bytes);
  if (!json || !params || !input) return 1;

  int64_t shape[16];
  int32_t ndim = 0;
  for (char *part = strtok(argv[4], ","); part && ndim < 16; part = strtok(NULL, ","))
    shape[ndim++] = strtol(part, NULL, 10);
  const char *name = argv[3];

  mxn_predictor_options_t options = {0};
  options.struct_size = sizeof options;
  options.symbol_json = json;
  options.params = params;
  options.params_bytes = params_bytes;
  options.input_names = &name;
  options.input_ndims = &ndim;
  options.input_shapes = shape;
  options.num_inputs = 1;
  mxn_predictor_t *predictor;
  if (mxn_predictor_create(&options, &predictor)) return failed();
  if (mxn_predictor_set_input(predictor, name, input, input_bytes)) return failed();
  if (mxn_predictor_forward(predictor)) return failed();

  mxn_predictor_info_t info = {.struct_size = sizeof info};
  if (mxn_predictor_info(predictor, &info)) return failed();
  for (int32_t i = 0; i < info.num_outputs; ++i) {
    mxn_tensor_t output = {.struct_size = sizeof output};
    if (mxn_predictor_output(predictor, i, &output)) return failed();
    printf("%s", output.name);
    for (size_t k = 0; k < (size_t)output.bytes / sizeof(float); ++k) printf(" %.9g", ((float *)output.data)[k]);
    printf("\n");
  }
  mxn_predictor_free(predictor);
  free(json);
  free(params);
  free(input);
  return 0;
}
