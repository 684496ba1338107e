/* Loading the library, and what all generated glue shares. */
#define _GNU_SOURCE
#include "load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "_cgo_export.h"

char *mxn_go_load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    return strdup(reason ? reason : "unknown reason");
  }
  for (const mxn_go_entry *entry = mxn_go_entries; entry->name; ++entry) *entry->slot = dlsym(library, entry->name);
  if (!dlsym(library, "mxn_error_copy") || !dlsym(library, "mxn_error_code")) {
    for (const mxn_go_entry *entry = mxn_go_entries; entry->name; ++entry) *entry->slot = NULL;
    return strdup("it is no mixnet library");
  }
  return NULL;
}

mxn_go_result mxn_go_missing(const char *name) {
  mxn_go_result result = {MXN_ERROR_UNSUPPORTED, malloc(256)};
  if (result.message)
    snprintf(result.message, 256, "[%s] library: expected one with this function, got an older one", name);
  return result;
}

mxn_go_result mxn_go_finish(int32_t code) {
  mxn_go_result result = {0, NULL};
  if (code != 0) mxn_go_describe(&result);
  if (code != 0 && result.code == 0) result.code = code;
  return result;
}

void mxn_go_resolve(const mxn_go_arg *args, int32_t count, const char *texts, const int64_t *ints, const double *reals,
                    mxn_arg_t *resolved) {
  for (int32_t i = 0; i < count; ++i) {
    const mxn_go_arg *from = args + i;
    mxn_arg_t to = {from->field, from->tag, from->integer, from->real, NULL, NULL, NULL, from->count};
    if (from->tag == MXN_TAG_TEXT) to.text = texts + from->offset;
    if (from->tag == MXN_TAG_INTS) to.ints = ints + from->offset;
    if (from->tag == MXN_TAG_FLOATS) to.reals = reals + from->offset;
    resolved[i] = to;
  }
}

void mxn_go_destroy(void *user) { mxnGoRelease((uintptr_t)user); }
