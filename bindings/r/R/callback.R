# Callbacks of the training loop: function(iteration, nbatch, env, verbose). env is the loop's environment, with model, metric,
# train.metric, eval.metric (states of the metric), epoch.seconds and optimizer. One that returns FALSE ends training.

mx.callback.log.train.metric <- function(period, logger = NULL) {
  function(iteration, nbatch, env, verbose = TRUE) {
    if (nbatch %% period == 0 && !is.null(env$metric)) {
      got <- env$metric$get(env$train.metric)
      if (nbatch != 0 && verbose) message("Batch [", nbatch, "] ", metric_text(env$metric, env$train.metric, "Train-"))
      if (!is.null(logger)) {
        logger$train <- c(logger$train, got$value)
        if (!is.null(env$eval.metric)) logger$eval <- c(logger$eval, env$metric$get(env$eval.metric)$value)
      }
    }
    TRUE
  }
}

mx.callback.log.speedometer <- function(batch.size, frequency = 50) {
  started <- NULL
  function(iteration, nbatch, env, verbose = TRUE) {
    if (nbatch %% frequency == 0 || nbatch < frequency && is.null(started)) {
      now <- proc.time()[["elapsed"]]
      if (nbatch %% frequency == 0 && !is.null(started) && verbose) {
        speed <- frequency * batch.size / max(1e-9, now - started)
        text <- if (is.null(env$metric)) "" else metric_text(env$metric, env$train.metric, "Train-")
        message(sprintf("Epoch [%d] Batch [%d] Speed: %.2f samples/sec %s", iteration, nbatch, speed, text))
      }
      started <<- now
    }
    TRUE
  }
}

mx.callback.save.checkpoint <- function(prefix, period = 1) {
  function(iteration, nbatch, env, verbose = TRUE) {
    if (iteration %% period == 0) {
      mx.model.save(env$model, prefix, iteration)
      if (verbose) message(sprintf("Model checkpoint saved to %s-%04d.params", prefix, iteration))
    }
    TRUE
  }
}

mx.callback.early.stop <- function(train.metric = NULL, eval.metric = NULL, bad.steps = NULL, maximize = FALSE, verbose = TRUE) {
  best <- NULL
  bad <- 0
  reached <- function(value, goal) !is.null(goal) && (if (maximize) value >= goal else value <= goal)
  function(iteration, nbatch, env, verbose.loop = verbose) {
    if (is.null(env$metric)) return(TRUE)
    train <- env$metric$get(env$train.metric)$value[1]
    watched <- if (is.null(env$eval.metric)) train else env$metric$get(env$eval.metric)$value[1]
    if (reached(train, train.metric) || (!is.null(env$eval.metric) && reached(watched, eval.metric))) return(FALSE)
    better <- is.null(best) || (if (maximize) watched > best else watched < best)
    if (better) {
      best <<- watched
      bad <<- 0
    } else {
      bad <<- bad + 1
    }
    stop_now <- !is.null(bad.steps) && bad >= bad.steps
    if (stop_now && verbose) message("Best score: ", best, ", no better for ", bad, " epochs")
    !stop_now
  }
}

# A place where mx.callback.log.train.metric keeps what it saw: logger$train and logger$eval.
mx.metric.logger <- function() new.env(parent = emptyenv())
