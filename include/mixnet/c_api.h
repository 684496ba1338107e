/* The C ABI of mixnet: everything a binding may include.
 *
 * Every function returns 0 or one of the negative MXN_ERROR codes, but for the _free functions and those that say
 * otherwise. The message of the last error of a thread stays until that thread's next call. Out parameters come last and are NULL or 0 after a
 * failure. Handles are made by _create, _load and the like and given back by _free, which takes NULL. Handles may be used
 * from any thread; one handle must not be freed while another thread uses it. Structs begin with struct_size = sizeof(the
 * struct), set by the caller, and grow at their end only; zero members of options mean the default.
 *
 * Every comment ends with four tags: @own (who frees what is returned), @threads, @blocks and @since.
 */
#ifndef MIXNET_C_API_H_
#define MIXNET_C_API_H_

#include "c_predict.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MXN_DEVICE_CPU = 1, MXN_DEVICE_GPU = 2, MXN_DEVICE_PINNED = 3 };

enum { MXN_GRAD_NULL = 0, MXN_GRAD_WRITE = 1, MXN_GRAD_ADD = 3 };

enum {
  MXN_TAG_NONE = 0,
  MXN_TAG_INT = 1,
  MXN_TAG_FLOAT = 2,
  MXN_TAG_BOOL = 3,
  MXN_TAG_TEXT = 4,
  MXN_TAG_INTS = 5,
  MXN_TAG_FLOATS = 6
};

enum { MXN_AUTOGRAD_RECORDING = 1, MXN_AUTOGRAD_TRAINING = 2, MXN_AUTOGRAD_TRACING = 4 };

/* What a custom operator is asked for, and its arrays. */
enum {
  MXN_CUSTOM_DECLARE = 0,
  MXN_CUSTOM_SHAPES = 1,
  MXN_CUSTOM_TYPES = 2,
  MXN_CUSTOM_CREATE = 3,
  MXN_CUSTOM_FORWARD = 4,
  MXN_CUSTOM_BACKWARD = 5,
  MXN_CUSTOM_RELEASE = 6
};

enum {
  MXN_CUSTOM_INPUTS = 0,
  MXN_CUSTOM_OUTPUTS = 1,
  MXN_CUSTOM_STATES = 2,
  MXN_CUSTOM_OUTPUT_GRADS = 3,
  MXN_CUSTOM_INPUT_GRADS = 4
};

enum { MXN_SOURCE_OPEN = -1, MXN_SOURCE_CLOSE = -2 };

enum { MXN_PROFILER_STOP = 0, MXN_PROFILER_RUN = 1, MXN_PROFILER_RESUME = 2 };

enum { MXN_PROFILER_SPAN = 0, MXN_PROFILER_INSTANT = 1, MXN_PROFILER_COUNTER = 2 };

enum {
  MXN_PROFILE_ENGINE = 1,
  MXN_PROFILE_SYMBOLIC = 2,
  MXN_PROFILE_IMPERATIVE = 4,
  MXN_PROFILE_MEMORY = 8,
  MXN_PROFILE_API = 16,
  MXN_PROFILE_USER = 32
};

typedef struct mxn_op mxn_op_t; /* an operator; lives as long as the library */
typedef struct mxn_ndarray mxn_ndarray_t;
typedef struct mxn_symbol mxn_symbol_t;
typedef struct mxn_executor mxn_executor_t;
typedef struct mxn_kvstore mxn_kvstore_t;
typedef struct mxn_optimizer mxn_optimizer_t;
typedef struct mxn_cached_op mxn_cached_op_t; /* a symbol to be called on arrays */
typedef struct mxn_record_reader mxn_record_reader_t;
typedef struct mxn_record_writer mxn_record_writer_t;
typedef struct mxn_data_iter mxn_data_iter_t;     /* gives batches, epoch after epoch */
typedef struct mxn_rtc mxn_rtc_t;                 /* kernels from source, compiled */
typedef struct mxn_custom_call mxn_custom_call_t; /* what a custom operator is asked; valid during the call */
typedef struct mxn_variable mxn_variable_t;       /* something the engine orders work by */
typedef struct mxn_cancel mxn_cancel_t;           /* ends a wait early */
typedef struct mxn_strings mxn_strings_t;         /* a list of texts */
typedef struct mxn_shapes mxn_shapes_t;           /* a list of shapes */

/* One parameter of an operator call. `field` is the parameter's position in the schema. */
typedef struct {
  int32_t field;
  int32_t tag;
  int64_t integer;     /* INT, BOOL */
  double real;         /* FLOAT */
  const char *text;    /* TEXT: also accepted for every other kind, in the form of MXNet's files */
  const int64_t *ints; /* INTS */
  const double *reals; /* FLOATS */
  int64_t count;       /* of ints or reals */
} mxn_arg_t;

/* Extents and element type of an array. */
typedef struct {
  size_t struct_size;
  int32_t ndim;
  int32_t dtype;
  int32_t device_kind;
  int32_t device_index;
  int64_t bytes;
  int64_t shape[16];
} mxn_ndarray_info_t;

/* How long a blocking call may take. */
typedef struct {
  size_t struct_size;
  double timeout_s;           /* 0 means for ever */
  const mxn_cancel_t *cancel; /* or NULL */
} mxn_wait_t;

typedef struct {
  size_t struct_size;
  int64_t in_use, cached, peak, limit; /* bytes; limit 0: none */
  int64_t allocations, hits, device_calls;
} mxn_storage_info_t;

typedef struct {
  size_t struct_size;
  int64_t planned, naive, lower_bound, external; /* bytes */
  int64_t kept;                                  /* converted and folded weights and constants, beside planned */
} mxn_memory_info_t;

/* A question to a custom operator. prop: the node's description, which DECLARE makes; op: what runs, which CREATE makes. Both are numbers
   that the library gives and RELEASE ends: prop or op, the other one is 0. */
