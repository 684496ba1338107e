/* Failing codes as R conditions, and waits that hear interrupts. */
#include <time.h>

#include "mixnet_r.h"

static const double SLICE = 0.2; /* seconds between two looks for an interrupt */

void mixnet_check(int32_t code) {
  if (code == 0) return;
  char *message = R_alloc((size_t)mxn_error_copy(NULL, 0) + 1, 1);
  mxn_error_copy(message, mxn_error_copy(NULL, 0) + 1);
  SEXP name = PROTECT(Rf_mkString("mixnet"));
  SEXP space = PROTECT(R_FindNamespace(name));
  SEXP text = PROTECT(mixnet_string(message));
  SEXP number = PROTECT(Rf_ScalarInteger(code));
  SEXP call = PROTECT(Rf_lang3(Rf_install("raise_error"), text, number));
  Rf_eval(call, space);
  UNPROTECT(5);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void set_slice(mixnet_wait_t *patience) {
  const double left = patience->deadline > 0 ? patience->deadline - now() : SLICE;
  patience->slice.timeout_s = left > SLICE ? SLICE : left > 1e-6 ? left : 1e-6;
}

void mixnet_wait_begin(mixnet_wait_t *patience, SEXP wait) {
  memset(patience, 0, sizeof *patience);
  patience->slice.struct_size = sizeof patience->slice;
  if (TYPEOF(wait) == EXTPTRSXP) patience->slice.cancel = (const mxn_cancel_t *)mixnet_handle(wait, "MXCancelHandle");
  else if (wait != R_NilValue) patience->deadline = now() + mixnet_real(wait, "wait");
  set_slice(patience);
}

int mixnet_wait_again(mixnet_wait_t *patience, int32_t code) {
  if (code == 0) return 0;
  char message[512];
  mxn_error_copy(message, sizeof message);
  if (!strstr(message, "got a time-out")) return 0;
  if (patience->deadline > 0 && now() >= patience->deadline) return 0;
  R_CheckUserInterrupt();
  set_slice(patience);
  return 1;
}
