/* Declares a small perceptron, trains it on four points that no line separates (exclusive or), and asks it: the whole way in plain C. */
#include <mixnet/c_api.h>
#include <mixnet/fields.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 4, STEPS = 400 };

static void check(int32_t code) {
  char message[512];
  if (code == MXN_OK) return;
  mxn_error_copy(message, sizeof message);
  fprintf(stderr, "%s\n", message);
  exit(1);
}

/* An operator on top of *net, with one parameter or none; *net becomes the result. */
static void on_top(mxn_symbol_t **net, const char *op_name, const char *name, int32_t field, const char *value) {
  const mxn_arg_t arg = {.field = field, .tag = MXN_TAG_TEXT, .text = value};
  const mxn_op_t *op = NULL;
  mxn_symbol_t *made = NULL;
  check(mxn_op_find(op_name, &op));
  check(mxn_symbol_create(op, &arg, value ? 1 : 0, NULL, NULL, 0, net, NULL, 1, name, &made));
  mxn_symbol_free(*net);
  *net = made;
}

static mxn_symbol_t *perceptron(void) {
  mxn_symbol_t *net = NULL;
  check(mxn_symbol_variable("data", &net));
  on_top(&net, "FullyConnected", "fc1", MXN_FIELD_FullyConnected_num_hidden, "8");
  on_top(&net, "Activation", "tanh1", MXN_FIELD_Activation_act_type, "tanh");
  on_top(&net, "FullyConnected", "fc2", MXN_FIELD_FullyConnected_num_hidden, "2");
  on_top(&net, "SoftmaxOutput", "softmax", 0, NULL);
  return net;
}

/* Uniform in [-1, 1), by the operator that draws into a given array. */
static void draw(mxn_ndarray_t *array) {
  mxn_ndarray_info_t info = {.struct_size = sizeof info};
  const mxn_op_t *op = NULL;
  int32_t count = 1;
  check(mxn_ndarray_info(array, &info));
  const mxn_arg_t args[] = {
      {.field = MXN_FIELD__random_uniform_low, .tag = MXN_TAG_FLOAT, .real = -1},
      {.field = MXN_FIELD__random_uniform_shape, .tag = MXN_TAG_INTS, .ints = info.shape, .count = info.ndim}};
  check(mxn_op_find("_random_uniform", &op));
  check(mxn_op_invoke(op, NULL, 0, args, 2, 0, MXN_DEVICE_CPU, 0, &array, 1, &count));
}

int main(void) {
  const float points[POINTS][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, classes[POINTS] = {0, 1, 1, 0};
  const char *inputs[] = {"data", "softmax_label"}, *keys[] = {"learning_rate"}, *values[] = {"0.5"};
  const int64_t shape[] = {POINTS, 2};
  const int32_t ndim = 2, without[] = {MXN_GRAD_NULL, MXN_GRAD_NULL};
  mxn_symbol_t *net = perceptron();
  mxn_executor_t *executor = NULL;
  mxn_optimizer_t *sgd = NULL;
  mxn_strings_t *names = NULL;
  mxn_ndarray_t **args = NULL, **grads = NULL, **outputs = NULL;
  int64_t count = 0, num_outputs = 0;
  float scores[POINTS][2];
  int right = 0;

  check(mxn_random_seed(1));
  check(mxn_executor_simple_bind(net, MXN_DEVICE_CPU, 0, inputs, &ndim, shape, 1, NULL, NULL, 0, inputs, without, 2,
                                 MXN_GRAD_WRITE, NULL, &executor));
  check(mxn_symbol_list(net, 0, &names));
  check(mxn_executor_arrays(executor, 0, &args, &count));
  check(mxn_executor_arrays(executor, 1, &grads, &count));
  check(mxn_executor_arrays(executor, 3, &outputs, &num_outputs));
  check(mxn_optimizer_create("sgd", keys, values, 1, &sgd));

  for (int64_t i = 0; i < count; ++i) {
    const char *name = mxn_strings_get(names, i);
    if (strcmp(name, "data") == 0) check(mxn_ndarray_copy_from_host(args[i], points, sizeof points));
    else if (strcmp(name, "softmax_label") == 0) check(mxn_ndarray_copy_from_host(args[i], classes, sizeof classes));
    else draw(args[i]);
  }
  for (int step = 0; step < STEPS; ++step) {
    check(mxn_executor_forward(executor, 1));
    check(mxn_executor_backward(executor, NULL, 0));
    for (int64_t i = 0; i < count; ++i) {
      const char *name = mxn_strings_get(names, i);
      if (grads[i]) check(mxn_optimizer_update(sgd, &name, &args[i], &grads[i], 1));
    }
  }
  check(mxn_executor_forward(executor, 0));
  check(mxn_ndarray_copy_to_host(outputs[0], scores, sizeof scores, NULL));
  for (int i = 0; i < POINTS; ++i) {
    printf("%g xor %g: %.3f\n", points[i][0], points[i][1], scores[i][1]);
    right += (scores[i][1] > 0.5f) == (classes[i] > 0.5f);
  }

  for (int64_t i = 0; i < count; ++i) {
    mxn_ndarray_free(args[i]);
    mxn_ndarray_free(grads[i]);
  }
  mxn_ndarray_free(outputs[0]);
  mxn_ndarray_list_free(args);
  mxn_ndarray_list_free(grads);
  mxn_ndarray_list_free(outputs);
  mxn_strings_free(names);
  mxn_optimizer_free(sgd);
  mxn_executor_free(executor);
  mxn_symbol_free(net);
  return right == POINTS ? 0 : 1;
}