typedef struct {
  size_t struct_size;
  int32_t what;     /* MXN_CUSTOM_DECLARE, ... */
  int32_t training; /* FORWARD, BACKWARD */
  int32_t device_kind;
  int32_t device_index;
  int64_t prop;
  int64_t op; /* CREATE, FORWARD, BACKWARD, RELEASE */
} mxn_custom_info_t;

/* Callbacks are (function, user data, destroy). destroy runs exactly once, also when the call that registers fails. A callback returns
   0, or a negative code after mxn_error_set. */
typedef void (*mxn_destroy_fn)(void *user);
typedef int32_t (*mxn_task_fn)(void *user);
typedef int32_t (*mxn_updater_fn)(void *user, const char *key, mxn_ndarray_t *received, mxn_ndarray_t *stored);
typedef int32_t (*mxn_monitor_fn)(void *user, const char *name, mxn_ndarray_t *value);
typedef int32_t (*mxn_backward_fn)(void *user, mxn_ndarray_t *const *output_grads, int64_t num_outputs,
                                   mxn_ndarray_t **input_grads, int64_t num_inputs);

typedef int32_t (*mxn_custom_fn)(void *user, mxn_custom_call_t *call);
/* Asks about a file of the program's, which goes by a number of its own from its opening on: offset MXN_SOURCE_OPEN, what its size is; MXN_SOURCE_CLOSE, nothing
   more; else for its bytes from offset on, and how many there were, fewer than asked for only at its end. */
typedef int32_t (*mxn_source_fn)(void *user, const char *uri, int64_t file, int64_t offset, void *buffer, int64_t bytes,
                                 int64_t *out_count);

/* ---- library ---- */

/** What this build has, as JSON: {"onednn": true, "cuda": false, ...}. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_features(char **out_json);
/** Sets code and message, for a callback that is about to fail. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_error_set(int32_t code, const char *message);
/** Frees a text that a function gave to the caller. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_text_free(char *text);
/** Handles of all kinds that were made and not freed yet: for tests of leaks. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_handle_count(int64_t *out_count);
/** Seeds all random operators and restarts their count. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_random_seed(int64_t seed);
/** Number of devices of a kind. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_device_count(int32_t kind, int32_t *out_count);
/** Free and total memory of a device in bytes. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_device_memory(int32_t kind, int32_t index, int64_t *out_free, int64_t *out_total);
/** State of a device's memory pool; out_info->struct_size is set by the caller. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_storage_info(int32_t kind, int32_t index, mxn_storage_info_t *out_info);
/** Gives cached blocks back to the device. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_storage_empty_cache(int32_t kind, int32_t index);
/** Caps a pool at so many bytes; 0 lifts the cap. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_storage_set_limit(int32_t kind, int32_t index, int64_t bytes);
/** Waits for all work; fails with the first error since the last call. wait may be NULL. @own none @threads any, not inside a task @blocks yes @since 0.1 */
MXN_API int32_t mxn_wait_all(const mxn_wait_t *wait);
/** Ends the engine: running work finishes, the rest fails. Safe at any time and twice. A process that ends without it does the same, within five seconds. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_shutdown(void);

/* ---- lists ---- */

/** Number of texts. Returns the count, 0 for NULL. @own none @threads any @blocks no @since 0.1 */
MXN_API int64_t mxn_strings_count(const mxn_strings_t *strings);
/** Text i; NULL when out of range. @own list @threads any @blocks no @since 0.1 */
MXN_API const char *mxn_strings_get(const mxn_strings_t *strings, int64_t i);
/** Frees a list of texts. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_strings_free(mxn_strings_t *strings);
/** Number of shapes. Returns the count, 0 for NULL. @own none @threads any @blocks no @since 0.1 */
MXN_API int64_t mxn_shapes_count(const mxn_shapes_t *shapes);
/** Shape i: its ndim (-1 unknown; extents of -1 are unknown) and extents. @own list @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_shapes_get(const mxn_shapes_t *shapes, int64_t i, int32_t *out_ndim, const int64_t **out_dims);
/** Frees a list of shapes. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_shapes_free(mxn_shapes_t *shapes);

/* ---- waiting and the engine ---- */

/** A token that ends waits early. @own caller: mxn_cancel_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_cancel_create(mxn_cancel_t **out_cancel);
/** Ends all waits that were given this token; may be called in a signal handler. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_cancel_trigger(mxn_cancel_t *cancel);
/** Frees a token that no wait uses. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_cancel_free(mxn_cancel_t *cancel);
/** A variable for mxn_engine_push: a seed, a file, anything that is read and written in an order. @own caller: mxn_variable_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_variable_create(mxn_variable_t **out_variable);
/** Waits until what was pushed before has written the variable; fails with the error that stands on it. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_variable_wait(mxn_variable_t *variable, const mxn_wait_t *wait);
/** Gives a variable back; work under way keeps it. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_variable_free(mxn_variable_t *variable);
/** Runs fn(user) on a thread of the engine's own when all that it reads and writes is free; arrays and variables both count. fn may wait on others. @own library takes user @threads any @blocks while too much is in flight @since 0.1 */
MXN_API int32_t mxn_engine_push(mxn_task_fn fn, void *user, mxn_destroy_fn destroy, mxn_variable_t *const *reads,
                                int64_t num_reads, mxn_variable_t *const *writes, int64_t num_writes,
                                mxn_ndarray_t *const *array_reads, int64_t num_array_reads,
                                mxn_ndarray_t *const *array_writes, int64_t num_array_writes, int32_t priority);

/* ---- callbacks of hosts that foreign threads may not enter ---- */

/** From now on callbacks that this thread registers, and their destroys, run on this thread: in mxn_queue_poll and in whatever of this thread waits. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_queue_open(void);
/** Runs what is queued for this thread and counts it; when that is nothing, waits for the first as long as wait says, NULL: not at all. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_queue_poll(const mxn_wait_t *wait, int64_t *out_ran);
/** Runs what is queued. From now on callbacks run where they come to; those registered before fail until the queue is opened again. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_queue_close(void);

/* ---- operators ---- */

