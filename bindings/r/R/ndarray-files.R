# .params files: lists of arrays, with or without names.

mx.nd.save <- function(ndarray, filename) {
  if (is.mx.ndarray(ndarray)) ndarray <- list(ndarray)
  mxn_ndarray_save(path.expand(filename), ndarray, names(ndarray))
  invisible(filename)
}

named <- function(loaded) {
  arrays <- loaded$arrays
  if (length(loaded$names)) names(arrays) <- loaded$names
  arrays
}

mx.nd.load <- function(filename) {
  if (is.raw(filename)) named(mxn_ndarray_load_memory(filename)) else named(mxn_ndarray_load(path.expand(filename)))
}
