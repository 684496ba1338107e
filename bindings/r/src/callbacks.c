/* R functions that the library calls. They run on R's thread only: the package opens a queue for it, and every wait drains it.
 * No R error crosses the library's frames: run_guarded catches it and its message becomes the library's error.
 *
 * The user data of a callback is a cell. R's function hangs on the handle that it was registered with, so that a function that mentions
 * the handle does not keep both alive for ever; when R's collector takes them while the library may still call, the cell holds the
 * function itself until the library lets go.
 */
#include <pthread.h>
#include <stdlib.h>

#include "mixnet_r.h"

typedef struct cell {
  SEXP function;
  int library; /* may call it */
  int handle;  /* R's handle holds the function */
  int held;    /* by the cell, as a root of R's collector */
  struct cell *next;
} cell_t;

static pthread_t r_thread;
static pthread_mutex_t released_lock = PTHREAD_MUTEX_INITIALIZER;
static cell_t *released = NULL; /* by other threads, not yet by R */

static int on_r_thread(void) { return pthread_equal(pthread_self(), r_thread); }

/* The engine's threads must not run while the process takes its libraries apart: R runs this finalizer before it ends. */
static void end_engine(SEXP unused) {
  (void)unused;
  mxn_shutdown();
  mxn_queue_close(); /* the library looks for this thread's queue once more when the process exits */
}

void mixnet_begin(void) {
  r_thread = pthread_self();
  mixnet_quiet_openmp();
  SEXP ending = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  R_PreserveObject(ending);
  R_RegisterCFinalizerEx(ending, end_engine, TRUE);
  UNPROTECT(1);
}

static void let_go(cell_t *cell) {
  if (!cell->library && cell->held) {
    R_ReleaseObject(cell->function);
    cell->held = 0;
  }
  if (!cell->library && !cell->handle) free(cell);
}

static void let_go_of_released(void) {
  pthread_mutex_lock(&released_lock);
  cell_t *cell = released;
  released = NULL;
  pthread_mutex_unlock(&released_lock);
  while (cell) {
    cell_t *next = cell->next;
    cell->library = 0;
    let_go(cell);
    cell = next;
  }
}

static void hold(cell_t *cell) {
  R_PreserveObject(cell->function);
  cell->held = 1;
}

/* The finalizer of the pointer by which a handle holds a function. */
static void handle_gone(SEXP keeper) {
  cell_t *cell = (cell_t *)R_ExternalPtrAddr(keeper);
  R_ClearExternalPtr(keeper);
  if (!cell) return;
  cell->handle = 0;
  if (cell->library) hold(cell);
  else let_go(cell);
}

void *mixnet_keep(SEXP owner, SEXP function) {
  let_go_of_released();
  if (function == R_NilValue) return NULL;
  if (!Rf_isFunction(function))
    Rf_error("[mixnet] callback: expected a function, got %s", Rf_type2char(TYPEOF(function)));
  SEXP keeper = R_NilValue, chain = R_NilValue;
  if (owner != R_NilValue) {
    keeper = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, function));
    R_RegisterCFinalizerEx(keeper, handle_gone, FALSE);
    chain = PROTECT(Rf_cons(keeper, R_ExternalPtrProtected(owner)));
  }
  cell_t *cell = (cell_t *)calloc(1, sizeof *cell);
  if (!cell) Rf_error("[mixnet] callback: expected memory, got none");
  cell->function = function;
  cell->library = 1;
  if (owner == R_NilValue) {
    hold(cell);
    return cell;
  }
  cell->handle = 1;
  R_SetExternalPtrAddr(keeper, cell);
  R_SetExternalPtrProtected(owner, chain);
  UNPROTECT(2);
  return cell;
}

void mixnet_release(void *user) {
  cell_t *cell = (cell_t *)user;
  if (on_r_thread()) {
    cell->library = 0;
    let_go(cell);
    return;
  }
  pthread_mutex_lock(&released_lock);
  cell->next = released;
  released = cell;
  pthread_mutex_unlock(&released_lock);
}

