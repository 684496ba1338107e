/* What the generated test of all arguments (make_arguments.py) calls functions with: one valid value of every kind.
 *
 * A successful call may leave something in the out places; reset() frees it and makes the fixture whole again. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mixnet/c_api.h"

static struct {
  const mxn_op_t *op;
  mxn_ndarray_t *array;
  mxn_symbol_t *symbol, *variable_symbol;
  mxn_executor_t *executor;
  mxn_kvstore_t *store;
  mxn_optimizer_t *optimizer;
  mxn_cached_op_t *cached_op;
  mxn_record_reader_t *record_reader;
  mxn_record_writer_t *record_writer;
  char record_path[64];
  mxn_data_iter_t *data_iter;
  char csv_path[64];
  const char *iter_values[2];
  mxn_variable_t *variable;
  mxn_cancel_t *cancel;
  mxn_strings_t *strings;
  mxn_shapes_t *shapes;
  mxn_ndarray_t *arrays[4];
  mxn_symbol_t *symbols[4];
  mxn_variable_t *variables[4];
  mxn_arg_t args[4];
  const char *names[4];
  int32_t codes[4];
  int64_t dims[64];
  char bytes[256];
  mxn_wait_t wait;
  mxn_storage_info_t storage_info;
  mxn_custom_info_t custom_info;
  mxn_memory_info_t memory_info;
  mxn_ndarray_info_t ndarray_info;
  char *json;
  mxn_predictor_options_t options;
  mxn_predictor_t *predictor;
  mxn_predictor_info_t predictor_info;
  mxn_tensor_t tensor;
  /* out places */
  const mxn_op_t *out_op;
  mxn_ndarray_t *out_ndarray, **out_list, *outputs[4];
  mxn_symbol_t *out_symbol, *out_parameters;
  mxn_executor_t *out_executor;
  mxn_kvstore_t *out_kvstore;
  mxn_cached_op_t *out_cached_op;
  mxn_rtc_t *out_rtc;
  mxn_predictor_t *out_predictor;
  mxn_optimizer_t *out_optimizer;
  mxn_record_reader_t *out_record_reader;
  mxn_record_writer_t *out_record_writer;
  mxn_data_iter_t *out_data_iter;
  mxn_variable_t *out_variable;
  mxn_cancel_t *out_cancel;
  mxn_strings_t *out_strings;
  mxn_shapes_t *out_shapes[3];
  char *out_text;
  void *out_pointer;
  const int64_t *out_dims;
  int64_t out_int64[3];
  uint64_t out_uint64;
  int32_t out_int32[2], num_outputs;
} fx;

static int failures = 0, calls = 0;
static const char *const iter_keys[] = {"data_csv", "data_shape"};

static int32_t on_task(void *user) {
  (void)user;
  return 0;
}
static int32_t on_updater(void *user, const char *key, mxn_ndarray_t *received, mxn_ndarray_t *stored) {
  (void)user, (void)key, (void)received, (void)stored;
  return 0;
}
static int32_t on_monitor(void *user, const char *name, mxn_ndarray_t *value) {
  (void)user, (void)name, (void)value;
  return 0;
}
static int32_t on_backward(void *user, mxn_ndarray_t *const *output_grads, int64_t num_outputs,
                           mxn_ndarray_t **input_grads, int64_t num_inputs) {
  (void)user, (void)output_grads, (void)num_outputs, (void)input_grads, (void)num_inputs;
  return 0;
}
static int32_t on_custom(void *user, mxn_custom_call_t *call) {
  (void)user, (void)call;
  return 0;
}
static int32_t on_source(void *user, const char *uri, int64_t file, int64_t offset, void *buffer, int64_t bytes,
                         int64_t *out_count) {
  (void)user, (void)uri, (void)file, (void)offset, (void)buffer, (void)bytes, (void)out_count;
  return 0;
}
static void on_destroy(void *user) { (void)user; }

static void must(int32_t status, const char *what) {
  char message[256];
  if (status == 0) return;
  mxn_error_copy(message, sizeof message);
  printf("the fixture: %s: %s\n", what, message);
  exit(2);
}

/* After every call: a failure has a code of the table and a message that begins with its place. */
static void check(const char *call, int32_t status, int must_fail) {
  char message[256];
  ++calls;
  if (status == 0 && must_fail) ++failures, printf("%s: expected an error\n", call);
  if (status == 0) return;
  message[0] = '\0';
  mxn_error_copy(message, sizeof message);
  if (status > 0 || status < MXN_ERROR_INTERNAL || status != mxn_error_code() || message[0] != '[' ||
      status == MXN_ERROR_INTERNAL) {
    ++failures;
    printf("%s: status %d, message '%s'\n", call, status, message);
  }
}

