# Data iterators: reset(), iter.next() -> TRUE while there is a batch, value() -> list(data, label), num.pad(). Anything with these four
# functions will do. The arrays of a batch are good until the next iter.next(), which writes the next batch into them.

# Data with the examples along R's last dimension, as an array in the library.
as_source <- function(x, ctx) {
  if (is.null(x) || is.mx.ndarray(x)) return(x)
  mx.nd.array(x, ctx, if (is.raw(x)) "uint8" else "float32")
}

mx.io.arrayiter <- function(data, label = NULL, batch.size = 128, shuffle = FALSE, ctx = NULL) {
  sources <- list(data = as_source(data, ctx), label = as_source(label, ctx))
  sources <- sources[!vapply(sources, is.null, TRUE)]
  counts <- vapply(sources, function(s) utils::tail(dim(s), 1), 0)
  if (any(counts != counts[1])) refuse("mx.io.arrayiter", "label", paste(counts[1], "labels"), counts[2])
  iter <- new.env(parent = emptyenv())
  count <- counts[[1]]
  padded <- ceiling(count / batch.size) * batch.size
  where <- mx.nd.ctx(sources$data)
  cursor <- -batch.size
  order <- NULL
  buffers <- NULL

  # Row numbers of the epoch; the last batch is filled from the beginning.
  draw_order <- function() {
    rows <- mx.nd.internal.arange(start = 0, stop = count, dtype = "int32", ctx = where)
    if (shuffle) rows <- mx.nd.internal.shuffle(rows)
    rest <- padded - count
    if (rest > 0) rows <- mx.nd.take(rows, mx.nd.array((seq_len(padded) - 1) %% count, where, "int32"), axis = 0)
    rows
  }
  iter$batch.size <- batch.size
  iter$num.data <- count
  iter$shapes <- lapply(sources, function(s) c(utils::head(dim(s), -1), batch.size))
  iter$reset <- function() {
    order <<- draw_order()
    cursor <<- -batch.size
    invisible(TRUE)
  }
  iter$iter.next <- function() {
    if (is.null(order)) iter$reset()
    cursor <<- cursor + batch.size
    cursor < count
  }
  # Writes the batch into arrays of the executor, or of the iterator.
  iter$fill <- function(targets) {
    rows <- mxn_ndarray_slice(order, cursor, cursor + batch.size)
    for (name in names(targets)) mx.nd.take(sources[[name]], rows, axis = 0, out = targets[[name]])
    mxn_ndarray_free(rows)
    invisible(targets)
  }
  iter$value <- function() {
    if (is.null(buffers)) buffers <<- Map(function(s, shape) mx.nd.empty(shape, where, mx.nd.dtype(s)), sources, iter$shapes)
    iter$fill(buffers)
  }
  iter$num.pad <- function() max(0, cursor + batch.size - count)
  structure(iter, class = "MXDataIter")
}

# An iterator of the user's functions.
mx.io.custom.iter <- function(reset, iter.next, value, num.pad = function() 0) {
  iter <- list2env(list(reset = reset, iter.next = iter.next, value = value, num.pad = num.pad), parent = emptyenv())
  structure(iter, class = "MXDataIter")
}

mx.io.extract <- function(iter, field) {
  parts <- list()
  iter$reset()
  while (iter$iter.next()) {
    array <- as.array(iter$value()[[field]])
    keep <- utils::tail(dim(array), 1) - iter$num.pad()
    parts[[length(parts) + 1]] <- utils::head(as.vector(array), length(array) / utils::tail(dim(array), 1) * keep)
    shape <- utils::head(dim(array), -1)
  }
  values <- unlist(parts)
  array(values, c(shape, length(values) / prod(shape)))
}

is.mx.dataiter <- function(x) inherits(x, "MXDataIter")

print.MXDataIter <- function(x, ...) {
  cat("<MXDataIter", if (!is.null(x$num.data)) sprintf(" of %g examples in batches of %g", x$num.data, x$batch.size), ">\n", sep = "")
  invisible(x)
}