/** The schema of all operators as JSON. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_op_schemas(char **out_json);
/** An operator by name or alias. @own library @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_op_find(const char *name, const mxn_op_t **out_op);
/** Runs an operator. On entry *num_outputs is 0 (fresh arrays are made) or the number of visible outputs in `outputs`, which are then written. On return outputs holds *num_outputs handles; capacity is its length. training: 1 for training mode, 0 for prediction, -1 for the thread's (mxn_autograd_set). device: for operators without inputs. @own caller owns fresh arrays @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_op_invoke(const mxn_op_t *op, mxn_ndarray_t *const *inputs, int32_t num_inputs,
                              const mxn_arg_t *args, int32_t num_args, int32_t training, int32_t device_kind,
                              int32_t device_index, mxn_ndarray_t **outputs, int32_t capacity, int32_t *num_outputs);

/** Loads a shared library that adds operators (mixnet/plugin.h), for all bindings and threads; out_names: theirs, hidden ones left out. A library that was loaded before adds nothing. On failure nothing changes. @own caller: mxn_strings_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_library_load(const char *path, mxn_strings_t **out_names);

/* ---- kernels from source ---- */

/** Compiles kernels for GPUs from source in CUDA C, by NVRTC. options are its own; exports: kernels that are not extern "C", such as instances of templates. Fails with the compiler's first error. @own caller: mxn_rtc_free @threads any @blocks until compiled @since 0.1 */
MXN_API int32_t mxn_rtc_create(const char *source, const char *const *options, int32_t num_options,
                               const char *const *exports, int32_t num_exports, mxn_rtc_t **out_rtc);
/** A kernel of the source, by its name and its parameters: "const float *x, float *y, int n". out_kernel is for mxn_rtc_launch. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_rtc_kernel(mxn_rtc_t *rtc, const char *name, const char *signature, int32_t *out_kernel);
/** Runs a kernel on a GPU when its arrays are free: those behind pointers to const are read, others read and written. Parameter i is arrays[i], or where that is NULL the number numbers[i] (MXN_TAG_INT or MXN_TAG_FLOAT). dims: three extents of the grid, then three of a block. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_rtc_launch(mxn_rtc_t *rtc, int32_t kernel, int32_t device_kind, int32_t device_index,
                               mxn_ndarray_t *const *arrays, const mxn_arg_t *numbers, int32_t count,
                               const int64_t *dims, int64_t shared_bytes);
/** Frees kernels; launches under way keep what they need. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_rtc_free(mxn_rtc_t *rtc);

/* ---- arrays ---- */

/** An array with undefined values. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_create(const int64_t *shape, int32_t ndim, int32_t dtype, int32_t device_kind,
                                   int32_t device_index, mxn_ndarray_t **out_array);
/** An array over the caller's memory (64-byte alignment is faster), which must stay until destroy(user) runs. @own library takes user @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_from_memory(void *data, const int64_t *shape, int32_t ndim, int32_t dtype, void *user,
                                        mxn_destroy_fn destroy, mxn_ndarray_t **out_array);
/** Another handle to the same array. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_clone(const mxn_ndarray_t *array, mxn_ndarray_t **out_array);
/** Gives a handle back; pending work still finds the memory. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_ndarray_free(mxn_ndarray_t *array);
/** Shape, dtype and device. The caller sets out_info->struct_size. @own none @threads any @blocks until the array is written where its shape depends on values @since 0.1 */
MXN_API int32_t mxn_ndarray_info(const mxn_ndarray_t *array, mxn_ndarray_info_t *out_info);
/** Rows [begin, end) of the first axis, sharing memory. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_slice(const mxn_ndarray_t *array, int64_t begin, int64_t end, mxn_ndarray_t **out_array);
/** Row i without its axis, sharing memory. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_at(const mxn_ndarray_t *array, int64_t i, mxn_ndarray_t **out_array);
/** The same elements under another shape, sharing memory. All extents are given. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_reshape(const mxn_ndarray_t *array, const int64_t *shape, int32_t ndim,
                                    mxn_ndarray_t **out_array);
/** Copies host memory in; bytes must be the array's. data may be reused after the call. @own none @threads any @blocks until earlier work on the array is done @since 0.1 */
MXN_API int32_t mxn_ndarray_copy_from_host(mxn_ndarray_t *array, const void *data, int64_t bytes);
/** Copies the values out; fails with the error that stands on the array. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_copy_to_host(const mxn_ndarray_t *array, void *data, int64_t bytes, const mxn_wait_t *wait);
/** Copies from one array into another of the same shape and dtype, between any devices and storage kinds. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_copy(const mxn_ndarray_t *from, mxn_ndarray_t *to);
/** Waits until the array's values are there. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_wait_to_read(const mxn_ndarray_t *array, const mxn_wait_t *wait);
/** Waits until nobody reads or writes the array any more. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_wait_to_write(const mxn_ndarray_t *array, const mxn_wait_t *wait);
/** Address of the first element, after waiting for it; host arrays only. @own array @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_data(const mxn_ndarray_t *array, void **out_data);
/** Number of finished writes to the array's memory. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_version(const mxn_ndarray_t *array, uint64_t *out_version);
/** A DLManagedTensor (DLPack 0.8) sharing the memory; its deleter gives it back. @own caller calls the deleter @threads any @blocks until the values are there @since 0.1 */
MXN_API int32_t mxn_ndarray_to_dlpack(const mxn_ndarray_t *array, void **out_managed);
/** An array sharing the memory of a DLManagedTensor, which must be row-major without gaps. The deleter is called when the array goes; not when this fails. @own library takes managed on success @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_from_dlpack(void *managed, mxn_ndarray_t **out_array);
/** Writes a .params file (V2); names may be NULL. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_save(const char *path, mxn_ndarray_t *const *arrays, const char *const *names,
                                 int64_t count);
/** Reads a .params file of any generation. capacity 0 only counts; otherwise the first handles are stored. out_names is an empty list when the file has no names. @own caller: arrays and list @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_load(const char *path, mxn_ndarray_t ***out_arrays, int64_t *out_count,
                                 mxn_strings_t **out_names);
/** The same from memory. @own caller: arrays and list @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_ndarray_load_memory(const void *data, int64_t bytes, mxn_ndarray_t ***out_arrays,
                                        int64_t *out_count, mxn_strings_t **out_names);
/** 0 dense, 1 row_sparse, 2 csr. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_storage(const mxn_ndarray_t *array, int32_t *out_storage);
/** A sparse array on the CPU (storage 1 or 2) with copies of dense parts: data (its stored values), indices (row or column numbers, int64) and, for csr, indptr (int64). data NULL: nothing stored, of that dtype. @own caller: mxn_ndarray_free @threads any @blocks until the parts are there @since 0.1 */
MXN_API int32_t mxn_ndarray_create_sparse(int32_t storage, const int64_t *shape, int32_t ndim, int32_t dtype,
                                          const mxn_ndarray_t *data, const mxn_ndarray_t *indices,
                                          const mxn_ndarray_t *indptr, mxn_ndarray_t **out_array);
