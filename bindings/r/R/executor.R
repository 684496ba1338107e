# Executors: a symbol bound to arrays. An MXExecutor is an environment with handle, symbol, ctx and the named lists arg.arrays,
# grad.arrays (NULL where no gradient is kept) and aux.arrays; exec$outputs gives the outputs.

REQUESTS <- c(null = 0L, write = 1L, add = 3L)

request_codes <- function(grad.req, place) {
  codes <- REQUESTS[grad.req]
  if (anyNA(codes)) refuse(place, "grad.req", "null, write or add", paste(grad.req, collapse = ", "))
  unname(codes)
}

new_executor <- function(handle, symbol, ctx) {
  exec <- new.env(parent = emptyenv())
  exec$handle <- handle
  exec$symbol <- symbol
  exec$ctx <- ctx
  arguments <- mx.symbol.arguments(symbol)
  exec$arg.arrays <- stats::setNames(mxn_executor_arrays(handle, 0), arguments)
  exec$grad.arrays <- stats::setNames(mxn_executor_arrays(handle, 1), arguments)
  exec$aux.arrays <- stats::setNames(mxn_executor_arrays(handle, 2), mx.symbol.auxiliary.states(symbol))
  structure(exec, class = "MXExecutor")
}

mx.simple.bind <- function(symbol, ctx = NULL, grad.req = "null", fixed.param = NULL, dtypes = NULL, shared = NULL, ...) {
  if (is.null(ctx)) ctx <- mx.ctx.default()
  shapes <- shape_lists(list(...), "mx.simple.bind")
  named <- if (is.null(names(grad.req))) list() else as.list(grad.req)
  named[fixed.param] <- "null"
  default <- if (is.null(names(grad.req))) grad.req else "null"
  handle <- mxn_executor_simple_bind(
    symbol, ctx$device_typeid, ctx$device_id, shapes$names, shapes$ndims, shapes$dims, names(dtypes),
    if (length(dtypes)) vapply(dtypes, dtype_code, 0L), if (length(named)) names(named),
    if (length(named)) request_codes(unlist(named), "mx.simple.bind"), request_codes(default, "mx.simple.bind"), shared$handle)
  new_executor(handle, symbol, ctx)
}

in_order <- function(arrays, names, place, what) {
  if (!is.null(names(arrays))) {
    missing <- setdiff(names, names(arrays))
    if (length(missing)) refuse(place, what, paste("an array for", missing[1]), "none")
    arrays <- arrays[names]
  }
  if (length(arrays) != length(names)) refuse(place, what, paste(length(names), "arrays"), length(arrays))
  unname(arrays)
}

mx.exec.bind <- function(symbol, ctx, arg.arrays, aux.arrays = list(), grad.reqs = "null", grad.arrays = NULL) {
  arguments <- mx.symbol.arguments(symbol)
  args <- in_order(arg.arrays, arguments, "mx.exec.bind", "arg.arrays")
  states <- in_order(aux.arrays, mx.symbol.auxiliary.states(symbol), "mx.exec.bind", "aux.arrays")
  reqs <- if (!is.null(names(grad.reqs))) unname(ifelse(arguments %in% names(grad.reqs), grad.reqs[arguments], "null")) else grad.reqs
  reqs <- rep_len(reqs, length(arguments))
  grads <- vector("list", length(arguments))
  for (k in which(reqs != "null")) {
    given <- grad.arrays[[arguments[k]]]
    grads[[k]] <- if (is.null(given)) mx.nd.zeros(dim(args[[k]]), ctx, mx.nd.dtype(args[[k]])) else given
  }
  handle <- mxn_executor_bind(symbol, ctx$device_typeid, ctx$device_id, args, grads, request_codes(reqs, "mx.exec.bind"), states, NULL)
  new_executor(handle, symbol, ctx)
}

mx.exec.forward <- function(exec, is.train = TRUE) {
  mxn_executor_forward(exec$handle, as.integer(is.train))
  invisible(exec)
}

mx.exec.backward <- function(exec, ...) {
  grads <- list(...)
  if (length(grads) == 1 && typeof(grads[[1]]) == "list") grads <- grads[[1]]
  mxn_executor_backward(exec$handle, unname(grads))
  invisible(exec)
}

mx.exec.outputs <- function(exec) {
  stats::setNames(mxn_executor_arrays(exec$handle, 3), mx.symbol.outputs(exec$symbol))
}

update_arrays <- function(targets, arrays, match.name, skip.null, place) {
  if (!match.name && is.null(names(arrays))) names(arrays) <- names(targets)[seq_along(arrays)]
  for (name in names(arrays)) {
    if (is.null(arrays[[name]])) {
      if (skip.null) next
      refuse(place, name, "an array", "NULL")
    }
    if (is.null(targets[[name]])) refuse(place, "name", paste("one of", paste(names(targets), collapse = ", ")), name)
    fill_array(targets[[name]], arrays[[name]])
  }
}

mx.exec.update.arg.arrays <- function(exec, arg.arrays, match.name = FALSE, skip.null = FALSE) {
  update_arrays(exec$arg.arrays, arg.arrays, match.name, skip.null, "mx.exec.update.arg.arrays")
  invisible(exec)
}

mx.exec.update.aux.arrays <- function(exec, arg.arrays, match.name = FALSE, skip.null = FALSE) {
  update_arrays(exec$aux.arrays, arg.arrays, match.name, skip.null, "mx.exec.update.aux.arrays")
  invisible(exec)
}

mx.exec.update.grad.arrays <- function(exec, arg.arrays, match.name = FALSE, skip.null = FALSE) {
  update_arrays(exec$grad.arrays, arg.arrays, match.name, skip.null, "mx.exec.update.grad.arrays")
  invisible(exec)
}

mx.exec.reshape <- function(exec, ..., partial.shaping = FALSE, up.sizing = FALSE) {
  shapes <- shape_lists(list(...), "mx.exec.reshape")
  handle <- mxn_executor_reshape(exec$handle, as.integer(partial.shaping), as.integer(up.sizing), shapes$names, shapes$ndims, shapes$dims)
  new_executor(handle, exec$symbol, exec$ctx)
}

mx.exec.set.monitor <- function(exec, callback, inputs = FALSE) {
  mxn_executor_set_monitor(exec$handle, callback, as.integer(inputs))
  invisible(exec)
}

mx.exec.memory <- function(exec, is.train = TRUE) unlist(mxn_executor_memory(exec$handle, as.integer(is.train)))

mx.exec.describe <- function(exec) mxn_executor_describe(exec$handle)

`$.MXExecutor` <- function(x, name) {
  if (name %in% c("outputs", "ref.outputs")) return(mx.exec.outputs(x))
  get0(sub("^ref[.]", "", name), envir = x, inherits = FALSE)
}

print.MXExecutor <- function(x, ...) {
  cat(sprintf("<MXExecutor of %s @ %s>\n", paste(mx.symbol.outputs(x$symbol), collapse = ", "), format(x$ctx)))
  invisible(x)
}
