/* A plug-in with two operators for programs, swish and centred, and the backward operator of one. Needs C99 and the header alone:
 *
 *   cc -O2 -shared -fPIC -I include examples/plugin/operators.c -o operators.so -lm
 *
 * In Python: mx.library.load("operators.so"); y = mx.nd.swish(x, beta=1.5).
 */
#include <math.h>
#include <stdio.h>

#include "mixnet/plugin.h"

enum { FLOAT32 = 0, FLOAT64 = 1 };

static int64_t size_of(const mxn_plugin_tensor_t *t) {
  int64_t n = 1;
  for (int32_t i = 0; i < t->ndim; ++i) n *= t->shape[i];
  return n;
}

static double get(const mxn_plugin_tensor_t *t, int64_t i) {
  return t->dtype == FLOAT32 ? (double)((const float *)t->data)[i] : ((const double *)t->data)[i];
}

static void set(const mxn_plugin_tensor_t *t, int64_t i, double value) {
  if (t->dtype == FLOAT32) ((float *)t->data)[i] = (float)value;
  else ((double *)t->data)[i] = value;
}

/* One dtype for all, float32 or float64. */
static int32_t infer_type(mxn_plugin_call_t *call) {
  int32_t dtype = -1;
  for (int32_t i = 0; i < call->num_inputs; ++i)
    if (call->inputs[i].dtype >= 0) dtype = call->inputs[i].dtype;
  for (int32_t i = 0; i < call->num_outputs; ++i)
    if (dtype < 0) dtype = call->outputs[i].dtype;
  if (dtype < 0) return 0;
  if (dtype != FLOAT32 && dtype != FLOAT64) {
    snprintf(call->message, call->message_size, "data: expected float32 or float64");
    return -1;
  }
  for (int32_t i = 0; i < call->num_inputs; ++i) call->inputs[i].dtype = dtype;
  for (int32_t i = 0; i < call->num_outputs; ++i) call->outputs[i].dtype = dtype;
  return 0;
}

/* ---- swish: x / (1 + exp(-beta x)), with a backward operator of its own ---- */

static const mxn_plugin_param_t swish_params[] = {
    {sizeof(mxn_plugin_param_t), "beta", "Steepness.", MXN_PLUGIN_FLOAT, "1", NULL, 0, 1, 0, 100},
};

static int32_t swish_run(mxn_plugin_call_t *call) {
  const double beta = call->params[0].real;
  const int64_t n = size_of(&call->outputs[0]);
  for (int64_t i = 0; i < n; ++i) {
    const double x = get(&call->inputs[0], i);
    set(&call->outputs[0], i, x / (1 + exp(-beta * x)));
  }
  return 0;
}

static int32_t swish_backward_run(mxn_plugin_call_t *call) {
  const double beta = call->params[0].real;
  const int64_t n = size_of(&call->outputs[0]);
  for (int64_t i = 0; i < n; ++i) {
    const double x = get(&call->inputs[1], i), s = 1 / (1 + exp(-beta * x));
    set(&call->outputs[0], i, get(&call->inputs[0], i) * (s + beta * x * s * (1 - s)));
  }
  return 0;
}

static int32_t swish_gradient(mxn_plugin_gradient_t *g) {
  const int64_t inputs[] = {g->output_grads[0], g->inputs[0]};
  const char *const keys[] = {"beta"}, *const values[] = {NULL}; /* NULL: as the forward node has it */
  return g->make(g, "_backward_swish", inputs, 2, keys, values, 1, &g->input_grads[0], 1);
}

/* ---- centred: data minus a moving mean over the first axis, which training moves; its gradient is a registered operator ---- */

static const mxn_plugin_param_t centred_params[] = {
    {sizeof(mxn_plugin_param_t), "momentum", "Share of the old mean that is kept.", MXN_PLUGIN_FLOAT, "0.9", NULL, 0, 1,
     0, 1},
};

static int32_t centred_shape(mxn_plugin_call_t *call) {
  mxn_plugin_tensor_t *data = &call->inputs[0], *mean = &call->inputs[1];
  if (data->ndim < 0) return 0;
  if (data->ndim != 2) {
    snprintf(call->message, call->message_size, "data: expected 2 dimensions, got %d", (int)data->ndim);
    return -1;
  }
  mean->ndim = 1;
  mean->shape[0] = data->shape[1];
  call->outputs[0] = *data;
  return 0;
}

static int32_t centred_run(mxn_plugin_call_t *call) {
  const mxn_plugin_tensor_t *data = &call->inputs[0], *mean = &call->inputs[1];
  const int64_t rows = data->shape[0], columns = data->shape[1];
  const double momentum = call->params[0].real;
  for (int64_t c = 0; c < columns; ++c) {
    const double before = get(mean, c);
    double sum = 0;
    for (int64_t r = 0; r < rows; ++r) {
      sum += get(data, r * columns + c);
      set(&call->outputs[0], r * columns + c, get(data, r * columns + c) - before);
    }
    if (call->training && rows > 0) set(mean, c, momentum * before + (1 - momentum) * sum / (double)rows);
  }
  return 0;
}

static int32_t centred_gradient(mxn_plugin_gradient_t *g) {
  return g->make(g, "_copy", g->output_grads, 1, NULL, NULL, 0, &g->input_grads[0], 1);
}

static int32_t add(const mxn_plugin_host_t *host) {
  static const mxn_plugin_name_t one[] = {{"data", "Any shape, float32 or float64."}};
  static const mxn_plugin_name_t grad_and_one[] = {{"grad", ""}, {"data", ""}};
  static const mxn_plugin_name_t data_and_mean[] = {{"data", "(rows, columns)"},
                                                    {"mean", "(columns,): moves in training."}};
  static const int32_t second[] = {1};
  mxn_plugin_operator_t op = {sizeof op};

  op.name = "swish";
  op.doc = "x / (1 + exp(-beta x)), element by element.";
  op.inputs = one, op.num_inputs = 1;
  op.params = swish_params, op.num_params = 1;
  op.flags = MXN_PLUGIN_INPLACE;
  op.infer_type = infer_type;
  op.run = swish_run;
  op.gradient = swish_gradient;
  if (host->add_operator(host, &op)) return -1;

  op.name = "_backward_swish";
  op.inputs = grad_and_one, op.num_inputs = 2;
  op.flags = MXN_PLUGIN_HIDDEN | MXN_PLUGIN_INPLACE;
  op.run = swish_backward_run;
  op.gradient = NULL;
  op.no_gradient = "only the first derivative of swish is there";
  if (host->add_operator(host, &op)) return -1;

  op.name = "centred";
  op.doc = "data minus a moving mean of its columns.";
  op.inputs = data_and_mean, op.num_inputs = 2;
  op.params = centred_params, op.num_params = 1;
  op.mutates = second, op.num_mutates = 1;
  op.flags = 0;
  op.infer_shape = centred_shape;
  op.run = centred_run;
  op.gradient = centred_gradient;
  return host->add_operator(host, &op);
}

MXN_PLUGIN(add)
