/* Trains LeNet on Fashion-MNIST through the C ABI alone; prints the losses that examples/python/train_lenet.py prints, which says what is
 * drawn when. Options: --epochs 3, --limit N, --prefix PATH, --data FOLDER. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <mixnet/c_api.h>
#include <mixnet/fields.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 100, PIXELS = 28 * 28, CLASSES = 10, PARAMETERS = 8 };

typedef struct {
  mxn_ndarray_t *images, *labels; /* (N, 1, 28, 28) in [0, 1] and (N) */
  int64_t count;
} dataset;

typedef struct {
  mxn_symbol_t *symbol;
  mxn_executor_t *executor;
  mxn_ndarray_t *data, *label, *probability; /* of the executor */
  const char *names[PARAMETERS];             /* in the order of the symbol's arguments */
  mxn_ndarray_t *weights[PARAMETERS], *grads[PARAMETERS];
  mxn_strings_t *arguments; /* holds the names */
} model;

typedef struct {
  double loss;
  int64_t right, seen;
} score;

static void quit(const char *message) {
  fprintf(stderr, "%s\n", message);
  exit(1);
}

static void check(int32_t code) {
  char message[512];
  if (code == MXN_OK) return;
  mxn_error_copy(message, sizeof message);
  quit(message);
}

/* ---- operators ---- */

static mxn_arg_t text(int32_t field, const char *value) {
  return (mxn_arg_t){.field = field, .tag = MXN_TAG_TEXT, .text = value};
}

static mxn_arg_t number(int32_t field, double value) {
  return (mxn_arg_t){.field = field, .tag = MXN_TAG_FLOAT, .real = value};
}

/* Runs an operator; over *output where that is an array, else into a new one. */
static void call(const char *name, mxn_ndarray_t *const *inputs, int32_t num_inputs, const mxn_arg_t *args,
                 int32_t num_args, mxn_ndarray_t **output) {
  const mxn_op_t *op = NULL;
  int32_t count = *output ? 1 : 0;
  check(mxn_op_find(name, &op));
  check(mxn_op_invoke(op, inputs, num_inputs, args, num_args, 0, MXN_DEVICE_CPU, 0, output, 1, &count));
}

static mxn_ndarray_t *take(mxn_ndarray_t *array, mxn_ndarray_t *rows) {
  const mxn_arg_t mode = text(MXN_FIELD_take_mode, "wrap");
  mxn_ndarray_t *output = NULL;
  call("take", (mxn_ndarray_t *[]){array, rows}, 2, &mode, 1, &output);
  return output;
}

static mxn_ndarray_t *count_up(int64_t stop) {
  const mxn_arg_t args[] = {number(MXN_FIELD__arange_start, 0), number(MXN_FIELD__arange_stop, (double)stop),
                            text(MXN_FIELD__arange_dtype, "int32")};
  mxn_ndarray_t *output = NULL;
  call("_arange", NULL, 0, args, 3, &output);
  return output;
}

/* ---- data ---- */

/* `size` bytes of a file compressed by gzip, after its first `skip`. */
static void unpack(const char *folder, const char *part, const char *kind, size_t skip, unsigned char *bytes,
                   size_t size) {
  char command[1200], header[16];
  snprintf(command, sizeof command, "gzip -dc '%s/%s-%s-ubyte.gz' 2>/dev/null", folder, part, kind);
  FILE *pipe = popen(command, "r");
  const int whole = pipe && fread(header, 1, skip, pipe) == skip && fread(bytes, 1, size, pipe) == size;
  if (pipe) pclose(pipe);
  if (!whole) quit("[train_lenet] data: expected a folder of idx files with enough images");
}

static mxn_ndarray_t *array_of(const unsigned char *bytes, float scale, const int64_t *shape, int32_t ndim,
                               int64_t size) {
  mxn_ndarray_t *array = NULL;
  float *values = malloc((size_t)size * sizeof *values);
  if (!values) quit("[train_lenet] out of memory");
  for (int64_t i = 0; i < size; ++i) values[i] = (float)bytes[i] / scale;
  check(mxn_ndarray_create(shape, ndim, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &array));
  check(mxn_ndarray_copy_from_host(array, values, size * (int64_t)sizeof *values));
  free(values);
  return array;
}

