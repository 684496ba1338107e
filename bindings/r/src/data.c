/* Records as raw vectors, and the batches of the library's iterators. */
#include "mixnet_r.h"

/* The next record, in memory of R's; NULL at the end. */
SEXP mixnet_record_next(SEXP reader) {
  void *data = NULL;
  int64_t bytes = 0;
  mixnet_check(
      mxn_record_reader_next((mxn_record_reader_t *)mixnet_handle(reader, "MXRecordReaderHandle"), &data, &bytes));
  if (!data) return R_NilValue;
  SEXP made = PROTECT(Rf_allocVector(RAWSXP, bytes));
  if (bytes > 0) memcpy(RAW(made), data, (size_t)bytes);
  UNPROTECT(1);
  return made;
}

/* list(arrays, pad, ids): data before labels; ids are numeric, NULL where examples have none. */
SEXP mixnet_data_batch(SEXP iter) {
  static const char *names[] = {"arrays", "pad", "ids"};
  const mxn_data_iter_t *it = (const mxn_data_iter_t *)mixnet_handle(iter, "MXDataIterHandle");
  mxn_ndarray_t **arrays = NULL;
  int64_t count = 0, pad = 0, num_ids = 0;
  const int64_t *ids = NULL;
  SEXP batch = PROTECT(mixnet_list(3, names));
  mixnet_check(mxn_data_iter_batch(it, &arrays, &count, &pad, &ids, &num_ids));
  SET_VECTOR_ELT(batch, 0, mixnet_take_arrays(arrays, count));
  SET_VECTOR_ELT(batch, 1, Rf_ScalarReal((double)pad));
  if (num_ids > 0) {
    SEXP numbers = Rf_allocVector(REALSXP, num_ids);
    SET_VECTOR_ELT(batch, 2, numbers);
    for (int64_t i = 0; i < num_ids; i++) REAL(numbers)[i] = (double)(uint64_t)ids[i];
  }
  UNPROTECT(1);
  return batch;
}
