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
