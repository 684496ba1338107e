/* R functions that the library calls. They run on R's thread only: the package opens a queue for it, and every wait drains it.
 * No R error crosses the library's frames: run_guarded catches it and its message becomes the library's error. */
#include <pthread.h>

#include "mixnet_r.h"

enum { PENDING_MAX = 4096 };
static pthread_t r_thread;
static pthread_mutex_t pending_lock = PTHREAD_MUTEX_INITIALIZER;
static void *pending[PENDING_MAX]; /* released by other threads, not yet by R */
static int pending_count = 0;

static int on_r_thread(void) { return pthread_equal(pthread_self(), r_thread); }

void mixnet_begin(void) { r_thread = pthread_self(); }

static void release_pending(void) {
  pthread_mutex_lock(&pending_lock);
  for (int i = 0; i < pending_count; i++) R_ReleaseObject((SEXP)pending[i]);
  pending_count = 0;
  pthread_mutex_unlock(&pending_lock);
}

void *mixnet_keep(SEXP function) {
  release_pending();
  if (function == R_NilValue) return NULL;
  if (!Rf_isFunction(function)) Rf_error("[mixnet] callback: expected a function, got %s", Rf_type2char(TYPEOF(function)));
  R_PreserveObject(function);
  return function;
}

void mixnet_release(void *user) {
  if (on_r_thread()) {
    R_ReleaseObject((SEXP)user);
    return;
  }
  pthread_mutex_lock(&pending_lock);
  if (pending_count < PENDING_MAX) pending[pending_count++] = user;
  pthread_mutex_unlock(&pending_lock);
}

typedef struct {
  SEXP function;
  const char *name; /* or NULL */
  mxn_ndarray_t *arrays[2];
  int count;
  char message[1024]; /* empty: it went well */
} call_t;

static SEXP borrowed(mxn_ndarray_t *array) {
  SEXP handle = PROTECT(mixnet_make_ndarray());
  mxn_ndarray_t *own = NULL;
  mixnet_check(mxn_ndarray_clone(array, &own));
  mixnet_filled(handle, own);
  UNPROTECT(1);
  return handle;
}

static void run(void *data) {
  call_t *call = (call_t *)data;
  SEXP arguments = R_NilValue;
  PROTECT_INDEX at;
  PROTECT_WITH_INDEX(arguments, &at);
  for (int i = call->count - 1; i >= 0; i--) REPROTECT(arguments = Rf_lcons(borrowed(call->arrays[i]), arguments), at);
  if (call->name) REPROTECT(arguments = Rf_lcons(mixnet_string(call->name), arguments), at);
  REPROTECT(arguments = Rf_lcons(call->function, arguments), at);
  REPROTECT(arguments = Rf_lcons(Rf_install("run_guarded"), arguments), at);
  SEXP package = PROTECT(Rf_mkString("mixnet"));
  SEXP failed = PROTECT(Rf_eval(arguments, R_FindNamespace(package)));
  if (Rf_isString(failed) && XLENGTH(failed) == 1) snprintf(call->message, sizeof call->message, "%s", CHAR(STRING_ELT(failed, 0)));
  else call->message[0] = 0;
  UNPROTECT(3);
}

static int32_t run_guarded(call_t *call) {
  if (!on_r_thread()) {
    mxn_error_set(MXN_ERROR_USER, "[callback] R: expected R's own thread, got another");
    return MXN_ERROR_USER;
  }
  strcpy(call->message, "[callback] stopped");
  R_ToplevelExec(run, call);
  if (!call->message[0]) return 0;
  mxn_error_set(MXN_ERROR_USER, call->message);
  return MXN_ERROR_USER;
}

int32_t mixnet_task(void *user) {
  call_t call = {(SEXP)user, NULL, {NULL, NULL}, 0, ""};
  return run_guarded(&call);
}

int32_t mixnet_updater(void *user, const char *key, mxn_ndarray_t *received, mxn_ndarray_t *stored) {
  call_t call = {(SEXP)user, key, {received, stored}, 2, ""};
  return run_guarded(&call);
}

int32_t mixnet_monitor(void *user, const char *name, mxn_ndarray_t *value) {
  call_t call = {(SEXP)user, name, {value, NULL}, 1, ""};
  return run_guarded(&call);
}
