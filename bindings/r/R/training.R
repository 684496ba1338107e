# The training loop. One executor per device; with one device the library's optimizer writes the weights, with several a store sums the
# gradients and does it. Nothing waits for a batch unless a callback reads it; the end of an epoch waits for all, hearing interrupts.

# Names of the symbol's arguments that are no parameters: those of the iterator.
input_names <- function(symbol, fields, given = NULL) {
  arguments <- mx.symbol.arguments(symbol)
  labels <- grep("label$", arguments, value = TRUE)
  data <- if ("data" %in% arguments) "data" else setdiff(arguments, labels)[1]
  names <- list(data = data, label = utils::head(labels, 1))[fields]
  names[names(given)] <- given
  names <- unlist(names[lengths(names) > 0])
  unknown <- setdiff(names, arguments)
  if (length(unknown)) refuse("training", "input.names", paste("one of", paste(arguments, collapse = ", ")), unknown[1])
  names
}

# Shapes of a batch by field.
batch_shapes <- function(iter) {
  if (!is.null(iter$shapes)) return(iter$shapes)
  iter$reset()
  if (!iter$iter.next()) refuse("training", "X", "at least one batch", "none")
  lapply(iter$value(), function(a) if (is.null(dim(a))) length(a) else dim(a))
}

first_params <- function(symbol, shapes, inputs, initializer, arg.params, aux.params) {
  found <- do.call(mx.symbol.infer.shape, c(list(symbol), shapes))
  if (!found$complete) refuse("training", "symbol", "shapes of all arguments from the data's", "too little")
  fill <- function(given, wanted) {
    for (name in intersect(names(given), names(wanted))) {
      if (!identical(as.numeric(dim(given[[name]])), as.numeric(wanted[[name]]))) {
        refuse("training", name, paste(wanted[[name]], collapse = " x "), paste(dim(given[[name]]), collapse = " x "))
      }
    }
    made <- mx.init.create(initializer, wanted[setdiff(names(wanted), names(given))], symbol = symbol)
    c(given[intersect(names(given), names(wanted))], made)[names(wanted)]
  }
  list(arg.params = fill(arg.params, found$arg.shapes[setdiff(names(found$arg.shapes), inputs)]),
       aux.params = fill(aux.params, found$aux.shapes))
}

# An executor on every device for its share of the batch.
bind_all <- function(symbol, ctx, shapes, params, fixed.param, train) {
  share <- function(shape) {
    count <- utils::tail(shape, 1)
    if (count %% length(ctx)) refuse("training", "array.batch.size", paste("a multiple of", length(ctx), "devices"), count)
    c(utils::head(shape, -1), count / length(ctx))
  }
  trained <- setdiff(names(params$arg.params), fixed.param)
  reqs <- if (train) stats::setNames(rep("write", length(trained)), trained) else "null"
  lapply(ctx, function(device) {
    exec <- do.call(mx.simple.bind, c(list(symbol, device, grad.req = reqs), lapply(shapes, share)))
    mx.exec.update.arg.arrays(exec, params$arg.params, match.name = TRUE)
    mx.exec.update.aux.arrays(exec, params$aux.params, match.name = TRUE)
    exec
  })
}

load_batch <- function(execs, iter, inputs) {
  if (length(execs) == 1 && !is.null(iter$fill)) {
    return(iter$fill(stats::setNames(execs[[1]]$arg.arrays[inputs], names(inputs))))
  }
  batch <- iter$value()
  for (field in names(inputs)) {
    values <- if (is.mx.ndarray(batch[[field]])) batch[[field]] else mx.nd.array(batch[[field]])
    if (length(execs) == 1) {
      fill_array(execs[[1]]$arg.arrays[[inputs[[field]]]], values)
      next
    }
    share <- utils::tail(dim(values), 1) / length(execs)
    for (k in seq_along(execs)) {
      mx.nd.copyto(mxn_ndarray_slice(values, (k - 1) * share, k * share), execs[[k]]$arg.arrays[[inputs[[field]]]])
    }
  }
}

# pad: examples at the end that only fill the batch up and are left out, with one device.
update_metric <- function(metric, state, execs, inputs, pad = 0) {
  if (is.null(metric) || is.na(inputs["label"])) return(state)
  for (exec in execs) {
    pair <- list(exec$arg.arrays[[inputs[["label"]]]], mxn_executor_arrays(exec$handle, 3)[[1]])
    if (pad > 0 && length(execs) == 1) pair <- lapply(pair, function(x) mxn_ndarray_slice(x, 0, utils::tail(dim(x), 1) - pad))
    state <- metric$update(pair[[1]], pair[[2]], state)
  }
  state
}

