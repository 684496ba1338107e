# x[i, j] and x[i, j] <- v with R's positions from 1 over R's dimensions. Runs of neighbours are one slice; other positions are
# gathered. A number alone drops its dimension unless drop = FALSE. Assignment takes runs of neighbours and writes in place.

# The subscripts of a call as a list with NULL for those left out.
subscripts <- function(dots, frame) {
  lapply(dots, function(part) if (identical(part, quote(expr = ))) NULL else eval(part, frame))
}

check_subscripts <- function(given, dims) {
  if (length(given) != length(dims)) refuse("[.MXNDArray", "subscripts", paste(length(dims), "of them"), length(given))
  for (k in seq_along(given)) {
    i <- given[[k]]
    if (is.null(i)) next
    if (is.logical(i)) i <- which(rep_len(i, dims[k]))
    if (is.numeric(i) && all(i < 0)) i <- seq_len(dims[k])[i]
    if (!is.numeric(i) || !length(i) || anyNA(i) || any(i < 1 | i > dims[k])) {
      refuse("[.MXNDArray", paste("subscript", k), paste("positions from 1 to", dims[k]), paste(utils::head(i, 3), collapse = ", "))
    }
    given[[k]] <- as.integer(i)
  }
  given
}

is_run <- function(i) is.null(i) || length(i) == 1 || all(diff(i) == 1L)

# begin and end of the slice that holds all runs, in the library's order of axes.
box <- function(given, dims) {
  begin <- rep(0, length(dims))
  end <- dims
  for (k in seq_along(given)) {
    if (!is.null(given[[k]]) && is_run(given[[k]])) {
      begin[k] <- given[[k]][1] - 1
      end[k] <- given[[k]][length(given[[k]])]
    }
  }
  list(begin = rev(begin), end = rev(end))
}

`[.MXNDArray` <- function(x, ..., drop = TRUE) {
  dots <- as.list(substitute(list(...)))[-1]
  if (!length(dots) || (length(dots) == 1 && identical(dots[[1]], quote(expr = )))) return(x)
  dims <- dim(x)
  given <- check_subscripts(subscripts(dots, parent.frame()), dims)
  cut <- box(given, dims)
  taken <- mx.nd.slice(x, begin = cut$begin, end = cut$end)
  for (k in which(!vapply(given, is_run, TRUE))) {
    rows <- mx.nd.array(given[[k]] - 1L, mx.nd.ctx(x), "int32")
    taken <- mx.nd.take(taken, rows, axis = length(dims) - k)
  }
  single <- lengths(given) == 1
  if (drop && any(single)) dim(taken) <- if (all(single)) 1 else dim(taken)[!single]
  taken
}

`[<-.MXNDArray` <- function(x, ..., value) {
  dots <- as.list(substitute(list(...)))[-1]
  if (!length(dots) || (length(dots) == 1 && identical(dots[[1]], quote(expr = )))) return(fill_array(x, value))
  dims <- dim(x)
  given <- check_subscripts(subscripts(dots, parent.frame()), dims)
  if (!all(vapply(given, is_run, TRUE))) refuse("[<-.MXNDArray", "subscripts", "runs of neighbours", "other positions")
  cut <- box(given, dims)
  if (is_number(value)) {
    return(mx.nd.internal.slice_assign_scalar(x, scalar = as.numeric(value), begin = cut$begin, end = cut$end, out = x))
  }
  value <- as_array_like(value, x)
  dim(value) <- rev(cut$end - cut$begin)
  mx.nd.internal.slice_assign(x, value, begin = cut$begin, end = cut$end, out = x)
}

# Writes a number, an R array or an array into all of x.
fill_array <- function(x, value) {
  if (is_number(value)) {
    info <- mx.nd.info(x)
    return(mx.nd.internal.full(shape = info$shape, value = as.numeric(value), dtype = info$dtype, out = x, ctx = info$ctx))
  }
  if (is.mx.ndarray(value)) mx.nd.copyto(value, x)
  else if (mx.nd.dtype(x) == "float16") mx.nd.copyto(as_array_like(value, x), x)
  else .Call(C_mixnet_array_fill, x, value)
  x
}

mx.nd.slice.view <- function(src, begin, end) mxn_ndarray_slice(src, begin, end)