typedef struct {
  SEXP function;
  const char *name; /* or NULL */
  mxn_ndarray_t *const *arrays;
  int64_t count;
  mxn_ndarray_t **results;     /* NULL where none are wanted */
  char message[1024];          /* empty: it went well */
  mxn_custom_call_t *question; /* of a custom operator, or NULL */
} call_t;

static SEXP borrowed(mxn_ndarray_t *array) {
  SEXP handle = PROTECT(mixnet_make_ndarray());
  mxn_ndarray_t *own = NULL;
  mixnet_check(mxn_ndarray_clone(array, &own));
  mixnet_filled(handle, own);
  UNPROTECT(1);
  return handle;
}

static void nothing(SEXP handle) { (void)handle; }

static void take_results(call_t *call, SEXP list) {
  for (R_xlen_t i = 0; i < XLENGTH(list); i++) {
    mxn_ndarray_t *array = (mxn_ndarray_t *)mixnet_handle(VECTOR_ELT(list, i), "MXNDArray");
    mixnet_check(mxn_ndarray_clone(array, &call->results[i]));
  }
}

static void run(void *data) {
  call_t *call = (call_t *)data;
  SEXP arguments = R_NilValue;
  PROTECT_INDEX at;
  PROTECT_WITH_INDEX(arguments, &at);
  for (int64_t i = call->count - 1; i >= 0; i--)
    REPROTECT(arguments = Rf_lcons(borrowed(call->arrays[i]), arguments), at);
  SEXP question = PROTECT(call->question ? mixnet_make("MXCustomCallHandle", nothing) : R_NilValue);
  if (call->question) REPROTECT(arguments = Rf_lcons(mixnet_filled(question, call->question), arguments), at);
  if (call->name) REPROTECT(arguments = Rf_lcons(mixnet_string(call->name), arguments), at);
  REPROTECT(arguments = Rf_lcons(call->function, arguments), at);
  REPROTECT(arguments = Rf_lcons(Rf_install(call->results ? "run_pullback" : "run_guarded"), arguments), at);
  SEXP package = PROTECT(Rf_mkString("mixnet"));
  SEXP found = PROTECT(Rf_eval(arguments, R_FindNamespace(package)));
  if (Rf_isString(found) && XLENGTH(found) == 1) {
    snprintf(call->message, sizeof call->message, "%s", CHAR(STRING_ELT(found, 0)));
  } else {
    if (call->results) take_results(call, found);
    call->message[0] = 0;
  }
  if (call->question) R_ClearExternalPtr(question); /* it was lent for the call */
  UNPROTECT(4);
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

static int32_t call_back(void *user, const char *name, mxn_ndarray_t *const *arrays, int64_t count,
                         mxn_ndarray_t **results) {
  call_t call = {((cell_t *)user)->function, name, arrays, count, results, "", NULL};
  return run_guarded(&call);
}

int32_t mixnet_task(void *user) { return call_back(user, NULL, NULL, 0, NULL); }

int32_t mixnet_updater(void *user, const char *key, mxn_ndarray_t *received, mxn_ndarray_t *stored) {
  mxn_ndarray_t *const arrays[] = {received, stored};
  return call_back(user, key, arrays, 2, NULL);
}

int32_t mixnet_monitor(void *user, const char *name, mxn_ndarray_t *value) {
  return call_back(user, name, &value, 1, NULL);
}

int32_t mixnet_custom(void *user, mxn_custom_call_t *question) {
  call_t call = {((cell_t *)user)->function, NULL, NULL, 0, NULL, "", question};
  return run_guarded(&call);
}

int32_t mixnet_pullback(void *user, mxn_ndarray_t *const *output_grads, int64_t num_outputs,
                        mxn_ndarray_t **input_grads, int64_t num_inputs) {
  (void)num_inputs; /* R's side has counted them */
  return call_back(user, NULL, output_grads, num_outputs, input_grads);
}