/** A dense copy of a part of a sparse array: 0 data, 1 indices, 2 indptr. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_ndarray_part(const mxn_ndarray_t *array, int32_t part, mxn_ndarray_t **out_array);
/** Frees the vector of handles that a load or an executor returned, not the arrays in it. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_ndarray_list_free(mxn_ndarray_t **arrays);

/* ---- symbols ---- */

/** A variable. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_variable(const char *name, mxn_symbol_t **out_symbol);
/** An operator applied to symbols of one output. input_names may be NULL (all by position) or hold NULL for "the next". Missing inputs become variables. Attributes are texts by key. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_create(const mxn_op_t *op, const mxn_arg_t *args, int32_t num_args,
                                  const char *const *attr_keys, const char *const *attr_values, int32_t num_attrs,
                                  mxn_symbol_t *const *inputs, const char *const *input_names, int32_t num_inputs,
                                  const char *name, mxn_symbol_t **out_symbol);
/** An operator that carries graphs (_foreach, _while_loop, _cond) applied to symbols of one output. The inputs of each graph are its variables in post-order. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_create_with(const mxn_op_t *op, mxn_symbol_t *const *graphs, int32_t num_graphs,
                                       const mxn_arg_t *args, int32_t num_args, const char *const *attr_keys,
                                       const char *const *attr_values, int32_t num_attrs, mxn_symbol_t *const *inputs,
                                       int32_t num_inputs, const char *name, mxn_symbol_t **out_symbol);
/** The part of the graph whose operators have this attribute: as a symbol of its own in which each value from outside is a variable, and those values in the order of its variables (NULL when there are none). @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_cut(const mxn_symbol_t *symbol, const char *key, const char *value,
                               mxn_symbol_t **out_symbol, mxn_symbol_t **out_outside);
/** Several symbols as one. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_group(mxn_symbol_t *const *symbols, int32_t count, mxn_symbol_t **out_symbol);
/** A deep copy. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_copy(const mxn_symbol_t *symbol, mxn_symbol_t **out_symbol);
/** The same symbol for binding with its groups of nodes (attribute ctx_group) on devices: group names[i] on device (device_kinds[i], device_indices[i]). What is bound on takes the nodes without a group. A symbol made of it is not placed. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_place(const mxn_symbol_t *symbol, const char *const *names, const int32_t *device_kinds,
                                 const int32_t *device_indices, int32_t count, mxn_symbol_t **out_symbol);
/** Replaces variables by symbols: by name, or by position where the name is NULL. name may be NULL. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_compose(const mxn_symbol_t *symbol, const char *name, const char *const *keys,
                                   mxn_symbol_t *const *replacements, int32_t count, mxn_symbol_t **out_symbol);
/** Output i as a symbol. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_output(const mxn_symbol_t *symbol, int64_t i, mxn_symbol_t **out_symbol);
/** All inner outputs as one symbol. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_internals(const mxn_symbol_t *symbol, mxn_symbol_t **out_symbol);
/** The inputs of the output nodes; NULL when there are none. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_children(const mxn_symbol_t *symbol, mxn_symbol_t **out_symbol);
/** Frees a symbol. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_symbol_free(mxn_symbol_t *symbol);
/** Name of the node, NULL for a group of several. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_name(const mxn_symbol_t *symbol, char **out_name);
/** Names: what 0 arguments, 1 outputs, 2 auxiliary states. @own caller: mxn_strings_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_list(const mxn_symbol_t *symbol, int32_t what, mxn_strings_t **out_names);
/** An attribute or parameter of the node; NULL when it has none. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_get_attr(const mxn_symbol_t *symbol, const char *key, char **out_value);
/** Sets an attribute of the node. @own none @threads one at a time per symbol @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_set_attr(mxn_symbol_t *symbol, const char *key, const char *value);
/** All attributes as triples node, key, value. @own caller: mxn_strings_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_attributes(const mxn_symbol_t *symbol, mxn_strings_t **out_triples);
/** The symbol as JSON that MXNet 1.x reads. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_to_json(const mxn_symbol_t *symbol, char **out_json);
/** A symbol from JSON of any MXNet generation. @own caller: mxn_symbol_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_from_json(const char *json, mxn_symbol_t **out_symbol);
/** The nodes as text, a line each. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_debug(const mxn_symbol_t *symbol, char **out_text);
/** Shapes of arguments, outputs and states from some of them. dims holds the extents one after the other, -1 where unknown. *out_complete is 1 when all are known. @own caller: mxn_shapes_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_infer_shape(const mxn_symbol_t *symbol, const char *const *names, const int32_t *ndims,
                                       const int64_t *dims, int32_t count, mxn_shapes_t **out_arguments,
                                       mxn_shapes_t **out_outputs, mxn_shapes_t **out_states, int32_t *out_complete);
/** Dtypes likewise, each list as one shape of codes, -1 where unknown. @own caller: mxn_shapes_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_infer_type(const mxn_symbol_t *symbol, const char *const *names, const int32_t *dtypes,
                                      int32_t count, mxn_shapes_t **out_arguments, mxn_shapes_t **out_outputs,
                                      mxn_shapes_t **out_states, int32_t *out_complete);
/** Memory that binding would take. The caller sets out_info->struct_size. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_memory(const mxn_symbol_t *symbol, const char *const *names, const int32_t *ndims,
                                  const int64_t *dims, int32_t count, int32_t training, mxn_memory_info_t *out_info);
/** The part of it on one device, of a symbol that would be bound on cpu(0). @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_device_memory(const mxn_symbol_t *symbol, int32_t device_kind, int32_t device_index,
                                         const char *const *names, const int32_t *ndims, const int64_t *dims,
                                         int32_t count, int32_t training, mxn_memory_info_t *out_info);
/** The symbol for prediction with its layers on 8-bit numbers, and how its parameters come of the symbol's own. options is a JSON object: excluded_names, excluded_operators (lists of texts that stay float), quantized_dtype ("int8", "uint8", "auto"), quantize_mode ("smart", "full"), quantize_granularity ("tensor-wise", "channel-wise"); or ranges alone (an object of [lowest, highest] by name of a value, as conv0_output), which a symbol made before is to know. out_parameters gives a group with an output for each name in out_names, both empty where ranges were given. @own caller: mxn_symbol_free, mxn_strings_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_symbol_quantize(const mxn_symbol_t *symbol, const char *options, mxn_symbol_t **out_symbol,
                                    mxn_symbol_t **out_parameters, mxn_strings_t **out_names);

/* ---- executors ---- */