static void release_outputs(void) {
  int i;
  int64_t k;
  for (k = 0; fx.out_list && k < fx.out_int64[0]; ++k) mxn_ndarray_free(fx.out_list[k]);
  mxn_ndarray_list_free(fx.out_list), fx.out_list = NULL;
  mxn_ndarray_free(fx.out_ndarray), fx.out_ndarray = NULL;
  for (i = 0; i < 4; ++i) mxn_ndarray_free(fx.outputs[i]), fx.outputs[i] = NULL;
  mxn_symbol_free(fx.out_symbol), fx.out_symbol = NULL;
  mxn_symbol_free(fx.out_parameters), fx.out_parameters = NULL;
  mxn_executor_free(fx.out_executor), fx.out_executor = NULL;
  mxn_kvstore_free(fx.out_kvstore), fx.out_kvstore = NULL;
  mxn_cached_op_free(fx.out_cached_op), fx.out_cached_op = NULL;
  mxn_rtc_free(fx.out_rtc), fx.out_rtc = NULL;
  mxn_predictor_free(fx.out_predictor), fx.out_predictor = NULL;
  mxn_optimizer_free(fx.out_optimizer), fx.out_optimizer = NULL;
  mxn_record_reader_free(fx.out_record_reader), fx.out_record_reader = NULL;
  mxn_record_writer_free(fx.out_record_writer), fx.out_record_writer = NULL;
  mxn_data_iter_free(fx.out_data_iter), fx.out_data_iter = NULL;
  mxn_variable_free(fx.out_variable), fx.out_variable = NULL;
  mxn_cancel_free(fx.out_cancel), fx.out_cancel = NULL;
  mxn_strings_free(fx.out_strings), fx.out_strings = NULL;
  for (i = 0; i < 3; ++i) mxn_shapes_free(fx.out_shapes[i]), fx.out_shapes[i] = NULL;
  mxn_text_free(fx.out_text), fx.out_text = NULL;
}

static void reset(void) {
  release_outputs();
  fx.out_op = NULL, fx.out_pointer = NULL, fx.out_dims = NULL, fx.num_outputs = 0;
  memset(fx.out_int64, 0, sizeof fx.out_int64);
  memset(fx.out_int32, 0, sizeof fx.out_int32);
  mxn_storage_set_limit(MXN_DEVICE_CPU, 0, 0);
  if (fx.data_iter && mxn_data_iter_next(fx.data_iter, NULL, &fx.out_int32[0]) == 0 && !fx.out_int32[0]) {
    mxn_data_iter_reset(fx.data_iter);
    mxn_data_iter_next(fx.data_iter, NULL, &fx.out_int32[0]);
  }
  mxn_trace_end(NULL, 0, &fx.out_symbol, &fx.out_list, &fx.out_int64[0]);
  mxn_autograd_set(0, 0, &fx.out_int32[0]);
  fx.out_int32[0] = 0;
}

/* A DLPack tensor is given away at once. */
static void release_dlpack(void) {
  struct managed {
    void *data;
    int32_t device[2];
    int32_t ndim;
    int32_t dtype;
    void *shape, *strides;
    uint64_t offset;
    void *manager;
    void (*deleter)(struct managed *);
  } *m = fx.out_pointer;
  if (m) m->deleter(m);
  fx.out_pointer = NULL;
}

/* reset() gives it a current batch. */
static void set_up_iter(void) {
  FILE *file;
  snprintf(fx.csv_path, sizeof fx.csv_path, "/tmp/mixnet_arguments_%d.csv", (int)getpid());
  file = fopen(fx.csv_path, "w");
  if (!file || fputs("1,2\n3,4\n", file) < 0 || fclose(file) != 0) exit(2);
  fx.iter_values[0] = fx.csv_path;
  fx.iter_values[1] = "(2,)";
  must(mxn_data_iter_create("CSVIter", iter_keys, fx.iter_values, 2, &fx.data_iter), "iterator");
}

