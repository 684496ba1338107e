# The predictor: a net with its parameters, ready to compute outputs from inputs, with little memory and without the engine's threads of
# work. An MXPredictor is a list of handle and names of inputs.

read_all <- function(path) {
  if (!file.exists(path)) refuse("mx.predictor.create", path, "a file", "none")
  readBin(path, "raw", file.size(path))
}

mx.predictor.create <- function(symbol, params, input.shapes, dtypes = NULL, outputs = NULL) {
  json <- if (is.mx.symbol(symbol)) mxn_symbol_to_json(symbol) else symbol
  if (!grepl("{", json, fixed = TRUE)) json <- text_of_file(json, "mx.predictor.create")
  bytes <- if (is.raw(params)) params else read_all(path.expand(params))
  if (is.null(names(input.shapes))) refuse("mx.predictor.create", "input.shapes", "a list named by inputs", "no names")
  codes <- if (!is.null(dtypes)) vapply(dtypes, dtype_code, 0L)
  handle <- .Call(C_mixnet_predictor, json, bytes, names(input.shapes), lapply(unname(input.shapes), rev), codes, outputs)
  structure(list(handle = handle, inputs = names(input.shapes)), class = "MXPredictor")
}

mx.predictor.set.input <- function(predictor, name, value) {
  if (is.mx.ndarray(value)) value <- as.array(value)
  .Call(C_mixnet_predictor_fill, predictor$handle, name, value)
  invisible(predictor)
}

mx.predictor.forward <- function(predictor, ...) {
  inputs <- list(...)
  for (name in names(inputs)) mx.predictor.set.input(predictor, name, inputs[[name]])
  mxn_predictor_forward(predictor$handle)
  invisible(predictor)
}

mx.predictor.forward.steps <- function(predictor, steps = 1) mxn_predictor_forward_steps(predictor$handle, steps)

mx.predictor.output <- function(predictor, index = 1) .Call(C_mixnet_predictor_values, predictor$handle, index - 1)

mx.predictor.reshape <- function(predictor, ...) {
  shapes <- shape_lists(list(...), "mx.predictor.reshape")
  mxn_predictor_reshape(predictor$handle, shapes$names, shapes$ndims, shapes$dims)
  invisible(predictor)
}

mx.predictor.clone <- function(predictor) {
  predictor$handle <- mxn_predictor_clone(predictor$handle)
  predictor
}

mx.predictor.info <- function(predictor) unlist(mxn_predictor_info(predictor$handle))

predict.MXPredictor <- function(object, X, ...) mx.predictor.output(do.call(mx.predictor.forward, c(list(object), stats::setNames(list(X), object$inputs[1]))))

print.MXPredictor <- function(x, ...) {
  info <- mx.predictor.info(x)
  cat(sprintf("<MXPredictor of %s: %g parameter bytes, %g arena bytes>\n", paste(x$inputs, collapse = ", "), info["parameter_bytes"],
              info["arena_bytes"]))
  invisible(x)
}