/** Binds arrays, in list order. grads may be NULL or hold NULLs; grad_reqs may be NULL with them. shared: an executor whose memory is shared, or NULL. @own caller: mxn_executor_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_bind(const mxn_symbol_t *symbol, int32_t device_kind, int32_t device_index,
                                  mxn_ndarray_t *const *args, mxn_ndarray_t *const *grads, const int32_t *grad_reqs,
                                  int64_t num_args, mxn_ndarray_t *const *states, int64_t num_states,
                                  const mxn_executor_t *shared, mxn_executor_t **out_executor);
/** Binds fresh arrays made from shapes. dtypes by name; grad_reqs by argument name, others get default_req. Arrays of `shared` with the same name, shape and dtype are reused. @own caller: mxn_executor_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_simple_bind(const mxn_symbol_t *symbol, int32_t device_kind, int32_t device_index,
                                         const char *const *shape_names, const int32_t *ndims, const int64_t *dims,
                                         int32_t num_shapes, const char *const *dtype_names, const int32_t *dtypes,
                                         int32_t num_dtypes, const char *const *req_names, const int32_t *reqs,
                                         int32_t num_reqs, int32_t default_req, const mxn_executor_t *shared,
                                         mxn_executor_t **out_executor);
/** The same symbol for other shapes, sharing parameters and memory. @own caller: mxn_executor_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_reshape(const mxn_executor_t *executor, int32_t partial_shaping, int32_t up_sizing,
                                     const char *const *names, const int32_t *ndims, const int64_t *dims, int32_t count,
                                     mxn_executor_t **out_executor);
/** Frees an executor; work under way goes on. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_executor_free(mxn_executor_t *executor);
/** Computes the outputs. @own none @threads one at a time per executor @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_forward(mxn_executor_t *executor, int32_t training);
/** Computes the gradients after forward in training mode. grads: one per output, NULL for ones; losses ignore theirs; count may be 0. @own none @threads one at a time per executor @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_backward(mxn_executor_t *executor, mxn_ndarray_t *const *grads, int64_t count);
/** Arrays: what 0 arguments, 1 gradients (NULL where none), 2 states, 3 outputs. @own caller: each array, and the vector by mxn_ndarray_list_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_arrays(const mxn_executor_t *executor, int32_t what, mxn_ndarray_t ***out_arrays,
                                    int64_t *out_count);
/** Calls fn for every inner output (and with inputs != 0 every input) in order, on the thread that calls forward; fn NULL turns it off. value is valid during the call. @own library takes user @threads one at a time per executor @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_set_monitor(mxn_executor_t *executor, mxn_monitor_fn fn, void *user,
                                         mxn_destroy_fn destroy, int32_t inputs);
/** Memory of the bound plan. The caller sets out_info->struct_size. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_memory(const mxn_executor_t *executor, int32_t training, mxn_memory_info_t *out_info);
/** The part of it on one device; zeros where the plan has none. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_device_memory(const mxn_executor_t *executor, int32_t device_kind, int32_t device_index,
                                           int32_t training, mxn_memory_info_t *out_info);
/** The steps of the plan, a line each. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_executor_describe(const mxn_executor_t *executor, char **out_text);

/* ---- autograd ---- */

/** Sets this thread's flags; -1 leaves one as it is. recording: operators are recorded, so that gradients can be asked for. training: the mode of operators that are called with training = -1, and of cached ones. out_before: MXN_AUTOGRAD_... bits. @own none @threads any: each has its own @blocks no @since 0.1 */
MXN_API int32_t mxn_autograd_set(int32_t recording, int32_t training, int32_t *out_before);
/** Makes arrays variables: gradients go to grads, of the same shapes and dtypes, by grad_reqs (NULL: all MXN_GRAD_WRITE). A recorded array is cut off from what it was made of; with grads NULL that is all that is done. @own none @threads one at a time per array @blocks no @since 0.1 */
MXN_API int32_t mxn_autograd_mark(mxn_ndarray_t *const *arrays, mxn_ndarray_t *const *grads, const int32_t *grad_reqs,
                                  int64_t count);
/** Gradients of the sum of all heads: into the arrays of all variables behind them where variables is NULL, else of these variables (or inner values) as fresh arrays. head_grads: NULL, or one per head, NULL for ones; losses ignore theirs. What was recorded is given up unless retain_graph. create_graph (with variables): what is computed is recorded. training: the mode in which functions written by hand run. @own caller: each array, and the vector by mxn_ndarray_list_free @threads one at a time per graph @blocks no @since 0.1 */
MXN_API int32_t mxn_autograd_backward(mxn_ndarray_t *const *heads, mxn_ndarray_t *const *head_grads, int64_t count,
                                      mxn_ndarray_t *const *variables, int64_t num_variables, int32_t retain_graph,
                                      int32_t create_graph, int32_t training, mxn_ndarray_t ***out_arrays,
                                      int64_t *out_count);
