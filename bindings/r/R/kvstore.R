# The key-value store: pushes to a key are summed and stored, or handed to an updater, which R runs in the waits of its own thread.

mx.kv.create <- function(type = "local") {
  store <- new.env(parent = emptyenv())
  store$handle <- mxn_kvstore_create(type)
  store$type <- type
  structure(store, class = "MXKVStore")
}

# Keys and arrays as equally long lists; an array list under one key is one entry for each array.
kv_pairs <- function(keys, arrays, place) {
  if (is.mx.ndarray(arrays)) arrays <- list(arrays)
  if (length(keys) == 1 && length(arrays) > 1) arrays <- list(arrays)
  if (length(keys) != length(arrays)) refuse(place, "arrays", paste(length(keys), "of them"), length(arrays))
  arrays <- lapply(arrays, function(a) if (is.mx.ndarray(a)) list(a) else unname(a))
  list(keys = rep(as.character(keys), lengths(arrays)), arrays = unlist(arrays, recursive = FALSE, use.names = FALSE))
}

mx.kv.init <- function(kv, keys, arrays) {
  pairs <- kv_pairs(keys, arrays, "mx.kv.init")
  mxn_kvstore_init(kv$handle, pairs$keys, pairs$arrays)
  invisible(kv)
}

mx.kv.push <- function(kv, keys, arrays, priority = 0) {
  pairs <- kv_pairs(keys, arrays, "mx.kv.push")
  mxn_kvstore_push(kv$handle, pairs$keys, pairs$arrays, priority)
  invisible(kv)
}

mx.kv.pull <- function(kv, keys, out, priority = 0) {
  pairs <- kv_pairs(keys, out, "mx.kv.pull")
  mxn_kvstore_pull(kv$handle, pairs$keys, pairs$arrays, priority)
  invisible(out)
}

mx.kv.set.updater <- function(kv, updater) {
  mxn_kvstore_set_updater(kv$handle, updater)
  invisible(kv)
}

mx.kv.set.optimizer <- function(kv, optimizer) {
  mxn_kvstore_set_optimizer(kv$handle, optimizer$handle)
  invisible(kv)
}

mx.kv.rank <- function(kv) unlist(mxn_kvstore_rank(kv$handle))

mx.kv.barrier <- function(kv) invisible(mxn_kvstore_barrier(kv$handle))

mx.kv.statistics <- function(kv) mxn_kvstore_statistics(kv$handle)

# Runs what the library has queued for R, waiting at most `timeout` seconds for the first; returns how many ran.
mx.queue.poll <- function(timeout = 0) {
  deadline <- proc.time()[["elapsed"]] + timeout
  repeat {
    left <- deadline - proc.time()[["elapsed"]]
    ran <- mxn_queue_poll(max(0, min(0.2, left)))
    if (ran > 0 || left <= 0) return(ran)
  }
}

STORE <- list(init = mx.kv.init, push = mx.kv.push, pull = mx.kv.pull, set.updater = mx.kv.set.updater,
              set.optimizer = mx.kv.set.optimizer, statistics = mx.kv.statistics)

`$.MXKVStore` <- function(x, name) {
  method <- STORE[[name]]
  if (is.null(method)) get0(name, envir = x, inherits = FALSE) else function(...) method(x, ...)
}

print.MXKVStore <- function(x, ...) {
  cat("<MXKVStore ", x$type, ">\n", sep = "")
  invisible(x)
}
