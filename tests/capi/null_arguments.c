/* NULL and nonsense in every argument of the C ABI: a code and a message, never a crash. */
#include <stdio.h>
#include <string.h>

#include "mixnet/c_api.h"

static int failures = 0;

#define FAILS(call)                                                                                          \
  do {                                                                                                       \
    char message[256];                                                                                       \
    if ((call) >= 0) {                                                                                       \
      ++failures;                                                                                            \
      printf("expected an error: %s\n", #call);                                                              \
    } else if (mxn_error_copy(message, sizeof message) == 0 || message[0] != '[' || mxn_error_code() >= 0) { \
      ++failures;                                                                                            \
      printf("expected a message: %s gave '%s'\n", #call, message);                                          \
    }                                                                                                        \
  } while (0)
#define WORKS(call)                               \
  do {                                            \
    char message[256];                            \
    if ((call) != 0) {                            \
      ++failures;                                 \
      mxn_error_copy(message, sizeof message);    \
      printf("failed: %s: %s\n", #call, message); \
    }                                             \
  } while (0)

static int destroyed = 0;
static void count_destroy(void *user) {
  (void)user;
  ++destroyed;
}

static void test_library(void) {
  mxn_storage_info_t storage;
  mxn_wait_t wait;
  memset(&storage, 0, sizeof storage);
  memset(&wait, 0, sizeof wait);
  FAILS(mxn_features(NULL));
  FAILS(mxn_option_set(NULL, 0));
  FAILS(mxn_option_set("nonsense", 0));
  FAILS(mxn_device_count(1, NULL));
  FAILS(mxn_device_memory(9, 0, NULL, NULL));
  FAILS(mxn_storage_info(1, 0, NULL));
  FAILS(mxn_storage_info(1, 0, &storage));
  FAILS(mxn_storage_set_limit(1, 0, -1));
  FAILS(mxn_storage_empty_cache(2, 0));
  FAILS(mxn_wait_all(&wait));
  FAILS(mxn_shapes_get(NULL, 0, NULL, NULL));
  FAILS(mxn_cancel_create(NULL));
  FAILS(mxn_cancel_trigger(NULL));
  FAILS(mxn_variable_create(NULL));
  FAILS(mxn_variable_wait(NULL, NULL));
  FAILS(mxn_engine_push(NULL, NULL, count_destroy, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0));
  FAILS(mxn_op_schemas(NULL));
  FAILS(mxn_op_find(NULL, NULL));
  if (destroyed != 1) ++failures, printf("destroy must run once, ran %d times\n", destroyed);
  if (mxn_strings_get(NULL, 0) != NULL || mxn_strings_count(NULL) != 0 || mxn_shapes_count(NULL) != 0) ++failures;
  mxn_text_free(NULL);
  mxn_strings_free(NULL);
  mxn_shapes_free(NULL);
  mxn_cancel_free(NULL);
  mxn_variable_free(NULL);
  mxn_ndarray_free(NULL);
  mxn_ndarray_list_free(NULL);
  mxn_symbol_free(NULL);
  mxn_executor_free(NULL);
  mxn_kvstore_free(NULL);
}

static void test_arrays(void) {
  const int64_t shape[] = {2, 3}, negative[] = {-1};
  mxn_ndarray_t *a = NULL, *b = NULL, *list[1] = {NULL};
  mxn_ndarray_info_t info;
  const mxn_op_t *op = NULL;
  int32_t count = 0;
  void *pointer;
  memset(&info, 0, sizeof info);
  FAILS(mxn_ndarray_create(NULL, 2, MXN_FLOAT32, 1, 0, &a));
  FAILS(mxn_ndarray_create(shape, 2, MXN_FLOAT32, 1, 0, NULL));
  FAILS(mxn_ndarray_create(shape, 99, MXN_FLOAT32, 1, 0, &a));
  FAILS(mxn_ndarray_create(shape, 2, 99, 1, 0, &a));
  FAILS(mxn_ndarray_create(negative, 1, MXN_FLOAT32, 1, 0, &a));
  FAILS(mxn_ndarray_create(shape, 2, MXN_FLOAT32, 2, 0, &a));
  FAILS(mxn_ndarray_from_memory(NULL, shape, 2, MXN_FLOAT32, NULL, NULL, &a));
  FAILS(mxn_ndarray_clone(NULL, &a));
  FAILS(mxn_ndarray_info(NULL, &info));
  FAILS(mxn_ndarray_slice(NULL, 0, 1, &a));
  FAILS(mxn_ndarray_at(NULL, 0, &a));
  FAILS(mxn_ndarray_reshape(NULL, shape, 2, &a));
  FAILS(mxn_ndarray_copy_from_host(NULL, NULL, 0));
  FAILS(mxn_ndarray_copy_to_host(NULL, NULL, 0, NULL));
  FAILS(mxn_ndarray_copy(NULL, NULL));
  FAILS(mxn_ndarray_wait_to_read(NULL, NULL));
  FAILS(mxn_ndarray_wait_to_write(NULL, NULL));
  FAILS(mxn_ndarray_data(NULL, &pointer));
  FAILS(mxn_ndarray_version(NULL, NULL));
  FAILS(mxn_ndarray_to_dlpack(NULL, &pointer));
  FAILS(mxn_ndarray_from_dlpack(NULL, &a));
  FAILS(mxn_ndarray_save(NULL, NULL, NULL, 0));
  FAILS(mxn_ndarray_load(NULL, NULL, NULL, NULL));
  FAILS(mxn_ndarray_load_memory(NULL, 8, NULL, NULL, NULL));
  if (a != NULL) ++failures, printf("a failed call must leave NULL\n");
  WORKS(mxn_ndarray_create(shape, 2, MXN_FLOAT32, 1, 0, &a));
  FAILS(mxn_ndarray_info(a, NULL));
  FAILS(mxn_ndarray_info(a, &info));
  FAILS(mxn_ndarray_copy_from_host(a, &info, 1));
  FAILS(mxn_ndarray_copy_from_host(a, NULL, 24));
  FAILS(mxn_ndarray_at(a, 2, &b));
  FAILS(mxn_ndarray_slice(a, 2, 1, &b));
  FAILS(mxn_ndarray_reshape(a, shape, 1, &b));
  FAILS(mxn_op_find("nonsense", &op));
  FAILS(mxn_op_invoke(NULL, NULL, 0, NULL, 0, 0, 1, 0, list, 1, &count));
  WORKS(mxn_op_find("dot", &op));
  FAILS(mxn_op_invoke(op, NULL, 2, NULL, 0, 0, 1, 0, list, 1, &count));
  FAILS(mxn_op_invoke(op, &a, 1, NULL, 0, 0, 1, 0, list, 1, &count));
  FAILS(mxn_op_invoke(op, &a, 1, NULL, 3, 0, 1, 0, list, 1, &count));
  FAILS(mxn_op_invoke(op, &a, 1, NULL, 0, 0, 1, 0, NULL, 1, &count));
  FAILS(mxn_op_invoke(op, &a, 1, NULL, 0, 0, 1, 0, list, 1, NULL));
  mxn_ndarray_free(a);
}

static void test_graphs(void) {
  mxn_symbol_t *s = NULL, *t = NULL;
  mxn_executor_t *e = NULL;
  mxn_kvstore_t *kv = NULL;
  mxn_optimizer_t *o = NULL;
  mxn_memory_info_t memory;
  mxn_ndarray_t **arrays = NULL;
  int64_t count = 0;
  char *text = NULL;
  memset(&memory, 0, sizeof memory);
  FAILS(mxn_symbol_variable(NULL, &s));
  FAILS(mxn_symbol_variable("", &s));
  FAILS(mxn_symbol_create(NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, 0, "n", &s));
  FAILS(mxn_symbol_group(NULL, 0, &s));
  FAILS(mxn_symbol_copy(NULL, &s));
  FAILS(mxn_symbol_compose(NULL, NULL, NULL, NULL, 0, &s));
  FAILS(mxn_symbol_output(NULL, 0, &s));
  FAILS(mxn_symbol_internals(NULL, &s));
  FAILS(mxn_symbol_children(NULL, &s));
  FAILS(mxn_symbol_name(NULL, &text));
  FAILS(mxn_symbol_list(NULL, 0, NULL));
  FAILS(mxn_symbol_get_attr(NULL, "k", &text));
  FAILS(mxn_symbol_set_attr(NULL, "k", "v"));
  FAILS(mxn_symbol_attributes(NULL, NULL));
  FAILS(mxn_symbol_to_json(NULL, &text));
  FAILS(mxn_symbol_from_json(NULL, &s));
  FAILS(mxn_symbol_from_json("{", &s));
  FAILS(mxn_symbol_debug(NULL, &text));
  FAILS(mxn_symbol_infer_shape(NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL));
  FAILS(mxn_symbol_infer_type(NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL));
  FAILS(mxn_symbol_quantize(NULL, "{}", &s, &s, NULL));
  FAILS(mxn_symbol_memory(NULL, NULL, NULL, NULL, 0, 0, &memory));
  FAILS(mxn_executor_bind(NULL, 1, 0, NULL, NULL, NULL, 0, NULL, 0, NULL, &e));
  FAILS(mxn_executor_simple_bind(NULL, 1, 0, NULL, NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, 0, 1, NULL, &e));
  FAILS(mxn_executor_reshape(NULL, 0, 0, NULL, NULL, NULL, 0, &e));
  FAILS(mxn_executor_forward(NULL, 0));
  FAILS(mxn_executor_backward(NULL, NULL, 0));
  FAILS(mxn_executor_arrays(NULL, 0, &arrays, &count));
  FAILS(mxn_executor_set_monitor(NULL, NULL, NULL, count_destroy, 0));
  FAILS(mxn_executor_memory(NULL, 0, &memory));
  FAILS(mxn_executor_describe(NULL, &text));
  WORKS(mxn_symbol_variable("x", &s));
  FAILS(mxn_symbol_output(s, 1, &t));
  FAILS(mxn_symbol_list(s, 7, NULL));
  FAILS(mxn_symbol_get_attr(s, NULL, &text));
  FAILS(mxn_executor_bind(s, 1, 0, NULL, NULL, NULL, 0, NULL, 0, NULL, &e));
  FAILS(mxn_executor_simple_bind(s, 1, 0, NULL, NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, 0, 1, NULL, &e));
  mxn_symbol_free(s);
  FAILS(mxn_kvstore_create(NULL, &kv));
  FAILS(mxn_kvstore_create("nonsense", &kv));
  FAILS(mxn_kvstore_init(NULL, NULL, NULL, 0));
  FAILS(mxn_kvstore_push(NULL, NULL, NULL, 0, 0));
  FAILS(mxn_kvstore_pull(NULL, NULL, NULL, 0, 0));
  FAILS(mxn_kvstore_set_updater(NULL, NULL, NULL, count_destroy));
  FAILS(mxn_kvstore_rank(NULL, NULL, NULL));
  FAILS(mxn_kvstore_barrier(NULL));
  WORKS(mxn_kvstore_create("local", &kv));
  FAILS(mxn_kvstore_push(kv, NULL, NULL, 2, 0));
  mxn_kvstore_free(kv);
  FAILS(mxn_kvstore_set_optimizer(NULL, NULL));
  FAILS(mxn_optimizer_create("nonsense", NULL, NULL, 0, &o));
  FAILS(mxn_optimizer_create("sgd", NULL, NULL, 1, &o));
  FAILS(mxn_optimizer_update(NULL, NULL, NULL, NULL, 0));
  FAILS(mxn_optimizer_set(NULL, "wd", 1));
  FAILS(mxn_optimizer_set_multipliers(NULL, "k", 1, 1));
  FAILS(mxn_optimizer_save(NULL, "f"));
  FAILS(mxn_optimizer_load(NULL, "f"));
  WORKS(mxn_optimizer_create("sgd", NULL, NULL, 0, &o));
  FAILS(mxn_optimizer_update(o, NULL, NULL, NULL, 1));
  FAILS(mxn_optimizer_set(o, "nonsense", 1));
  FAILS(mxn_optimizer_load(o, "/nonexistent/file"));
  mxn_optimizer_free(o);
  FAILS(mxn_queue_poll(NULL, &count));
  WORKS(mxn_queue_open());
  WORKS(mxn_queue_poll(NULL, &count));
  WORKS(mxn_queue_close());
  if (destroyed != 3) ++failures, printf("destroy must run once per registration, ran %d times\n", destroyed);
}

int main(void) {
  test_library();
  test_arrays();
  test_graphs();
  WORKS(mxn_wait_all(NULL));
  WORKS(mxn_shutdown());
  WORKS(mxn_shutdown());
  printf("%d failures\n", failures);
  return failures != 0;
}