static dataset load(const char *folder, const char *part, int64_t limit) {
  unsigned char size[4];
  unpack(folder, part, "labels-idx1", 4, size, 4);
  const int64_t all = size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
  const int64_t shape[] = {limit > 0 && limit < all ? limit : all, 1, 28, 28}, count = shape[0];
  unsigned char *bytes = malloc((size_t)count * PIXELS);
  dataset found = {NULL, NULL, count};
  if (!bytes) quit("[train_lenet] out of memory");
  unpack(folder, part, "labels-idx1", 8, bytes, (size_t)count);
  found.labels = array_of(bytes, 1, shape, 1, count);
  unpack(folder, part, "images-idx3", 16, bytes, (size_t)count * PIXELS);
  found.images = array_of(bytes, 255, shape, 4, count * PIXELS);
  free(bytes);
  return found;
}

static void forget(dataset data) {
  mxn_ndarray_free(data.images);
  mxn_ndarray_free(data.labels);
}

/* ---- the net ---- */

/* A node on top of *net, which it replaces. */
static void node(mxn_symbol_t **net, const char *name, const char *label, const mxn_arg_t *args, int32_t count) {
  const mxn_op_t *op = NULL;
  mxn_symbol_t *made = NULL;
  check(mxn_op_find(name, &op));
  check(mxn_symbol_create(op, args, count, NULL, NULL, 0, net, NULL, 1, label, &made));
  mxn_symbol_free(*net);
  *net = made;
}

static void convolution(mxn_symbol_t **net, const char *filters, const char *conv, const char *tanh, const char *pool) {
  const mxn_arg_t window[] = {text(MXN_FIELD_Convolution_kernel, "(5,5)"),
                              text(MXN_FIELD_Convolution_num_filter, filters)};
  const mxn_arg_t kind = text(MXN_FIELD_Activation_act_type, "tanh");
  const mxn_arg_t halves[] = {text(MXN_FIELD_Pooling_pool_type, "max"), text(MXN_FIELD_Pooling_kernel, "(2,2)"),
                              text(MXN_FIELD_Pooling_stride, "(2,2)")};
  node(net, "Convolution", conv, window, 2);
  node(net, "Activation", tanh, &kind, 1);
  node(net, "Pooling", pool, halves, 3);
}

static mxn_symbol_t *lenet(void) {
  const mxn_arg_t kind = text(MXN_FIELD_Activation_act_type, "tanh");
  const mxn_arg_t wide = text(MXN_FIELD_FullyConnected_num_hidden, "500");
  const mxn_arg_t classes = text(MXN_FIELD_FullyConnected_num_hidden, "10");
  mxn_symbol_t *net = NULL;
  check(mxn_symbol_variable("data", &net));
  convolution(&net, "20", "conv1", "tanh1", "pool1");
  convolution(&net, "50", "conv2", "tanh2", "pool2");
  node(&net, "Flatten", "flatten", NULL, 0);
  node(&net, "FullyConnected", "fc1", &wide, 1);
  node(&net, "Activation", "tanh3", &kind, 1);
  node(&net, "FullyConnected", "fc2", &classes, 1);
  node(&net, "SoftmaxOutput", "softmax", NULL, 0);
  return net;
}

/* Xavier for weights, 0 for biases. */
static void fill(const char *name, mxn_ndarray_t *array) {
  mxn_ndarray_info_t info = {.struct_size = sizeof info};
  const mxn_arg_t zero = number(MXN_FIELD__mul_scalar_scalar, 0);
  double window = 1;
  check(mxn_ndarray_info(array, &info));
  if (!strstr(name, "weight")) {
    call("_mul_scalar", &array, 1, &zero, 1, &array);
    return;
  }
  for (int32_t i = 2; i < info.ndim; ++i) window *= (double)info.shape[i];
  const double scale = sqrt(3 / ((double)(info.shape[0] + info.shape[1]) * window / 2));
  const mxn_arg_t args[] = {
      number(MXN_FIELD__random_uniform_low, -scale),
      number(MXN_FIELD__random_uniform_high, scale),
      {.field = MXN_FIELD__random_uniform_shape, .tag = MXN_TAG_INTS, .ints = info.shape, .count = info.ndim}};
  call("_random_uniform", NULL, 0, args, 3, &array);
}

