# Metrics: lists of init() -> state, update(label, pred, state) -> state, get(state) -> list(name, value). The ready-made ones add up
# in the library and wait only when they are read, so that training need not stop after every batch.

new_metric <- function(name, init, update, get) {
  structure(list(name = name, init = init, update = update, get = get), class = "MXMetric")
}

# A mean of `measure(label, pred)`, an array of one number, over `count(label, pred)` things; `finish` is applied to the mean.
mean_metric <- function(name, measure, count, finish = identity) {
  new_metric(
    name,
    init = function() list(total = NULL, count = 0),
    update = function(label, pred, state) {
      value <- mx.nd.cast(measure(label, pred), "float64")
      if (is.null(state$total)) state$total <- value else invoke("broadcast_add", list(state$total, value), out = state$total)
      state$count <- state$count + count(label, pred)
      state
    },
    get = function(state) {
      list(name = name, value = if (state$count) finish(as.numeric(state$total) / state$count) else NaN)
    })
}

flat <- function(x) mxn_ndarray_reshape(x, length(x))

check_labels <- function(label, pred, place) {
  examples <- utils::tail(dim(pred), 1)
  if (length(label) != examples) refuse(place, "label", paste(examples, "labels"), length(label))
}

labels_as <- function(label, pred) mx.nd.cast(flat(label), mx.nd.dtype(pred))

mx.metric.accuracy <- mean_metric("accuracy", function(label, pred) {
  if (!identical(dim(label), dim(pred))) {
    check_labels(label, pred, "accuracy")
    pred <- mx.nd.argmax(pred, axis = 1)
  }
  invoke("sum", list(invoke("_equal", list(invoke("fix", list(flat(pred))), invoke("fix", list(labels_as(label, pred)))))))
}, function(label, pred) length(label))

mx.metric.top_k_accuracy <- function(top_k = 5) {
  if (top_k < 2) refuse("top_k_accuracy", "top_k", "at least 2 (use accuracy for 1)", top_k)
  mean_metric(paste0("top_k_accuracy_", top_k), function(label, pred) {
    check_labels(label, pred, "top_k_accuracy")
    best <- mx.nd.topk(pred, axis = 1, k = min(top_k, dim(pred)[1]), ret_typ = "mask")
    invoke("sum", list(mx.nd.pick(best, labels_as(label, pred), axis = 1)))
  }, function(label, pred) length(label))
}

log_loss <- function(name, finish = identity, eps = 1e-12) {
  mean_metric(name, function(label, pred) {
    check_labels(label, pred, name)
    -invoke("sum", list(log(mx.nd.pick(pred, labels_as(label, pred), axis = 1) + eps)))
  }, function(label, pred) length(label), finish)
}

mx.metric.cross_entropy <- log_loss("cross-entropy")

mx.metric.logloss <- log_loss("logloss")

mx.metric.Perplexity <- log_loss("perplexity", exp)

difference <- function(label, pred) labels_as(label, pred) - flat(pred)

mx.metric.mse <- mean_metric("mse", function(label, pred) mean(invoke("square", list(difference(label, pred)))), function(label, pred) 1)

mx.metric.mae <- mean_metric("mae", function(label, pred) mean(abs(difference(label, pred))), function(label, pred) 1)

mx.metric.rmse <- mean_metric("rmse", function(label, pred) {
  sqrt(mean(invoke("square", list(difference(label, pred)))))
}, function(label, pred) 1)

f1_of <- function(label, pred) {
  truth <- as.integer(label)
  scores <- as.array(pred)
  guess <- if (length(dim(scores)) > 1 && dim(scores)[1] > 1) max.col(t(scores), "first") - 1L else as.integer(scores > 0.5)
  if (length(unique(truth)) > 2) refuse("f1", "label", "two classes", length(unique(truth)))
  hits <- sum(truth == 1 & guess == 1)
  if (hits) 2 * hits / (sum(truth == 1) + sum(guess == 1)) else 0
}

mx.metric.f1 <- new_metric(
  "f1",
  init = function() c(0, 0),
  update = function(label, pred, state) state + c(f1_of(label, pred), 1),
  get = function(state) list(name = "f1", value = if (state[2]) state[1] / state[2] else NaN))

# feval takes label and prediction as R arrays and returns a number; the metric is its mean over batches.
mx.metric.custom <- function(name, feval) {
  force(feval)
  new_metric(
    name,
    init = function() c(0, 0),
    update = function(label, pred, state) state + c(feval(as.array(label), as.array(pred)), 1),
    get = function(state) list(name = name, value = if (state[2]) state[1] / state[2] else NaN))
}

mx.metric.composite <- function(...) {
  metrics <- list(...)
  if (length(metrics) == 1 && !inherits(metrics[[1]], "MXMetric")) metrics <- metrics[[1]]
  new_metric(
    "composite",
    init = function() lapply(metrics, function(m) m$init()),
    update = function(label, pred, state) Map(function(m, s) m$update(label, pred, s), metrics, state),
    get = function(state) {
      got <- Map(function(m, s) m$get(s), metrics, state)
      list(name = unlist(lapply(got, `[[`, "name")), value = unlist(lapply(got, `[[`, "value")))
    })
}

as_metric <- function(metric) {
  if (is.null(metric) || inherits(metric, "MXMetric")) metric
  else if (is.function(metric)) mx.metric.custom("custom", metric)
  else if (is.list(metric) && all(vapply(metric, inherits, TRUE, "MXMetric"))) mx.metric.composite(metric)
  else if (is.list(metric) && is.function(metric$update)) metric
  else refuse("metric", "eval.metric", "a metric, a list of them or a function(label, pred)", described(metric))
}

metric_text <- function(metric, state, prefix) {
  got <- metric$get(state)
  paste0(prefix, got$name, "=", format(got$value, digits = 6), collapse = " ")
}

print.MXMetric <- function(x, ...) {
  cat("<MXMetric ", x$name, ">\n", sep = "")
  invisible(x)
}