# A function that makes one step after backward.
stepper <- function(execs, optimizer, kvstore, trained) {
  first <- execs[[1]]
  if (length(execs) == 1 && (is.null(kvstore) || is.character(kvstore))) {
    weights <- first$arg.arrays[trained]
    grads <- unname(first$grad.arrays[trained])
    return(function() mx.opt.update(optimizer, weights, grads))
  }
  store <- if (inherits(kvstore, "MXKVStore")) kvstore else mx.kv.create(if (is.null(kvstore)) "local" else kvstore)
  mx.kv.init(store, trained, first$arg.arrays[trained])
  mx.kv.set.optimizer(store, optimizer)
  weights <- lapply(trained, function(name) lapply(execs, function(exec) exec$arg.arrays[[name]]))
  grads <- lapply(trained, function(name) lapply(execs, function(exec) exec$grad.arrays[[name]]))
  function() {
    schedule(optimizer)
    mx.kv.push(store, trained, grads)
    mx.kv.pull(store, trained, weights)
  }
}

# Copies of parameters and states; states of several devices are averaged.
current_model <- function(symbol, execs, params) {
  of <- function(arrays, name) {
    copies <- lapply(execs, function(exec) exec[[arrays]][[name]])
    total <- Reduce(`+`, copies[-1], copies[[1]])
    if (length(copies) > 1) total / length(copies) else mx.nd.copy(total)
  }
  args <- names(params$arg.params)
  auxs <- names(params$aux.params)
  model <- list(symbol = symbol, arg.params = stats::setNames(lapply(args, function(n) of("arg.arrays", n)), args),
                aux.params = stats::setNames(lapply(auxs, function(n) of("aux.arrays", n)), auxs))
  structure(model, class = "MXFeedForwardModel")
}

run_callbacks <- function(callbacks, iteration, nbatch, env, verbose) {
  if (is.function(callbacks)) callbacks <- list(callbacks)
  go_on <- vapply(callbacks, function(callback) !identical(callback(iteration, nbatch, env, verbose), FALSE), TRUE)
  all(go_on)
}

score_all <- function(execs, iter, inputs, metric) {
  state <- metric$init()
  iter$reset()
  while (iter$iter.next()) {
    load_batch(execs, iter, inputs)
    for (exec in execs) mx.exec.forward(exec, is.train = FALSE)
    state <- update_metric(metric, state, execs, inputs, iter$num.pad())
  }
  state
}

# One pass over the data; FALSE when a callback ends training. env: see the callbacks.
train_epoch <- function(env, execs, iter, inputs, step, callbacks, verbose) {
  iter$reset()
  nbatch <- 0
  while (iter$iter.next()) {
    load_batch(execs, iter, inputs)
    for (exec in execs) mxn_executor_forward(exec$handle, 1L)
    for (exec in execs) mxn_executor_backward(exec$handle, list())
    step()
    env$train.metric <- update_metric(env$metric, env$train.metric, execs, inputs)
    nbatch <- nbatch + 1
    if (length(callbacks) && !run_callbacks(callbacks, env$iteration, nbatch, env, verbose)) return(FALSE)
  }
  if (nbatch == 0) refuse("training", "X", "at least one batch", "none")
  mxn_wait_all()
  TRUE
}

train_model <- function(symbol, ctx, iter, eval.iter, params, inputs, shapes, begin, end, optimizer, metric, kvstore, fixed.param,
                        epoch.callbacks, batch.callbacks, verbose) {
  execs <- bind_all(symbol, ctx, stats::setNames(shapes[names(inputs)], inputs), params, fixed.param, TRUE)
  step <- stepper(execs, optimizer, kvstore, setdiff(names(params$arg.params), fixed.param))
  env <- list2env(list(metric = metric, optimizer = optimizer, execs = execs))
  for (iteration in seq(begin, length.out = max(0, end - begin + 1))) {
    started <- proc.time()[["elapsed"]]
    env$iteration <- iteration
    env$train.metric <- if (!is.null(metric)) metric$init()
    go_on <- train_epoch(env, execs, iter, inputs, step, batch.callbacks, verbose)
    env$epoch.seconds <- proc.time()[["elapsed"]] - started
    if (verbose && !is.null(metric)) message("[", iteration, "] ", metric_text(metric, env$train.metric, "Train-"))
    if (!is.null(eval.iter) && !is.null(metric)) {
      env$eval.metric <- score_all(execs, eval.iter, inputs, metric)
      if (verbose) message("[", iteration, "] ", metric_text(metric, env$eval.metric, "Validation-"))
    }
    env$model <- current_model(symbol, execs, params)
    if (!go_on || (length(epoch.callbacks) && !run_callbacks(epoch.callbacks, iteration, 0, env, verbose))) break
  }
  if (is.null(env$model)) env$model <- current_model(symbol, execs, params)
  env$model
}