static model bind(void) {
  model net = {.symbol = lenet()};
  const char *inputs[] = {"data", "softmax_label"};
  const int32_t ndim = 4, none[] = {MXN_GRAD_NULL, MXN_GRAD_NULL};
  const int64_t shape[] = {BATCH, 1, 28, 28};
  mxn_ndarray_t **args = NULL, **grads = NULL, **outputs = NULL;
  int64_t count = 0;
  int parameter = 0;
  check(mxn_executor_simple_bind(net.symbol, MXN_DEVICE_CPU, 0, inputs, &ndim, shape, 1, NULL, NULL, 0, inputs, none, 2,
                                 MXN_GRAD_WRITE, NULL, &net.executor));
  check(mxn_symbol_list(net.symbol, 0, &net.arguments));
  check(mxn_executor_arrays(net.executor, 0, &args, &count));
  check(mxn_executor_arrays(net.executor, 1, &grads, &count));
  for (int64_t i = 0; i < count; ++i) {
    const char *name = mxn_strings_get(net.arguments, i);
    if (strcmp(name, "data") == 0) net.data = args[i];
    else if (strstr(name, "label")) net.label = args[i];
    else {
      net.names[parameter] = name;
      net.weights[parameter] = args[i];
      net.grads[parameter++] = grads[i];
      fill(name, args[i]);
    }
  }
  check(mxn_executor_arrays(net.executor, 3, &outputs, &count));
  net.probability = outputs[0];
  mxn_ndarray_list_free(args);
  mxn_ndarray_list_free(grads);
  mxn_ndarray_list_free(outputs);
  return net;
}

static void release(model *net) {
  for (int i = 0; i < PARAMETERS; ++i) {
    mxn_ndarray_free(net->weights[i]);
    mxn_ndarray_free(net->grads[i]);
  }
  mxn_ndarray_free(net->data);
  mxn_ndarray_free(net->label);
  mxn_ndarray_free(net->probability);
  mxn_strings_free(net->arguments);
  mxn_executor_free(net->executor);
  mxn_symbol_free(net->symbol);
}

static void save(const model *net, const char *prefix, int epochs) {
  char path[1100], names[PARAMETERS][64];
  const char *pointers[PARAMETERS];
  char *json = NULL;
  for (int i = 0; i < PARAMETERS; ++i) {
    snprintf(names[i], sizeof names[i], "arg:%s", net->names[i]);
    pointers[i] = names[i];
  }
  snprintf(path, sizeof path, "%s-%04d.params", prefix, epochs);
  check(mxn_ndarray_save(path, net->weights, pointers, PARAMETERS));
  snprintf(path, sizeof path, "%s-symbol.json", prefix);
  check(mxn_symbol_to_json(net->symbol, &json));
  FILE *file = fopen(path, "w");
  if (!file || fputs(json, file) < 0 || fclose(file) != 0) quit("[train_lenet] prefix: expected a place to write to");
  mxn_text_free(json);
}

/* ---- training ---- */

/* Takes the outputs of the last forward in; `labels` are those of its batch. */
static void measure(const model *net, mxn_ndarray_t *labels, score *total) {
  float probability[BATCH * CLASSES], label[BATCH];
  check(mxn_ndarray_copy_to_host(net->probability, probability, sizeof probability, NULL));
  check(mxn_ndarray_copy_to_host(labels, label, sizeof label, NULL));
  for (int i = 0; i < BATCH; ++i) {
    const float *row = probability + i * CLASSES;
    int best = 0;
    for (int k = 1; k < CLASSES; ++k) best = row[k] > row[best] ? k : best;
    total->loss -= log((double)(row[(int)label[i]] + 1e-12f));
    total->right += best == (int)label[i];
    ++total->seen;
  }
}

