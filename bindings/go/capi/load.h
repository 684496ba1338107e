/* How package capi reaches the library: it is loaded when the program starts, and each function is found by its name.
 *
 * A failure's message is copied in the same call from Go, on the same thread, before the thread can serve another goroutine.
 */
#ifndef MXN_GO_LOAD_H_
#define MXN_GO_LOAD_H_

#include <stdint.h>
#include <stdlib.h>

#include "mixnet/c_api.h"

/* code 0: success. message: the caller frees it. */
typedef struct {
  int32_t code;
  char *message;
} mxn_go_result;

/* mxn_arg_t without pointers: text, ints and reals are found at `offset` of the vector that the tag means. */
typedef struct {
  int32_t field, tag;
  int64_t integer;
  double real;
  int64_t offset, count;
} mxn_go_arg;

typedef struct {
  const char *name;
  void **slot;
} mxn_go_entry;

/* Opens a library and fills mxn_go_entries; NULL, or what the loader says (the caller frees it). */
char *mxn_go_load(const char *path);
mxn_go_result mxn_go_missing(const char *name);
mxn_go_result mxn_go_finish(int32_t code);
void mxn_go_resolve(const mxn_go_arg *args, int32_t count, const char *texts, const int64_t *ints, const double *reals,
                    mxn_arg_t *resolved);
void mxn_go_destroy(void *user);
void mxn_go_describe(mxn_go_result *result);
extern const mxn_go_entry mxn_go_entries[];

#endif
