# Gradients of operators on arrays: what runs in mx.autograd.record is put down, and backward goes through it.

# Runs expr with the thread's flags changed; -1 leaves one as it is.
with_flags <- function(expr, recording, training) {
  before <- mxn_autograd_set(recording, training)
  on.exit(mxn_autograd_set(as.integer(bitwAnd(before, MXN_AUTOGRAD_RECORDING) != 0), as.integer(bitwAnd(before, MXN_AUTOGRAD_TRAINING) != 0)))
  force(expr)
}

mx.nd.train.mode <- function(expr, is.train = TRUE) with_flags(expr, -1, as.integer(is.train))

mx.autograd.record <- function(expr, is.train = TRUE) with_flags(expr, 1, as.integer(is.train))

mx.autograd.pause <- function(expr, is.train = FALSE) with_flags(expr, 0, as.integer(is.train))

mx.autograd.attach.grad <- function(src, grad.req = "write") {
  grad <- mx.nd.zeros(dim(src), mx.nd.ctx(src), mx.nd.dtype(src))
  mxn_autograd_mark(list(src), list(grad), request_codes(grad.req, "mx.autograd.attach.grad"))
  invisible(src)
}

mx.autograd.grad <- function(src) mxn_autograd_gradient(src)$array

as_heads <- function(heads) if (is.mx.ndarray(heads)) list(heads) else unname(heads)

mx.autograd.backward <- function(heads, head.grads = NULL, retain.graph = FALSE, is.train = TRUE) {
  grads <- if (!is.null(head.grads)) as_heads(head.grads)
  mxn_autograd_backward(as_heads(heads), grads, NULL, as.integer(retain.graph), 0, as.integer(is.train))
  invisible(heads)
}

mx.autograd.gradient <- function(heads, variables, head.grads = NULL, retain.graph = create.graph, create.graph = FALSE,
                                 is.train = TRUE) {
  grads <- if (!is.null(head.grads)) as_heads(head.grads)
  found <- mxn_autograd_backward(as_heads(heads), grads, as_heads(variables), as.integer(retain.graph), as.integer(create.graph),
                                 as.integer(is.train))
  if (is.mx.ndarray(variables)) found[[1]] else stats::setNames(found, names(variables))
}

autograd_flag <- function(bit) bitwAnd(mxn_autograd_set(-1, -1), bit) != 0

# The same memory, cut off from gradients.
mx.autograd.detach <- function(src) {
  copied <- mxn_ndarray_clone(src)
  mxn_autograd_mark(list(copied), NULL, NULL)
  copied
}

mx.autograd.custom <- function(fn) {
  function(...) {
    if (autograd_flag(MXN_AUTOGRAD_TRACING)) refuse("mx.autograd.custom", "fn", "to run outside of mx.jit", "a call that is traced")
    recording <- autograd_flag(MXN_AUTOGRAD_RECORDING)
    inputs <- unname(list(...))
    made <- with_flags(fn(...), 0, -1)
    if (typeof(made) != "list" || length(made) != 2 || !is.function(made[[2]]))
      refuse("mx.autograd.custom", "fn", "a list of the output and a function", described(made))
    if (!recording) return(made[[1]])
    outputs <- lapply(as_heads(made[[1]]), mx.autograd.detach)
    .Call(C_mixnet_autograd_function, inputs, outputs, counted_pullback(made[[2]], length(inputs)))
    if (is.mx.ndarray(made[[1]])) outputs[[1]] else outputs
  }
}

# What pullback gives, as a list of as many arrays as there are inputs.
counted_pullback <- function(pullback, count) {
  function(...) {
    found <- pullback(...)
    found <- if (is.mx.ndarray(found)) list(found) else found
    if (typeof(found) != "list" || length(found) != count || !all(vapply(found, is.mx.ndarray, TRUE)))
      refuse("mx.autograd.custom", "gradients", paste(count, "arrays"), described(found))
    unname(found)
  }
}
