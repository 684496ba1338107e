# Optimizers live in the library with their states by key. An MXOptimizer is an environment: handle, name, base.lr, lr_scheduler and the
# number of updates. Option names are Python's; dots stand for underscores as well.

mx.opt.create <- function(name, ..., lr_scheduler = NULL) {
  options <- list(...)
  if (length(options) && (is.null(names(options)) || any(names(options) == ""))) refuse("mx.opt.create", "options", "names", "none")
  options <- options[!vapply(options, is.null, TRUE)]
  names(options) <- gsub(".", "_", names(options), fixed = TRUE)
  texts <- vapply(options, option_text, "")
  opt <- new.env(parent = emptyenv())
  opt$handle <- mxn_optimizer_create(name, if (length(options)) names(options), if (length(options)) unname(texts))
  opt$name <- name
  opt$base.lr <- options$learning_rate
  opt$lr_scheduler <- lr_scheduler
  opt$num_update <- 0
  structure(opt, class = "MXOptimizer")
}

option_text <- function(value) {
  if (is.logical(value)) return(if (value) "True" else "False")
  if (is.numeric(value)) format(value, digits = 17, scientific = NA) else as.character(value)
}

mx.opt.set <- function(optimizer, option, value) {
  mxn_optimizer_set(optimizer$handle, gsub(".", "_", option, fixed = TRUE), value)
  invisible(optimizer)
}

mx.opt.set.multipliers <- function(optimizer, key, lr_mult = 1, wd_mult = 1) {
  mxn_optimizer_set_multipliers(optimizer$handle, key, lr_mult, wd_mult)
  invisible(optimizer)
}

# Tells the library the learning rate of the update that comes next.
schedule <- function(optimizer) {
  optimizer$num_update <- optimizer$num_update + 1
  rate <- optimizer$lr_scheduler
  if (is.null(rate)) return(invisible())
  own <- length(formals(rate)) > 1 && !is.null(optimizer$base.lr)
  lr <- if (own) rate(optimizer$num_update, optimizer$base.lr) else rate(optimizer$num_update)
  mxn_optimizer_set(optimizer$handle, "learning_rate", lr)
}

mx.opt.update <- function(optimizer, weights, grads) {
  if (is.null(names(weights))) refuse("mx.opt.update", "weights", "a named list", "no names")
  schedule(optimizer)
  mxn_optimizer_update(optimizer$handle, names(weights), unname(weights), unname(grads))
  invisible(weights)
}

# Multipliers that the symbol's variables carry as attributes.
apply_multipliers <- function(optimizer, symbol) {
  attributes <- mx.symbol.attributes(symbol)
  attributes <- attributes[attributes$key %in% c("__lr_mult__", "__wd_mult__"), ]
  for (node in unique(attributes$node)) {
    of <- function(key) {
      value <- attributes$value[attributes$node == node & attributes$key == key]
      if (length(value)) as.numeric(value[1]) else 1
    }
    mx.opt.set.multipliers(optimizer, node, of("__lr_mult__"), of("__wd_mult__"))
  }
}

mx.opt.save <- function(optimizer, filename) {
  mxn_optimizer_save(optimizer$handle, path.expand(filename))
  invisible(filename)
}

mx.opt.load <- function(optimizer, filename) {
  mxn_optimizer_load(optimizer$handle, path.expand(filename))
  invisible(optimizer)
}

mx.opt.schemas <- function() mxn_optimizer_schemas()

print.MXOptimizer <- function(x, ...) {
  cat("<MXOptimizer ", x$name, ">\n", sep = "")
  invisible(x)
}