static void set_up(void) {
  static const int64_t shape[] = {2, 3};
  static const char *const key[] = {"x"};
  static const int32_t two[] = {2};
  int i;
  memset(&fx, 0, sizeof fx);
  for (i = 0; i < 64; ++i) fx.dims[i] = i % 2 ? 3 : 2;
  must(mxn_op_find("square", &fx.op), "op");
  must(mxn_ndarray_create(shape, 2, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &fx.array), "array");
  must(mxn_ndarray_copy_from_host(fx.array, fx.bytes, 24), "values");
  must(mxn_symbol_variable("x", &fx.variable_symbol), "variable");
  must(mxn_symbol_create(fx.op, NULL, 0, NULL, NULL, 0, &fx.variable_symbol, NULL, 1, "sq", &fx.symbol), "symbol");
  must(mxn_executor_bind(fx.symbol, MXN_DEVICE_CPU, 0, &fx.array, NULL, NULL, 1, NULL, 0, NULL, &fx.executor),
       "executor");
  must(mxn_cached_op_create(fx.symbol, NULL, 0, &fx.cached_op), "cached op");
  must(mxn_kvstore_create("local", &fx.store), "store");
  must(mxn_kvstore_init(fx.store, key, &fx.array, 1), "init");
  must(mxn_optimizer_create("sgd", NULL, NULL, 0, &fx.optimizer), "optimizer");
  snprintf(fx.record_path, sizeof fx.record_path, "/tmp/mixnet_arguments_%d.rec", (int)getpid());
  must(mxn_record_writer_create(fx.record_path, 0, &fx.record_writer), "record writer");
  must(mxn_record_writer_write(fx.record_writer, fx.bytes, 24, &fx.out_int64[0]), "record");
  must(mxn_record_writer_flush(fx.record_writer, 0), "flush");
  must(mxn_record_reader_create(fx.record_path, 0, 1, &fx.record_reader), "record reader");
  set_up_iter();
  must(mxn_variable_create(&fx.variable), "variable");
  must(mxn_cancel_create(&fx.cancel), "cancel");
  must(mxn_symbol_list(fx.symbol, 0, &fx.strings), "strings");
  must(mxn_symbol_infer_shape(fx.symbol, key, two, shape, 1, &fx.shapes, &fx.out_shapes[1], &fx.out_shapes[2],
                              &fx.out_int32[0]),
       "shapes");
  for (i = 0; i < 4; ++i) {
    fx.arrays[i] = fx.array;
    fx.symbols[i] = fx.variable_symbol;
    fx.variables[i] = fx.variable;
    fx.names[i] = "x";
    fx.codes[i] = 1;
    fx.args[i].tag = MXN_TAG_INT;
  }
  fx.wait.struct_size = sizeof fx.wait;
  fx.storage_info.struct_size = sizeof fx.storage_info;
  fx.custom_info.struct_size = sizeof fx.custom_info;
  fx.memory_info.struct_size = sizeof fx.memory_info;
  fx.ndarray_info.struct_size = sizeof fx.ndarray_info;
  must(mxn_symbol_to_json(fx.symbol, &fx.json), "json");
  fx.options.struct_size = sizeof fx.options;
  fx.options.symbol_json = fx.json;
  fx.options.input_names = key;
  fx.options.input_ndims = two;
  fx.options.input_shapes = shape;
  fx.options.num_inputs = 1;
  must(mxn_predictor_create(&fx.options, &fx.predictor), "predictor");
  fx.predictor_info.struct_size = sizeof fx.predictor_info;
  fx.tensor.struct_size = sizeof fx.tensor;
  reset();
}

static void tear_down(void) {
  int64_t left = 0;
  reset();
  mxn_wait_all(NULL);
  mxn_predictor_free(fx.predictor);
  mxn_text_free(fx.json);
  mxn_shapes_free(fx.shapes);
  mxn_strings_free(fx.strings);
  mxn_cancel_free(fx.cancel);
  mxn_variable_free(fx.variable);
  mxn_record_reader_free(fx.record_reader);
  mxn_record_writer_free(fx.record_writer);
  unlink(fx.record_path);
  mxn_data_iter_free(fx.data_iter);
  unlink(fx.csv_path);
  mxn_optimizer_free(fx.optimizer);
  mxn_kvstore_free(fx.store);
  mxn_cached_op_free(fx.cached_op);
  mxn_executor_free(fx.executor);
  mxn_symbol_free(fx.symbol);
  mxn_symbol_free(fx.variable_symbol);
  mxn_ndarray_free(fx.array);
  must(mxn_handle_count(&left), "handles");
  if (left != 0) ++failures, printf("%d handles are left\n", (int)left);
}
