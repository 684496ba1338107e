# Devices. A context is a list of class MXContext: device ("cpu"), device_id, device_typeid.

context <- function(device, id, kind) {
  structure(list(device = device, device_id = as.integer(id), device_typeid = as.integer(kind)), class = "MXContext")
}

mx.cpu <- function(dev.id = 0) context("cpu", dev.id, MXN_DEVICE_CPU)

mx.gpu <- function(dev.id = 0) context("gpu", dev.id, MXN_DEVICE_GPU)

defaults <- new.env(parent = emptyenv())

mx.ctx.default <- function(new = NULL) {
  if (is.null(defaults$ctx)) defaults$ctx <- mx.cpu()
  if (!is.null(new)) {
    if (!is.mx.context(new)) refuse("mx.ctx.default", "new", "a context such as mx.cpu()", described(new))
    .Call(C_mixnet_default_device, new$device_typeid, new$device_id)
    defaults$ctx <- new
  }
  defaults$ctx
}

is.mx.context <- function(x) inherits(x, "MXContext")

print.MXContext <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

format.MXContext <- function(x, ...) paste0(x$device, "(", x$device_id, ")")

context_of <- function(kind, index) {
  context(c("cpu", "gpu", "pinned")[kind], index, kind)
}