/** The gradient array of a variable, NULL for other arrays; *out_recorded: whether gradients flow through the array. @own caller: mxn_ndarray_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_autograd_gradient(const mxn_ndarray_t *array, int32_t *out_recorded, mxn_ndarray_t **out_array);
/** Puts down that outputs were computed from inputs, while recording was off, with fn for the gradient: it borrows the gradients of the outputs and leaves new handles of those of the inputs. fn runs on the thread that calls backward. @own library takes user @threads one at a time per graph @blocks no @since 0.1 */
MXN_API int32_t mxn_autograd_function(mxn_ndarray_t *const *inputs, int64_t num_inputs, mxn_ndarray_t *const *outputs,
                                      int64_t num_outputs, mxn_backward_fn fn, void *user, mxn_destroy_fn destroy);

/* ---- replay ---- */

/** From now on operators on this thread are put down instead of run, until mxn_trace_end. Gives stand-ins for the inputs, which have shapes but no values. @own caller: each array, and the vector by mxn_ndarray_list_free @threads one trace per thread @blocks no @since 0.1 */
MXN_API int32_t mxn_trace_begin(mxn_ndarray_t *const *arrays, int64_t count, mxn_ndarray_t ***out_arrays,
                                int64_t *out_count);
/** Ends tracing, also when it fails. The symbol's variables are data0, data1, ... for the inputs (those that were used) and param0, param1, ... for the arrays from outside that were met, which are returned. Without outputs the trace is given up. Where nothing is traced: the symbol of what was recorded for the outputs, with names made up. @own caller: symbol, each array, and the vector by mxn_ndarray_list_free @threads the thread that began @blocks no @since 0.1 */
MXN_API int32_t mxn_trace_end(mxn_ndarray_t *const *outputs, int64_t count, mxn_symbol_t **out_symbol,
                              mxn_ndarray_t ***out_arrays, int64_t *out_count);
/** A symbol to be called on arrays. parameters: names of arguments that are the same arrays in most calls; what depends on them alone may be kept between calls in prediction. @own caller: mxn_cached_op_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_cached_op_create(const mxn_symbol_t *symbol, const char *const *parameters, int32_t num_parameters,
                                     mxn_cached_op_t **out_op);
/** Frees it; calls under way and recorded ones go on. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_cached_op_free(mxn_cached_op_t *op);
/** Calls it on the arguments, then the states, in list order; in the thread's mode, and on its tape while it records. Planned once per shapes, dtypes, device, mode and wanted gradients. @own caller owns the outputs @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_cached_op_invoke(mxn_cached_op_t *op, mxn_ndarray_t *const *inputs, int64_t num_inputs,
                                     mxn_ndarray_t **outputs, int32_t capacity, int32_t *num_outputs);
/** The steps of the last call's plan, a line each, and the number of plans. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_cached_op_describe(mxn_cached_op_t *op, char **out_text, int64_t *out_plans);

/* ---- custom operators ---- */

/** Registers an operator for nodes of Custom with this op_type; later nodes get the latest. fn answers the questions of mxn_custom_call_info: DECLARE by names and what backward reads, SHAPES and TYPES by shapes; CREATE and RELEASE may do nothing; FORWARD writes the outputs, BACKWARD the gradients of the inputs. Those two run on a thread of the engine's own and may wait, allocate and call the library. @own library takes user @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_register(const char *name, mxn_custom_fn fn, void *user, mxn_destroy_fn destroy);
/** What is asked. The caller sets out_info->struct_size. @own none @threads the callback's @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_call_info(const mxn_custom_call_t *call, mxn_custom_info_t *out_info);
/** The node's parameters: keys and values by turns. @own caller: mxn_strings_free @threads the callback's @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_call_params(const mxn_custom_call_t *call, mxn_strings_t **out_params);
/** SHAPES: of the inputs, as far as known. TYPES: their dtypes, one list of codes, -1 unknown. CREATE: shapes of inputs and states, then one list of dtypes. FORWARD, BACKWARD: one list of requests for the outputs or the inputs' gradients, MXN_GRAD_WRITE or MXN_GRAD_NULL. @own caller: mxn_shapes_free @threads the callback's @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_call_shapes(const mxn_custom_call_t *call, mxn_shapes_t **out_shapes);
/** Arrays of FORWARD and BACKWARD: what MXN_CUSTOM_INPUTS, ... Those that backward does not read have no values. They borrow memory: one that is kept has its values of the end of the call, but an address or a DLPack tensor ends with it. @own caller: each array, and the vector by mxn_ndarray_list_free @threads the callback's @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_call_arrays(const mxn_custom_call_t *call, int32_t what, mxn_ndarray_t ***out_arrays,
                                       int64_t *out_count);
/** Answers DECLARE: names of MXN_CUSTOM_INPUTS, OUTPUTS or STATES. What is not said is one input, data, one output, output, and no states. @own none @threads the callback's @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_call_set_names(mxn_custom_call_t *call, int32_t what, const char *const *names,
                                          int32_t count);
/** Answers SHAPES: of inputs, outputs, states; TYPES: one list of their dtypes; DECLARE: one list of what backward reads, where gradients of the outputs are numbered from 0, then inputs, then outputs; all unless said. @own none @threads the callback's @blocks no @since 0.1 */
MXN_API int32_t mxn_custom_call_set_shapes(mxn_custom_call_t *call, const int32_t *ndims, const int64_t *dims,
                                           int32_t count);

/* ---- key-value store ---- */

