# Feed-forward models: train, predict, score, and MXNet's checkpoint files.

as_iter <- function(X, y, batch.size, layout, shuffle) {
  if (is.mx.dataiter(X) || (is.list(X) && !is.data.frame(X) && is.function(X$iter.next)) || is.environment(X)) return(X)
  y <- as_labels(y)
  if (!is.mx.ndarray(X)) {
    layout <- layout_for_training(X, y, layout)
    X <- examples_last(X, layout)
    if (is.matrix(y) && layout == "rowmajor") y <- t(y)
  }
  count <- utils::tail(dim(X), 1)
  mx.io.arrayiter(X, y, min(batch.size, count), shuffle)
}

as_devices <- function(ctx) {
  if (is.null(ctx)) list(mx.ctx.default()) else if (is.mx.context(ctx)) list(ctx) else ctx
}

mx.model.FeedForward.create <- function(symbol, X, y = NULL, ctx = NULL, begin.round = 1, num.round = 10, optimizer = "sgd",
                                        initializer = mx.init.uniform(0.01), eval.data = NULL, eval.metric = mx.metric.accuracy,
                                        epoch.end.callback = NULL, batch.end.callback = NULL, array.batch.size = 128,
                                        array.layout = "auto", kvstore = "local", verbose = TRUE, arg.params = NULL,
                                        aux.params = NULL, input.names = NULL, fixed.param = NULL, ...) {
  iter <- as_iter(X, y, array.batch.size, array.layout, TRUE)
  if (!is.null(eval.data) && !is.null(eval.data$label) && is.null(eval.data$iter.next)) {
    eval.data <- as_iter(eval.data$data, eval.data$label, array.batch.size, array.layout, FALSE)
  }
  shapes <- batch_shapes(iter)
  inputs <- input_names(symbol, names(shapes), input.names)
  params <- first_params(symbol, stats::setNames(shapes[names(inputs)], inputs), inputs, initializer, arg.params, aux.params)
  if (is.character(optimizer)) {
    options <- list(...)
    if (is.null(options$rescale.grad)) options$rescale.grad <- 1 / utils::tail(shapes[[1]], 1)
    optimizer <- do.call(mx.opt.create, c(list(optimizer), options))
  }
  apply_multipliers(optimizer, symbol)
  train_model(symbol, as_devices(ctx), iter, eval.data, params, inputs, shapes, begin.round, num.round, optimizer, as_metric(eval.metric),
              kvstore, fixed.param, epoch.end.callback, batch.end.callback, verbose)
}

# An executor of the model for batches of these shapes.
bind_model <- function(model, ctx, shapes) {
  missing <- setdiff(mx.symbol.arguments(model$symbol), c(names(model$arg.params), names(shapes)))
  labels <- grep("label$", missing, value = TRUE)
  if (length(setdiff(missing, labels))) refuse("model", setdiff(missing, labels)[1], "a value among the parameters", "none")
  used <- intersect(names(model$arg.params), mx.symbol.arguments(model$symbol))
  do.call(mx.symbol.infer.shape, c(list(model$symbol), shapes, lapply(model$arg.params[used], dim)))  # names what does not fit
  bind_all(model$symbol, list(ctx), shapes, list(arg.params = model$arg.params[used], aux.params = model$aux.params), NULL, FALSE)[[1]]
}

# The first output for all examples of an iterator, examples along the last dimension.
predict_all <- function(exec, iter, inputs) {
  parts <- list()
  iter$reset()
  while (iter$iter.next()) {
    load_batch(list(exec), iter, inputs)
    mx.exec.forward(exec, is.train = FALSE)
    out <- mx.exec.outputs(exec)[[1]]
    kept <- utils::tail(dim(out), 1) - iter$num.pad()
    parts[[length(parts) + 1]] <- mx.nd.slice_axis(out, axis = 0, begin = 0, end = kept)
  }
  as.array(if (length(parts) > 1) mx.nd.concat(parts, dim = 0) else parts[[1]])
}

predict.MXFeedForwardModel <- function(object, X, ctx = NULL, array.batch.size = 128, array.layout = "auto", ...) {
  if (is.null(ctx)) ctx <- mx.ctx.default()
  inputs <- input_names(object$symbol, "data")
  inputs <- inputs["data"]
  if (!is.mx.dataiter(X)) {
    if (!is.mx.ndarray(X)) X <- examples_last(X, layout_for_prediction(X, object, inputs[["data"]], array.layout))
    X <- mx.io.arrayiter(X, NULL, min(array.batch.size, utils::tail(dim(X), 1)))
  }
  shape <- batch_shapes(X)["data"]
  predict_all(bind_model(object, ctx, stats::setNames(shape, inputs)), X, inputs)
}

mx.model.score <- function(model, X, y = NULL, eval.metric = mx.metric.accuracy, ctx = NULL, array.batch.size = 128,
                           array.layout = "auto") {
  if (is.null(ctx)) ctx <- mx.ctx.default()
  iter <- as_iter(X, y, array.batch.size, array.layout, FALSE)
  shapes <- batch_shapes(iter)
  inputs <- input_names(model$symbol, names(shapes))
  metric <- as_metric(eval.metric)
  exec <- bind_model(model, ctx, stats::setNames(shapes[names(inputs)], inputs))
  got <- metric$get(score_all(list(exec), iter, inputs, metric))
  stats::setNames(got$value, got$name)
}

mx.model.save <- function(model, prefix, iteration) {
  named <- c(stats::setNames(model$arg.params, sprintf("arg:%s", names(model$arg.params))),
             stats::setNames(model$aux.params, sprintf("aux:%s", names(model$aux.params))))
  mx.symbol.save(model$symbol, path.expand(paste0(prefix, "-symbol.json")))
  mx.nd.save(named, sprintf("%s-%04d.params", prefix, as.integer(iteration)))
}

mx.model.load <- function(prefix, iteration) {
  symbol <- mx.symbol.load(path.expand(paste0(prefix, "-symbol.json")))
  file <- sprintf("%s-%04d.params", prefix, as.integer(iteration))
  params <- mx.nd.load(file)
  kind <- sub(":.*", "", names(params))
  if (!length(params) || !all(kind %in% c("arg", "aux"))) refuse(paste("mx.model.load", file), "name", "arg:NAME or aux:NAME", names(params)[1])
  names(params) <- sub("^(arg|aux):", "", names(params))
  structure(list(symbol = symbol, arg.params = params[kind == "arg"], aux.params = params[kind == "aux"]), class = "MXFeedForwardModel")
}

print.MXFeedForwardModel <- function(x, ...) {
  count <- sum(vapply(x$arg.params, length, 0))
  cat(sprintf("<MXFeedForwardModel of %s: %g numbers in %d parameters>\n", paste(mx.symbol.outputs(x$symbol), collapse = ", "), count,
              length(x$arg.params)))
  invisible(x)
}
