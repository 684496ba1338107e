# Arrays in the library. An MXNDArray is a handle: assigning it to another name copies nothing, and `x[...] <- v` writes into the
# one array that both names mean. dim() is the library's shape reversed, so that elements keep their order in memory.

DTYPES <- c(float32 = 0L, float64 = 1L, float16 = 2L, uint8 = 3L, int32 = 4L, int8 = 5L, int64 = 6L, bool = 7L, bfloat16 = 12L)

dtype_code <- function(dtype) {
  code <- DTYPES[dtype]
  if (length(dtype) != 1 || is.na(code)) refuse("dtype", "dtype", paste("one of", paste(names(DTYPES), collapse = ", ")), dtype)
  unname(code)
}

invoke <- function(op, inputs, params = list(), out = NULL, ctx = NULL) .Call(C_mixnet_invoke, op, inputs, params, out, ctx)

mx.nd.empty <- function(shape, ctx = NULL, dtype = "float32") {
  if (is.null(ctx)) ctx <- mx.ctx.default()
  mxn_ndarray_create(rev(shape), dtype_code(dtype), ctx$device_typeid, ctx$device_id)
}

mx.nd.array <- function(src.array, ctx = NULL, dtype = "float32") {
  if (is.mx.ndarray(src.array)) return(mx.nd.copy(src.array))
  if (is.data.frame(src.array)) src.array <- data.matrix(src.array)
  if (is.factor(src.array)) src.array <- as.integer(src.array) - 1L
  shape <- if (is.null(dim(src.array))) length(src.array) else dim(src.array)
  if (dtype %in% c("float16", "bfloat16")) {
    return(mx.nd.cast(mx.nd.array(src.array, ctx), dtype))
  }
  .Call(C_mixnet_array_fill, mx.nd.empty(shape, ctx, dtype), src.array)
}

mx.nd.zeros <- function(shape, ctx = NULL, dtype = "float32") mx.nd.full(shape, 0, ctx, dtype)

mx.nd.ones <- function(shape, ctx = NULL, dtype = "float32") mx.nd.full(shape, 1, ctx, dtype)

mx.nd.full <- function(shape, val, ctx = NULL, dtype = "float32") {
  mx.nd.internal.full(shape = rev(shape), value = val, dtype = dtype, ctx = ctx)
}

mx.nd.copy <- function(src, ctx = NULL) {
  if (is.null(ctx)) return(invoke("_copy", list(src)))
  mx.nd.copyto(src, mx.nd.empty(dim(src), ctx, mx.nd.dtype(src)))
}

mx.nd.copyto <- function(src, dst) {
  if (is.mx.context(dst)) return(mx.nd.copy(src, dst))
  mxn_ndarray_copy(src, dst)
  invisible(dst)
}

mx.nd.cast <- function(src, dtype) {
  if (mx.nd.dtype(src) == dtype) src else mx.nd.Cast(src, dtype = dtype)
}

mx.nd.info <- function(src) {
  info <- mxn_ndarray_info(src)
  list(shape = info$shape, dim = rev(info$shape), dtype = names(DTYPES)[match(info$dtype, DTYPES)],
       ctx = context_of(info$device_kind, info$device_index), bytes = info$bytes)
}

mx.nd.dtype <- function(src) names(DTYPES)[match(mxn_ndarray_info(src)$dtype, DTYPES)]

mx.nd.ctx <- function(src) mx.nd.info(src)$ctx

is.mx.ndarray <- function(x) inherits(x, "MXNDArray")

mx.nd.wait <- function(src = NULL, timeout = NULL) {
  if (is.null(src)) mxn_wait_all(timeout) else mxn_ndarray_wait_to_read(src, timeout)
  invisible(src)
}

mx.free <- function(x) {
  free <- list(MXNDArray = mxn_ndarray_free, MXSymbol = mxn_symbol_free, MXExecutor = function(x) mxn_executor_free(x$handle),
               MXKVStore = function(x) mxn_kvstore_free(x$handle), MXPredictor = function(x) mxn_predictor_free(x$handle),
               MXOptimizer = function(x) mxn_optimizer_free(x$handle))[[class(x)[1]]]
  if (is.null(free)) refuse("mx.free", "x", "an array, symbol, executor, store, optimizer or predictor", described(x))
  invisible(free(x))
}

dim.MXNDArray <- function(x) .Call(C_mixnet_dim, x)

length.MXNDArray <- function(x) prod(dim(x))

`dim<-.MXNDArray` <- function(x, value) mxn_ndarray_reshape(x, rev(value))

as.array.MXNDArray <- function(x, ...) {
  if (mx.nd.dtype(x) == "float16") x <- mx.nd.cast(x, "float32")
  .Call(C_mixnet_array_values, x)
}

as.matrix.MXNDArray <- function(x, ...) as.matrix(as.array(x))

as.vector.MXNDArray <- function(x, mode = "any") as.vector(as.array(x), mode)

as.double.MXNDArray <- function(x, ...) as.double(as.array(x))

as.integer.MXNDArray <- function(x, ...) as.integer(as.array(x))

as.logical.MXNDArray <- function(x, ...) as.logical(as.array(x))

format.MXNDArray <- function(x, ...) {
  info <- mx.nd.info(x)
  sprintf("<MXNDArray %s %s @ %s>", paste(info$dim, collapse = " x "), info$dtype, format(info$ctx))
}

print.MXNDArray <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  if (length(x) <= 1000) print(as.array(x), ...) else cat("  ", length(x), " elements; as.array() shows them\n", sep = "")
  invisible(x)
}
