# Errors of the library as conditions of class MXNetError, and callbacks that must not fail.

# Called from C with the library's message and code.
raise_error <- function(message, code) {
  stop(structure(class = c("MXNetError", "error", "condition"), list(message = message, call = NULL, code = code)))
}

# An error of the package itself, in the library's form: [place] argument: expected X, got Y.
refuse <- function(place, argument, expected, got) {
  raise_error(sprintf("[%s] %s: expected %s, got %s", place, argument, expected, got), 0L)
}

# What a value is, for error messages.
described <- function(value) {
  if (is.null(value)) "NULL" else paste0(class(value)[1], " of length ", length(value))
}

# Runs a callback for the library: NULL, or the message of what went wrong.
run_guarded <- function(fn, ...) {
  tryCatch({
    fn(...)
    NULL
  }, error = function(e) paste0("[callback] ", conditionMessage(e)), interrupt = function(e) "[callback] interrupted")
}

# Runs a gradient written in R for the library: a list of arrays, or the message of what went wrong.
run_pullback <- function(fn, ...) {
  tryCatch(fn(...), error = function(e) paste0("[callback] ", conditionMessage(e)), interrupt = function(e) "[callback] interrupted")
}