static dataset batch_of(const dataset *data, mxn_ndarray_t *order, int64_t first) {
  mxn_ndarray_t *rows = NULL;
  check(mxn_ndarray_slice(order, first, first + BATCH, &rows));
  const dataset batch = {take(data->images, rows), take(data->labels, rows), BATCH};
  mxn_ndarray_free(rows);
  return batch;
}

/* One pass over the data: training with an optimizer, in a new order; prediction without. The next batch is prepared before the outputs of
 * the last one are waited for. */
static score pass(const model *net, const dataset *data, mxn_optimizer_t *optimizer) {
  const int64_t batches = (data->count + BATCH - 1) / BATCH;
  mxn_ndarray_t *rows = count_up(data->count), *places = count_up(batches * BATCH);
  score total = {0, 0, 0};
  if (optimizer) call("_shuffle", &rows, 1, NULL, 0, &rows);
  mxn_ndarray_t *order = take(rows, places); /* filled up to whole batches from the beginning */
  dataset batch = batch_of(data, order, 0), next = batch;
  for (int64_t i = 1; i <= batches; ++i) {
    check(mxn_ndarray_copy(batch.images, net->data));
    check(mxn_ndarray_copy(batch.labels, net->label));
    check(mxn_executor_forward(net->executor, optimizer != NULL));
    if (optimizer) {
      check(mxn_executor_backward(net->executor, NULL, 0));
      check(mxn_optimizer_update(optimizer, net->names, net->weights, net->grads, PARAMETERS));
    }
    if (i < batches) next = batch_of(data, order, i * BATCH);
    measure(net, batch.labels, &total);
    forget(batch);
    batch = next;
  }
  for (int i = 0; i < PARAMETERS; ++i) check(mxn_ndarray_wait_to_read(net->weights[i], NULL));
  mxn_ndarray_free(rows);
  mxn_ndarray_free(places);
  mxn_ndarray_free(order);
  return total;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* OpenMP reads its environment when it is loaded: threads that spin while idle would take the cores from the library's own. */
static void quiet_threads(char **argv) {
  if (getenv("OMP_WAIT_POLICY")) return;
  setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  setenv("GOMP_SPINCOUNT", "5000", 0);
  execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
  const char *keys[] = {"learning_rate", "momentum", "wd", "rescale_grad"},
             *values[] = {"0.05", "0.9", "0.0001", "0.01"};
  const char *folder = "/usr/share/datasets/fashion-mnist", *prefix = NULL;
  mxn_optimizer_t *optimizer = NULL;
  int epochs = 3, i;
  int64_t limit = 0;
  quiet_threads(argv);
  for (i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--epochs") == 0) epochs = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--limit") == 0) limit = atol(argv[i + 1]);
    else if (strcmp(argv[i], "--prefix") == 0) prefix = argv[i + 1];
    else if (strcmp(argv[i], "--data") == 0) folder = argv[i + 1];
    else quit("train_lenet [--epochs 3] [--limit N] [--prefix PATH] [--data FOLDER]");
  }
  const dataset train = load(folder, "train", limit), held_out = load(folder, "t10k", 0);
  check(mxn_random_seed(42));
  model net = bind();
  check(mxn_optimizer_create("sgd", keys, values, 4, &optimizer));
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const double started = now();
    const score total = pass(&net, &train, optimizer);
    const double seen = (double)total.seen;
    printf("epoch=%d loss=%.6f accuracy=%.6f seconds=%.2f\n", epoch, total.loss / seen, (double)total.right / seen,
           now() - started);
    fflush(stdout);
  }
  const score total = pass(&net, &held_out, NULL);
  printf("test accuracy=%.6f\n", (double)total.right / (double)total.seen);
  if (prefix) save(&net, prefix, epochs);
  mxn_optimizer_free(optimizer);
  release(&net);
  forget(train);
  forget(held_out);
  return 0;
}