/** A store: "local", "device", or between machines "dist_sync", "dist_async", "dist_async:N"; those join the group that the environment names and block until it is together. @own caller: mxn_kvstore_free @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_kvstore_create(const char *type, mxn_kvstore_t **out_store);
/** Frees a store. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_kvstore_free(mxn_kvstore_t *store);
/** Sets first values. A key on which an error stands begins anew; any other that exists is refused. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_init(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *values,
                                 int64_t count);
/** Sets first values, also of keys that exist: what they held is gone. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_replace(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *values,
                                    int64_t count);
/** Sums what stands under the same key and stores it or hands it to the updater. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_push(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *values,
                                 int64_t count, int32_t priority);
/** Copies stored values out. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_pull(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *outputs,
                                 int64_t count, int32_t priority);
/** push, then pull of the same keys, a value and an output side by side; NULL where a key has more of one than of the other. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_push_pull(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *values,
                                      mxn_ndarray_t *const *outputs, int64_t count, int32_t priority);
/** A push of arrays that are zero but for some rows: values[i] has one row for each number in row_ids[i] (one axis, any numeric dtype), rows with the same number are added up. An optimizer without states changes those rows only, weight decay included; any other updater gets the whole array. A row number that does not exist is raised by what is pulled from the key. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_push_rows(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *row_ids,
                                      mxn_ndarray_t *const *values, int64_t count, int32_t priority);
/** Copies the rows of the stored value numbered by row_ids[i] into the same rows of outputs[i], which has the stored shape; its other rows become zero. A row number that does not exist is raised by the output. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_pull_rows(mxn_kvstore_t *store, const char *const *keys, mxn_ndarray_t *const *outputs,
                                      mxn_ndarray_t *const *row_ids, int64_t count, int32_t priority);
/** Pushed float32 values travel as codes from now on, and what the codes leave out is sent later: "2bit" (threshold, 0 or -threshold), "1bit" (threshold or -threshold), "fp16", "none". @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_set_compression(mxn_kvstore_t *store, const char *type, double threshold);
/** "sequential" (as at first): a pull sees every push before it. "eventual": the updater gets every device's value on its own, as soon as it is computed, and a pull what is there. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_set_consistency(mxn_kvstore_t *store, const char *consistency);
/** Calls fn for every key pushed, on a thread of the engine's own; fn may wait and call the library. The arrays are valid during the call. When fn fails, what is pulled from that key fails until the next push of it succeeds, which starts from the value fn left. @own library takes user @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_set_updater(mxn_kvstore_t *store, mxn_updater_fn fn, void *user, mxn_destroy_fn destroy);
/** Rank of this worker and number of workers. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_rank(const mxn_kvstore_t *store, int32_t *out_rank, int32_t *out_size);
/** Waits until all workers are here and the updates of what this one pushed are over; their failures are raised by what is pulled. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_kvstore_barrier(mxn_kvstore_t *store);

/** What went over the wire, as JSON: messages, bytes, latency and staleness by key and by peer; of stores between machines. @own caller: mxn_text_free @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_kvstore_statistics(mxn_kvstore_t *store, char **out_json);
/** Every server writes its values, rounds and optimizer states to PREFIX-server-N.params on its machine; the call of rank 0 counts. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_kvstore_save(mxn_kvstore_t *store, const char *prefix);
/** Runs a server or the scheduler, as DMLC_ROLE says, until the group is over. fn may be NULL: optimizers are then given by the workers. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_kvstore_serve(mxn_updater_fn fn, void *user, mxn_destroy_fn destroy, const mxn_cancel_t *cancel);
/** A new key pair for a group, two lines of text: the public key, the secret key. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_make_key(char **out_pair);

/** Every push is a step of the optimizer on the stored value, as an updater that needs no callback. The two handles share its state. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_kvstore_set_optimizer(mxn_kvstore_t *store, mxn_optimizer_t *optimizer);

/* ---- optimizers ---- */

/** The optimizers with their options, defaults and texts, as JSON. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_optimizer_schemas(char **out_json);
/** An optimizer by name, with count options as texts. States are made at the first step of a key. @own caller: mxn_optimizer_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_optimizer_create(const char *name, const char *const *keys, const char *const *values,
                                     int32_t count, mxn_optimizer_t **out_optimizer);
/** Frees an optimizer and its states. @own none @threads any @blocks no @since 0.1 */
MXN_API void mxn_optimizer_free(mxn_optimizer_t *optimizer);
/** One step of every weight along its gradient, in place. Keys are the parameters' names: weight decay counts for those that end in _weight or _gamma. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_optimizer_update(mxn_optimizer_t *optimizer, const char *const *keys, mxn_ndarray_t *const *weights,
                                     mxn_ndarray_t *const *grads, int64_t count);
/** Sets an option from the next step on. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_optimizer_set(mxn_optimizer_t *optimizer, const char *option, double value);
/** Factors of the learning rate and of the weight decay of one key. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_optimizer_set_multipliers(mxn_optimizer_t *optimizer, const char *key, double lr_mult,
                                              double wd_mult);
/** Writes states and counts of steps as a .params file. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_optimizer_save(const mxn_optimizer_t *optimizer, const char *path);
/** Reads what mxn_optimizer_save wrote; the optimizer must be of the same kind. On failure nothing changes. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_optimizer_load(mxn_optimizer_t *optimizer, const char *path);

/* ---- profiler ---- */

/** Which events are recorded from now on (MXN_PROFILE_... bits; at first all) and how many at most, 128 bytes each; 0: 1,048,576. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_profiler_set_options(int32_t categories, int64_t max_events);
/** STOP ends recording, RUN forgets what was recorded and begins, RESUME goes on. A forked child begins stopped and with nothing. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_profiler_set_state(int32_t state);
/** The time by the profiler's clock, in nanoseconds. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_profiler_now(int64_t *out_ns);
/** Records an event of the program's own, if recording is on: a SPAN from begin_ns to now, an INSTANT, or the value of a COUNTER. Long texts are cut. @own none @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_profiler_event(const char *domain, const char *name, int32_t kind, int64_t begin_ns, int64_t value);
/** Writes what was recorded so far as a file in Chrome's trace format (JSON, also for Perfetto). @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_profiler_dump(const char *path);
/** Counts and times by category and name, as JSON; with restart what was summed is not summed again. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_profiler_aggregate(int32_t restart, char **out_json);

/* ---- sources: where bytes are read from ---- */

