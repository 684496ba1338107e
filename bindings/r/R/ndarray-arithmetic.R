# Arithmetic, comparisons and R's mathematical functions on arrays. Comparisons give 0 and 1 in the arrays' dtype. Two arrays are
# broadcast from the first of R's dimensions on, as R recycles a vector over the columns of a matrix.

BINARY <- list(
  "+" = c("broadcast_add", "_plus_scalar", "_plus_scalar"),
  "-" = c("broadcast_sub", "_minus_scalar", "_rminus_scalar"),
  "*" = c("broadcast_mul", "_mul_scalar", "_mul_scalar"),
  "/" = c("broadcast_div", "_div_scalar", "_rdiv_scalar"),
  "^" = c("broadcast_power", "_power_scalar", "_rpower_scalar"),
  "%%" = c("broadcast_mod", "_mod_scalar", "_rmod_scalar"),
  "==" = c("broadcast_equal", "_equal_scalar", "_equal_scalar"),
  "!=" = c("broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar"),
  ">" = c("broadcast_greater", "_greater_scalar", "_lesser_scalar"),
  ">=" = c("broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
  "<" = c("broadcast_lesser", "_lesser_scalar", "_greater_scalar"),
  "<=" = c("broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
  "&" = c("broadcast_logical_and", "_logical_and_scalar", "_logical_and_scalar"),
  "|" = c("broadcast_logical_or", "_logical_or_scalar", "_logical_or_scalar")
)

is_number <- function(x) (is.numeric(x) || is.logical(x)) && length(x) == 1 && is.null(dim(x)) && !is.mx.ndarray(x)

as_array_like <- function(x, like) {
  if (is.mx.ndarray(x)) x else mx.nd.array(x, mx.nd.ctx(like), mx.nd.dtype(like))
}

Ops.MXNDArray <- function(e1, e2) {
  if (missing(e2)) {
    return(switch(.Generic, "-" = invoke("negative", list(e1)), "+" = e1, "!" = invoke("logical_not", list(e1))))
  }
  ops <- BINARY[[.Generic]]
  if (is.null(ops)) refuse("MXNDArray", "operator", paste("one of", paste(names(BINARY), collapse = " ")), .Generic)
  if (is_number(e2)) return(invoke(ops[2], list(e1), list(as.numeric(e2))))
  if (is_number(e1)) return(invoke(ops[3], list(e2), list(as.numeric(e1))))
  invoke(ops[1], list(as_array_like(e1, e2), as_array_like(e2, e1)))
}

MATH <- c(abs = "abs", sign = "sign", sqrt = "sqrt", floor = "floor", ceiling = "ceil", trunc = "trunc", exp = "exp", expm1 = "expm1",
          log1p = "log1p", cos = "cos", sin = "sin", tan = "tan", acos = "arccos", asin = "arcsin", atan = "arctan", cosh = "cosh",
          sinh = "sinh", tanh = "tanh", acosh = "arccosh", asinh = "arcsinh", atanh = "arctanh", gamma = "gamma", lgamma = "gammaln",
          log = "log", log2 = "log2", log10 = "log10", round = "rint")

Math.MXNDArray <- function(x, ...) {
  op <- MATH[.Generic]
  if (is.na(op) || ...length()) refuse("MXNDArray", .Generic, "a function of one array that the library has", .Generic)
  invoke(op, list(x))
}

Summary.MXNDArray <- function(..., na.rm = FALSE) {
  op <- c(sum = "sum", prod = "prod", max = "max", min = "min")[.Generic]
  if (is.na(op) || ...length() != 1) refuse("MXNDArray", .Generic, "sum, prod, max or min of one array", .Generic)
  invoke(op, list(..1))
}

mean.MXNDArray <- function(x, ...) invoke("mean", list(x))

t.MXNDArray <- function(x) invoke("transpose", list(x))
