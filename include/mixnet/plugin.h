/* The plug-in ABI: a shared library that adds operators to mixnet. It includes this header alone and links with nothing of mixnet's.
 *
 *   static int32_t add(const mxn_plugin_host_t *host) { return host->add_operator(host, &my_operator); }
 *   MXN_PLUGIN(add)
 *
 * mxn_library_load (mx.library.load in Python) loads it. Operators are described by structs that begin with struct_size = sizeof(the
 * struct) and are copied while `add` runs; members grow at the end only and zero members mean the default. All operators of a library
 * are added, or none: a struct that says something impossible is refused by one message. A library that was loaded stays.
 *
 * Functions of an operator are called from any thread, several at a time, and keep no state between calls. They return 0, or anything
 * else after writing a sentence to `message`.
 */
#ifndef MIXNET_PLUGIN_H_
#define MIXNET_PLUGIN_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MXN_PLUGIN_ABI 1

/* Kinds of parameters. */
enum {
  MXN_PLUGIN_INT = 1,
  MXN_PLUGIN_FLOAT = 2,
  MXN_PLUGIN_BOOL = 3,
  MXN_PLUGIN_TEXT = 4,
  MXN_PLUGIN_INTS = 5,
  MXN_PLUGIN_FLOATS = 6,
  MXN_PLUGIN_CHOICE = 7
};

/* What holds for an operator. */
enum {
  MXN_PLUGIN_HIDDEN = 1, /* only for gradients: not offered to programs */
  MXN_PLUGIN_INPLACE = 2 /* output 0 may be in the memory of input 0 */
};

/* A tensor: row-major, without gaps. Element types are those of c_predict.h: 0 float32, 1 float64, ... When shapes are inferred, ndim and
   extents of -1 are unknown; when types are, a dtype of -1 is. */
typedef struct {
  void *data; /* only in run */
  int32_t dtype;
  int32_t ndim;
  int64_t shape[16];
} mxn_plugin_tensor_t;

/* The value of a parameter, by its kind. */
typedef struct {
  int32_t none;        /* 1: an optional parameter that was not given */
  int64_t integer;     /* INT, BOOL; CHOICE: the choice's position */
  double real;         /* FLOAT, INT */
  const char *text;    /* TEXT, CHOICE */
  const int64_t *ints; /* INTS */
  const double *reals; /* FLOATS */
  int64_t count;       /* of ints or reals */
} mxn_plugin_value_t;

typedef struct {
  size_t struct_size;
  const char *name;
  const char *doc;
  int32_t kind;
  const char *value; /* the default as text, such as "0.5", "(1, 1)" or "None"; NULL: the parameter is required */
  const char *const *choices; /* CHOICE: the words it takes */
  int32_t num_choices;
  int32_t has_range; /* INT, FLOAT, and items of INTS, FLOATS lie in [minimum, maximum] */
  double minimum, maximum;
} mxn_plugin_param_t;

typedef struct {
  const char *name;
  const char *doc;
} mxn_plugin_name_t;

/* One call of an operator's function. */
typedef struct {
  size_t struct_size;
  const mxn_plugin_value_t *params; /* in the order of the operator's */
  mxn_plugin_tensor_t *inputs, *outputs;
  int32_t num_inputs, num_outputs;
  int32_t training;
  char *message; /* for a function that fails; cut at message_size - 1 */
  size_t message_size;
} mxn_plugin_call_t;

/* What a gradient is made of. Entries (inputs, outputs and gradients of the forward node, outputs of nodes made here) are numbers. */
typedef struct mxn_plugin_gradient {
  size_t struct_size;
  const mxn_plugin_value_t *params;
  const int64_t *inputs, *outputs, *output_grads;
  const int32_t *wanted; /* by input: whether anybody wants its gradient */
  int64_t *input_grads;  /* to be set; at first -1, which means zero */
  int32_t num_inputs, num_outputs;
  /* A node of a registered operator, of this library or of mixnet, with parameters as texts; out_entries gets its outputs, capacity at
     most. NULL in values: the parameter is copied from the forward node's of the same name. */
  int32_t (*make)(struct mxn_plugin_gradient *gradient, const char *op, const int64_t *inputs, int32_t num_inputs,
                  const char *const *keys, const char *const *values, int32_t num_params, int64_t *out_entries,
                  int32_t capacity);
  char *message;
  size_t message_size;
} mxn_plugin_gradient_t;

typedef struct {
  size_t struct_size;
  const char *name;
  const char *doc;
  const mxn_plugin_name_t *inputs;
  int32_t num_inputs;
  const mxn_plugin_name_t *outputs; /* NULL: one, called output */
  int32_t num_outputs;
  const mxn_plugin_param_t *params;
  int32_t num_params;
  const int32_t *mutates; /* inputs that run changes in place: they are auxiliary states */
  int32_t num_mutates;
  int32_t flags;
  /* Fill in what follows from what is known, in any direction; may be called several times. NULL: all have one shape; one dtype. */
  int32_t (*infer_shape)(mxn_plugin_call_t *call);
  int32_t (*infer_type)(mxn_plugin_call_t *call);
  /* Writes all outputs, whole. */
  int32_t (*run)(mxn_plugin_call_t *call);
  /* Names the gradients of the inputs. NULL: there is none, because of no_gradient. */
  int32_t (*gradient)(mxn_plugin_gradient_t *gradient);
  const char *no_gradient;
} mxn_plugin_operator_t;

typedef struct mxn_plugin_host {
  size_t struct_size;
  /* Copies the description. What it finds wrong is the message of the load, which fails. */
  int32_t (*add_operator)(const struct mxn_plugin_host *host, const mxn_plugin_operator_t *op);
  void *state; /* the host's own */
} mxn_plugin_host_t;

#if defined(_WIN32)
#define MXN_PLUGIN_EXPORT __declspec(dllexport)
#else
#define MXN_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/* Defines what the loader looks for. */
#define MXN_PLUGIN(add)                                                    \
  MXN_PLUGIN_EXPORT int32_t mxn_plugin_abi(void);                          \
  MXN_PLUGIN_EXPORT int32_t mxn_plugin_add(const mxn_plugin_host_t *host); \
  int32_t mxn_plugin_abi(void) { return MXN_PLUGIN_ABI; }                  \
  int32_t mxn_plugin_add(const mxn_plugin_host_t *host) { return add(host); }

#ifdef __cplusplus
}
#endif
#endif /* MIXNET_PLUGIN_H_ */