/** From now on what reads files reads scheme://... through fn, before the library's own schemes, of which file stays; fn NULL takes that back. Threads of the library call fn, several at once for different files, one at a time for one. What fn reports is MXN_ERROR_USER of who reads. @own library takes user @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_source_register(const char *scheme, mxn_source_fn fn, void *user, mxn_destroy_fn destroy);
/** Reads bytes from offset on of a path or URI: file, http, https, s3 or registered. bytes 0: only *out_total, the whole. *out_count: how many there were. @own none @threads any @blocks yes @since 0.1 */
MXN_API int32_t mxn_source_read(const char *path, int64_t offset, void *data, int64_t bytes, int64_t *out_count,
                                int64_t *out_total);

/* ---- records: RecordIO files ---- */

/** Reads the records that begin in share part_index of num_parts of a file, a path or URI; 0 and 1: all. @own caller: mxn_record_reader_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_record_reader_create(const char *path, int64_t part_index, int64_t num_parts,
                                         mxn_record_reader_t **out_reader);
/** @own takes the handle @threads any @blocks no @since 0.1 */
MXN_API void mxn_record_reader_free(mxn_record_reader_t *reader);
/** The next record: NULL at the end, not NULL for an empty one. What is no record fails once with MXN_ERROR_IO and its place; the call after that goes on behind it. @own reader: until its next call @threads one at a time @blocks while a file on a server is read @since 0.1 */
MXN_API int32_t mxn_record_reader_next(mxn_record_reader_t *reader, void **out_data, int64_t *out_bytes);
/** Goes to a place that a writer or a reader has told, also outside of the share; -1: to the share's beginning. @own none @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_record_reader_seek(mxn_record_reader_t *reader, int64_t offset);
/** Where the next record begins, in bytes. @own none @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_record_reader_tell(const mxn_record_reader_t *reader, int64_t *out_offset);
/** A new file of records, or with append the end of one. @own caller: mxn_record_writer_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_record_writer_create(const char *path, int32_t append, mxn_record_writer_t **out_writer);
/** Closes as mxn_record_writer_close does, but errors are lost. @own takes the handle @threads any @blocks no @since 0.1 */
MXN_API void mxn_record_writer_free(mxn_record_writer_t *writer);
/** Writes a record of at most 2^29 - 1 bytes; where it begins. After MXN_ERROR_IO the file is closed. @own none @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_record_writer_write(mxn_record_writer_t *writer, const void *data, int64_t bytes,
                                        int64_t *out_offset);
/** Where the next record will begin, in bytes. @own none @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_record_writer_tell(const mxn_record_writer_t *writer, int64_t *out_offset);
/** What was written is in the file when it returns; close ends the writing. @own none @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_record_writer_flush(mxn_record_writer_t *writer, int32_t close);
/** Packs the images of a list into a file of records and its index, on all cores. options is a JSON object: list, record, index, root (paths), pass_through, check, center_crop, pack_label, resume (bool), resize, quality, color, inter_method, label_width, threads, part, parts (integers), encoding (".jpg", ".png"). fn, which may be NULL, is called on this thread after each image and at least every 0.2 s; out_done (lines dealt with) and out_total (all) are then up to date. When it fails the run ends with that error, and a later one with resume goes on. out_report is JSON: total, done, packed, resumed, skipped, bytes and faults, a list of objects with line, id, path, reason. @own caller: mxn_text_free @threads any @blocks until all is packed @since 0.1 */
MXN_API int32_t mxn_image_pack(const char *options, mxn_task_fn fn, void *user, mxn_destroy_fn destroy,
                               int64_t *out_done, int64_t *out_total, char **out_report);

/* ---- iterators: batches of data ---- */

/** The iterators with their parameters, defaults and texts, as JSON in the form of mxn_op_schemas. @own caller: mxn_text_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_data_iter_schemas(char **out_json);
/** An iterator by name, with count parameters as texts. @own caller: mxn_data_iter_free @threads any @blocks no @since 0.1 */
MXN_API int32_t mxn_data_iter_create(const char *name, const char *const *keys, const char *const *values,
                                     int32_t count, mxn_data_iter_t **out_iter);
/** At any point of an epoch; waits for the batch that is being made. @own takes the handle @threads any @blocks yes @since 0.1 */
MXN_API void mxn_data_iter_free(mxn_data_iter_t *iter);
/** Goes on to the next batch; 0 in out_more: the epoch is over. After an error the next epoch has to be begun; but a wait that ended early (wait may be NULL) can be repeated. @own none @threads one at a time @blocks yes @since 0.1 */
MXN_API int32_t mxn_data_iter_next(mxn_data_iter_t *iter, const mxn_wait_t *wait, int32_t *out_more);
/** The current batch: its arrays, data before labels, as mxn_data_iter_describe names them; how many examples at its end only fill it; the examples' ids, of iterators that have them, in memory of the iterator that stays until mxn_data_iter_next. @own caller: each array, and the vector by mxn_ndarray_list_free @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_data_iter_batch(const mxn_data_iter_t *iter, mxn_ndarray_t ***out_arrays, int64_t *out_count,
                                    int64_t *out_pad, const int64_t **out_ids, int64_t *out_num_ids);
/** Begins the next epoch. @own none @threads one at a time @blocks yes @since 0.1 */
MXN_API int32_t mxn_data_iter_reset(mxn_data_iter_t *iter);
/** JSON: "data" and "label" with name, shape, dtype and layout ("" where there is none to tell) of each array; "report" with examples, skipped and faults so far. @own caller: mxn_text_free @threads one at a time @blocks no @since 0.1 */
MXN_API int32_t mxn_data_iter_describe(const mxn_data_iter_t *iter, char **out_json);

#ifdef __cplusplus
}
#endif
#endif /* MIXNET_C_API_H_ */
