/* Drives the one-file predictor on every target; the same source for gcc, clang, aarch64 and WebAssembly.
 *
 *   driver VERB ARGUMENT... VERB ARGUMENT...
 *
 * json FILE, params FILE, packed FILE, borrow, input NAME SHAPE FILE, type CODE (of the input before), output NAME: what `create` is given. Then
 * create, clone, reshape NAME SHAPE, fill NAME FILE, forward, steps COUNT, print, info, threads COUNT, free, each on the newest predictor.
 * Prints what was asked for; a failing call prints "error CODE MESSAGE" and the next verb follows. Ends with 2 for a wrong command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixnet_predict.h"

enum { most = 16 };

static char *read_file(const char *path, long *bytes) {
  FILE *file = fopen(path, "rb");
  char *data = NULL;
  if (file && fseek(file, 0, SEEK_END) == 0 && (*bytes = ftell(file)) >= 0) {
    rewind(file);
    data = malloc((size_t)*bytes + 1);
    if (data && fread(data, 1, (size_t)*bytes, file) == (size_t)*bytes) data[*bytes] = '\0';
  }
  if (file) fclose(file);
  if (data) return data;
  fprintf(stderr, "driver: cannot read %s\n", path);
  exit(2);
}

static int32_t read_shape(const char *text, int64_t *shape) {
  int32_t ndim = 0;
  for (char *end; *text && ndim < most; text = *end ? end + 1 : end) shape[ndim++] = strtol(text, &end, 10);
  return ndim;
}

static void check(int32_t code) {
  char message[512];
  if (code == MXN_OK) return;
  mxn_error_copy(message, sizeof message);
  printf("error %d %s\n", (int)code, message);
}

static struct {
  mxn_predictor_options_t options;
  const char *names[most], *files[most], *outputs[most];
  int64_t shapes[most * most];
  int32_t ndims[most], dtypes[most], extents;
} given;
static mxn_predictor_t *made[most];
static int num_made;

static mxn_predictor_t *newest(void) { return num_made ? made[num_made - 1] : NULL; }

static void fill(mxn_predictor_t *predictor, const char *name, const char *path) {
  long bytes = 0;
  char *data = read_file(path, &bytes);
  check(mxn_predictor_set_input(predictor, name, data, bytes));
  free(data);
}

/* Takes the predictor that a call made in the next place, with its inputs, or tells what failed. */
static void take(int32_t code) {
  check(code);
  if (code != MXN_OK) return;
  ++num_made;
  for (int32_t i = 0; i < given.options.num_inputs; ++i) fill(newest(), given.names[i], given.files[i]);
}

static void create(void) {
  given.options.struct_size = sizeof given.options;
  given.options.input_names = given.names;
  given.options.input_ndims = given.ndims;
  given.options.input_shapes = given.shapes;
  given.options.input_dtypes = given.dtypes;
  given.options.output_names = given.outputs;
  take(mxn_predictor_create(&given.options, &made[num_made]));
}

static void print_outputs(void) {
  mxn_predictor_info_t info = {.struct_size = sizeof info};
  check(mxn_predictor_info(newest(), &info));
  for (int32_t i = 0; i < info.num_outputs; ++i) {
    mxn_tensor_t output = {.struct_size = sizeof output};
    check(mxn_predictor_output(newest(), i, &output));
    printf("%s", output.name);
    for (size_t k = 0; k < (size_t)output.bytes / sizeof(float); ++k) printf(" %.9g", ((float *)output.data)[k]);
    printf("\n");
  }
}

static void print_info(void) {
  mxn_predictor_info_t info = {.struct_size = sizeof info};
  check(mxn_predictor_info(newest(), &info));
  printf("info steps %d parameters %lld arena %lld kept %lld\n", (int)info.num_steps, (long long)info.parameter_bytes,
         (long long)info.arena_bytes, (long long)info.kept_bytes);
}

/* Runs a verb; returns how many arguments it took, or -1. */
static int run(const char *verb, int left, char **arguments) {
  long bytes = 0;
  mxn_predictor_options_t *o = &given.options;
#define VERB(text, count) if (strcmp(verb, text) == 0 && left >= (count))
  VERB("json", 1) return o->symbol_json = read_file(arguments[0], &bytes), 1;
  VERB("params", 1) return o->params = read_file(arguments[0], &bytes), o->params_bytes = bytes, 1;
  VERB("packed", 1) return o->packed = read_file(arguments[0], &bytes), o->packed_bytes = bytes, 1;
  VERB("borrow", 0) return o->borrow = 1, 0;
  VERB("output", 1) return given.outputs[o->num_outputs++ % most] = arguments[0], 1;
  VERB("type", 1) return given.dtypes[o->num_inputs - 1] = atoi(arguments[0]), 1;
  VERB("input", 3) {
    const int32_t i = o->num_inputs++ % most;
    given.names[i] = arguments[0];
    given.ndims[i] = read_shape(arguments[1], given.shapes + given.extents);
    given.extents += given.ndims[i];
    given.files[i] = arguments[2];
    return 3;
  }
  VERB("create", 0) return create(), 0;
  VERB("clone", 0) return take(mxn_predictor_clone(newest(), &made[num_made])), 0;
  VERB("reshape", 2) {
    int64_t shape[most];
    const int32_t ndim = read_shape(arguments[1], shape);
    return check(mxn_predictor_reshape(newest(), (const char *const *)arguments, &ndim, shape, 1)), 2;
  }
  VERB("fill", 2) return fill(newest(), arguments[0], arguments[1]), 2;
  VERB("forward", 0) return check(mxn_predictor_forward(newest())), 0;
  VERB("steps", 1) {
    int32_t remaining = 0;
    check(mxn_predictor_forward_steps(newest(), atoi(arguments[0]), &remaining));
    return printf("left %d\n", (int)remaining), 1;
  }
  VERB("print", 0) return print_outputs(), 0;
  VERB("info", 0) return print_info(), 0;
  VERB("threads", 1) return check(mxn_option_set("cpu_threads", atoi(arguments[0]))), 1;
  VERB("free", 0) return mxn_predictor_free(num_made ? made[--num_made] : NULL), 0;
#undef VERB
  return -1;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc;) {
    const int taken = num_made < most ? run(argv[i], argc - i - 1, argv + i + 1) : -1;
    if (taken < 0) {
      fprintf(stderr, "driver: %s: expected a verb with its arguments\n", argv[i]);
      return 2;
    }
    i += 1 + taken;
  }
  while (num_made) mxn_predictor_free(made[--num_made]);
  return 0;
}
