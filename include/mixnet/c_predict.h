/* The predictor's part of the C ABI: enough to run a trained model, and all that the one-file predictor has.
 *
 * Every function returns 0 or one of the negative MXN_ERROR codes, but for the _free functions and those that say otherwise. A model is
 * the text of NAME-symbol.json and the bytes of NAME-0000.params. A predictor holds its inputs, outputs and memory; clones
 * share the parameters, so that every thread has a predictor of its own on one model.
 *
 * A packed model is both in one file, NAME.mixnet (numbers little-endian): "MXNMODEL", uint32 version 1, uint32 CRC-32 of all that
 * follows it, uint64 bytes of JSON, uint64 bytes of parameters, the JSON, zeros up to a multiple of 64, the parameters.
 */
#ifndef MIXNET_C_PREDICT_H_
#define MIXNET_C_PREDICT_H_

#include <stddef.h>
#include <stdint.h>

#if defined(MIXNET_BUILDING)
#define MXN_API __attribute__((visibility("default")))
#else
#define MXN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
  MXN_OK = 0,
  MXN_ERROR_INVALID = -1,
  MXN_ERROR_SHAPE = -2,
  MXN_ERROR_TYPE = -3,
  MXN_ERROR_MEMORY = -4,
  MXN_ERROR_DEVICE = -5,
  MXN_ERROR_IO = -6,
  MXN_ERROR_NET = -7,
  MXN_ERROR_UNSUPPORTED = -8,
  MXN_ERROR_USER = -9,
  MXN_ERROR_INTERNAL = -10
};

enum {
  MXN_FLOAT32 = 0,
  MXN_FLOAT64 = 1,
  MXN_FLOAT16 = 2,
  MXN_UINT8 = 3,
  MXN_INT32 = 4,
  MXN_INT8 = 5,
  MXN_INT64 = 6,
  MXN_BOOL = 7,
  MXN_BFLOAT16 = 12
};

typedef struct mxn_predictor mxn_predictor_t;

/* What a predictor is made of. */
typedef struct {
  size_t struct_size;
  const char *symbol_json; /* any generation of MXNet's symbol.json */
  const void *params;      /* a .params file; names with or without arg: and aux: */
  int64_t params_bytes;
  const char *const *input_names; /* num_inputs of each of these */
  const int32_t *input_ndims;
  const int64_t *input_shapes; /* the extents of all inputs, one after another */
  const int32_t *input_dtypes; /* or NULL: float32 */
  int32_t num_inputs;
  int32_t num_outputs;             /* 0: the outputs of the symbol */
  const char *const *output_names; /* "fc1" or "fc1_output": what lies behind them is not computed */
  const void *packed; /* the bytes of a packed model, instead of symbol_json and params, which are then NULL */
  int64_t packed_bytes;
  int32_t
      borrow; /* 1: the bytes of params or packed stay as they are until the last clone is freed, and are not copied */
  int32_t reserved;
} mxn_predictor_options_t;

/* One input or output. `data` is valid until the predictor is reshaped or freed. */
typedef struct {
  size_t struct_size;
  const char *name;
  void *data;
  int64_t bytes;
  int32_t dtype;
  int32_t ndim;
  int64_t shape[16];
} mxn_tensor_t;

typedef struct {
  size_t struct_size;
  int32_t num_inputs, num_outputs;
  int32_t num_steps; /* kernels of one forward */
  int32_t reserved;
  int64_t parameter_bytes, arena_bytes, naive_bytes, lower_bound_bytes;
  int64_t kept_bytes; /* converted and folded weights, beside the arena */
} mxn_predictor_info_t;

/** Version of this ABI: major * 10000 + minor * 100 + patch. Never changes its form. Returns the number itself. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_abi_version(void);
/** Version of the library, "0.1.0". @own library @threads any @blocks no @since 0.1 */
MXN_API const char *mxn_version(void);
/** Code of this thread's last failing call. Returns the code. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_error_code(void);
/** Copies the message of this thread's last failing call, cut to size - 1 bytes and ended by NUL. Returns the full length. @own none @threads any @blocks no @since 0.1 */
MXN_API int64_t mxn_error_copy(char *buffer, int64_t size);
/** Sets an option of the process: "onednn" (0 or 1), "cpu_threads". @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_option_set(const char *name, int64_t value);

/** Makes a predictor; nothing of the options is kept unless borrowed. Fails when a parameter is missing or does not fit, naming it. An argument called
    ..._label that has no parameter is left at zero. @own caller: mxn_predictor_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_create(const mxn_predictor_options_t *options, mxn_predictor_t **out_predictor);
/** Another predictor on the same parameters, with inputs, outputs and memory of its own. @own caller: mxn_predictor_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_clone(const mxn_predictor_t *predictor, mxn_predictor_t **out_predictor);
/** Other shapes for some of the inputs; all inputs are zero afterwards. On failure the predictor is as before. @own none @threads one at a time per predictor @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_reshape(mxn_predictor_t *predictor, const char *const *names, const int32_t *ndims,
                                      const int64_t *shapes, int32_t count);
/** Counts and bytes; out_info->struct_size is set by the caller. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_info(const mxn_predictor_t *predictor, mxn_predictor_info_t *out_info);
/** An input, to be filled through its data; out_tensor->struct_size is set by the caller. @own predictor @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_input(const mxn_predictor_t *predictor, int32_t index, mxn_tensor_t *out_tensor);
/** An output, to be read through its data; out_tensor->struct_size is set by the caller. @own predictor @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_output(const mxn_predictor_t *predictor, int32_t index, mxn_tensor_t *out_tensor);
/** Copies bytes into an input; as many as it has. @own none @threads one at a time per predictor @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_set_input(mxn_predictor_t *predictor, const char *name, const void *data, int64_t bytes);
/** Copies an output; as many bytes as it has. @own none @threads one at a time per predictor @blocks no @since 0.1 */
MXN_API int32_t mxn_predictor_get_output(const mxn_predictor_t *predictor, int32_t index, void *data, int64_t bytes);
/** Computes the outputs. @own none @threads one at a time per predictor @blocks yes @since 0.1 */
MXN_API int32_t mxn_predictor_forward(mxn_predictor_t *predictor);
/** Runs the next `steps` kernels, from the first again after the last; tells how many are left. Intermediate work can be shown meanwhile. @own none @threads one at a time per predictor @blocks yes @since 0.1 */
MXN_API int32_t mxn_predictor_forward_steps(mxn_predictor_t *predictor, int32_t steps, int32_t *out_left);
/** Frees a predictor; the parameters go with the last clone. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_predictor_free(mxn_predictor_t *predictor);

#ifdef __cplusplus
}
#endif
#endif
