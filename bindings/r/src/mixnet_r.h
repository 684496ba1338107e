/* What the C files of the R package share: values in both directions, handles, errors, waits and callbacks.
 *
 * All of it runs on R's thread only. R's errors jump, so nothing of the library may be held when a function below that can fail
 * is called; memory comes from R_alloc, and handles stand in external pointers with finalizers before the library fills them.
 */
#ifndef MIXNET_R_H
#define MIXNET_R_H

#include <string.h>

#include <mixnet/c_api.h>

#define R_NO_REMAP
#include <R.h>
#include <R_ext/Rdynload.h>
#include <Rinternals.h>

#include "gen_handles.h"

/* Values that come from R; a wrong type is an R error that names the argument. NULL gives NULL. */
int64_t mixnet_int(SEXP value, const char *name);
double mixnet_real(SEXP value, const char *name);
const char *mixnet_text(SEXP value);
const char *const *mixnet_texts(SEXP values);
const int32_t *mixnet_ints32(SEXP values);
const int64_t *mixnet_ints64(SEXP values);
const double *mixnet_reals(SEXP values);
const void *mixnet_bytes(SEXP raw);
/* The length of lists that belong together; each is NULL or as long as the others. */
int64_t mixnet_count(int lists, ...);
/* Checks that extents are as many as ndims add up to. */
void mixnet_same_sum(SEXP ndims, SEXP extents);

/* Values that go to R. The take_ functions free what the library gave. */
SEXP mixnet_string(const char *text);
SEXP mixnet_list(int count, const char **names);
SEXP mixnet_extents(int32_t ndim, const int64_t *shape);
SEXP mixnet_take_text(char *text);
SEXP mixnet_take_strings(mxn_strings_t *strings);
SEXP mixnet_take_shapes(mxn_shapes_t *shapes);
SEXP mixnet_take_arrays(mxn_ndarray_t **arrays, int64_t count);

/* Handles: external pointers of an S3 class. */
SEXP mixnet_make(const char *kind, R_CFinalizer_t finalizer);
SEXP mixnet_filled(SEXP handle, void *address);
SEXP mixnet_new_array(mxn_ndarray_t *array);
void *mixnet_handle(SEXP handle, const char *kind);
void **mixnet_handles(SEXP list, const char *kind);

/* Errors: a failing code becomes a condition of class MXNetError with the library's message. */
void mixnet_check(int32_t code);

/* Waits in slices, so that interrupts are heard. wait: NULL, seconds, or a cancel handle. */
typedef struct {
  mxn_wait_t slice;
  double deadline; /* 0: none */
} mixnet_wait_t;
void mixnet_wait_begin(mixnet_wait_t *patience, SEXP wait);
int mixnet_wait_again(mixnet_wait_t *patience, int32_t code);

/* Callbacks: an R function kept until the library releases it. owner: the handle that it belongs to, or NULL. */
void mixnet_begin(void);
void mixnet_quiet_openmp(void);
void *mixnet_keep(SEXP owner, SEXP function);
void mixnet_release(void *user);
int32_t mixnet_task(void *user);
int32_t mixnet_updater(void *user, const char *key, mxn_ndarray_t *received, mxn_ndarray_t *stored);
int32_t mixnet_custom(void *user, mxn_custom_call_t *question);
int32_t mixnet_monitor(void *user, const char *name, mxn_ndarray_t *value);
int32_t mixnet_pullback(void *user, mxn_ndarray_t *const *output_grads, int64_t num_outputs,
                        mxn_ndarray_t **input_grads, int64_t num_inputs);

/* Numbers as the library's bytes, and back. encode may return R's own memory. */
int64_t mixnet_dtype_size(int32_t dtype);
const void *mixnet_encode(SEXP values, int32_t dtype);
SEXP mixnet_decode(const void *bytes, int32_t dtype, int64_t count);
/* R's dim: the shape reversed. */
SEXP mixnet_reversed(int32_t ndim, const int64_t *shape);

/* Entries of .Call that people wrote. */
SEXP mixnet_invoke(SEXP name, SEXP inputs, SEXP params, SEXP out, SEXP ctx);
SEXP mixnet_symbol(SEXP op, SEXP inputs, SEXP input_names, SEXP params, SEXP name, SEXP attributes);
SEXP mixnet_default_device(SEXP kind, SEXP index);
SEXP mixnet_array_fill(SEXP array, SEXP values);
SEXP mixnet_array_values(SEXP array);
SEXP mixnet_dim(SEXP array);
SEXP mixnet_predictor(SEXP json, SEXP params, SEXP names, SEXP shapes, SEXP dtypes, SEXP outputs);
SEXP mixnet_predictor_fill(SEXP predictor, SEXP name, SEXP values);
SEXP mixnet_predictor_values(SEXP predictor, SEXP index);
SEXP mixnet_cached_op(SEXP op, SEXP inputs);
SEXP mixnet_autograd_function(SEXP inputs, SEXP outputs, SEXP pullback);
SEXP mixnet_record_next(SEXP reader);
SEXP mixnet_data_batch(SEXP iter);

#endif
