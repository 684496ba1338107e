# A symbol that is called on arrays, planned once; and functions of arrays that are traced into one.

one_or_all <- function(outputs) if (length(outputs) == 1) outputs[[1]] else outputs

mx.cached.op <- function(symbol, parameters = NULL) {
  handle <- mxn_cached_op_create(symbol, parameters)
  wanted <- c(mx.symbol.arguments(symbol), mx.symbol.auxiliary.states(symbol))
  call <- function(...) one_or_all(.Call(C_mixnet_cached_op, handle, in_order(list(...), wanted, "mx.cached.op", "inputs")))
  structure(call, class = "MXReplay", plan = function() mxn_cached_op_describe(handle)$text)
}

mx.jit <- function(fn) {
  traces <- new.env(parent = emptyenv())
  call <- function(...) {
    if (autograd_flag(MXN_AUTOGRAD_TRACING)) return(fn(...))
    arguments <- list(...)
    key <- paste(c(autograd_flag(MXN_AUTOGRAD_TRAINING), names(arguments), vapply(arguments, key_of, "")), collapse = "; ")
    if (is.null(traces[[key]])) traces[[key]] <- trace_of(fn, arguments)
    traced <- traces$.last <- traces[[key]]
    outputs <- .Call(C_mixnet_cached_op, traced$handle, traced$inputs(Filter(is.mx.ndarray, arguments)))
    if (traced$several) outputs else outputs[[1]]
  }
  plan <- function() if (is.null(traces$.last)) "" else mxn_cached_op_describe(traces$.last$handle)$text
  structure(call, class = "MXReplay", plan = plan)
}

mx.jit.traces <- function(fn) length(setdiff(ls(environment(fn)$traces, all.names = TRUE), ".last"))

# What a trace is good for: sizes, type and device of an array, the value of anything else.
key_of <- function(value) {
  if (is.mx.ndarray(value)) format(value) else paste(deparse(value), collapse = " ")
}

trace_of <- function(fn, arguments) {
  arrays <- vapply(arguments, is.mx.ndarray, TRUE)
  arguments[arrays] <- mxn_trace_begin(unname(arguments[arrays]))
  on.exit(if (autograd_flag(MXN_AUTOGRAD_TRACING)) mxn_trace_end(NULL))
  value <- do.call(fn, arguments, quote = TRUE)
  outputs <- as_heads(value)
  if (typeof(outputs) != "list" || length(outputs) == 0 || !all(vapply(outputs, is.mx.ndarray, TRUE)))
    refuse("mx.jit", "fn", "a function that returns arrays", described(value))
  replayed(mxn_trace_end(outputs), !is.mx.ndarray(value))
}

# The library calls the inputs data0, data1, ... and what was found outside param0, param1, ...
replayed <- function(found, several) {
  arguments <- mx.symbol.arguments(found$symbol)
  wanted <- c(arguments, mx.symbol.auxiliary.states(found$symbol))
  given <- startsWith(wanted, "data")
  number <- as.integer(sub("^[a-z]+", "", wanted)) + 1L
  inputs <- function(arrays) {
    all <- vector("list", length(wanted))
    all[given] <- unname(arrays)[number[given]]
    all[!given] <- found$arrays[number[!given]]
    all
  }
  list(handle = mxn_cached_op_create(found$symbol, arguments[startsWith(arguments, "param")]), inputs = inputs, several = several)
}

print.MXReplay <- function(x, ...) {
  cat("<MXReplay>\n", attr(x, "plan")(), sep = "")
  invisible(x)
}
