# First values of parameters. An initializer is a function(name, shape, ctx) that returns an array; shape is R's dim. Weights get the
# initializer's own rule; biases, scales and statistics their constants by the ending of their names.

CONSTANTS <- c(bias = 0, beta = 0, gamma = 1, running_mean = 0, moving_mean = 0, running_var = 1, moving_var = 1, moving_inv_var = 0,
               moving_avg = 0, min = 0, max = 0)

by_name <- function(weight) {
  structure(function(name, shape, ctx = NULL) {
    if (startsWith(name, "stn_loc") && endsWith(name, "weight")) return(mx.nd.zeros(shape, ctx))
    if (endsWith(name, "weight")) return(weight(name, shape, ctx))
    for (suffix in names(CONSTANTS)) {
      if (endsWith(name, suffix)) return(mx.nd.full(shape, CONSTANTS[[suffix]], ctx))
    }
    refuse("initializer", name, "a name that ends in weight, bias, gamma, beta or the like", "no rule")
  }, class = "MXInitializer", weight = weight)
}

everywhere <- function(value) {
  weight <- function(name, shape, ctx = NULL) mx.nd.full(shape, value, ctx)
  structure(weight, class = "MXInitializer", weight = weight)
}

mx.init.uniform <- function(scale = 0.07) by_name(function(name, shape, ctx) mx.runif(shape, -scale, scale, ctx))

mx.init.normal <- function(sd = 0.01) by_name(function(name, shape, ctx) mx.rnorm(shape, 0, sd, ctx))

mx.init.zero <- function() everywhere(0)

mx.init.one <- function() everywhere(1)

mx.init.constant <- function(value = 0) everywhere(value)

mx.init.Xavier <- function(rnd_type = "uniform", factor_type = "avg", magnitude = 3) {
  rnd_type <- match.arg(rnd_type, c("uniform", "gaussian"))
  factor_type <- match.arg(factor_type, c("avg", "in", "out"))
  by_name(function(name, shape, ctx) {
    if (length(shape) < 2) refuse("Xavier", name, "at least 2 dimensions", length(shape))
    extents <- rev(shape)
    window <- prod(extents[-(1:2)])
    fans <- c("in" = extents[2] * window, out = extents[1] * window)
    scale <- sqrt(magnitude / (if (factor_type == "avg") mean(fans) else fans[[factor_type]]))
    if (rnd_type == "uniform") mx.runif(shape, -scale, scale, ctx) else mx.rnorm(shape, 0, scale, ctx)
  })
}

mx.init.MSRAPrelu <- function(factor_type = "avg", slope = 0.25) mx.init.Xavier("gaussian", factor_type, 2 / (1 + slope^2))

# What the attribute __init__ of a variable names: zeros, ones, or Python's ["constant", {"value": 3}].
own_initializer <- function(text) {
  known <- list(zero = mx.init.zero, zeros = mx.init.zero, one = mx.init.one, ones = mx.init.one, constant = mx.init.constant,
                uniform = mx.init.uniform, normal = mx.init.normal, xavier = mx.init.Xavier, msraprelu = mx.init.MSRAPrelu)
  kind <- tolower(gsub('^[[:space:]]*\\["?|".*$', "", text))
  pairs <- regmatches(text, gregexpr('"(\\w+)":[[:space:]]*("[^"]*"|[-+.0-9eE]+)', text))[[1]]
  values <- lapply(sub('^"\\w+":[[:space:]]*', "", pairs), function(v) if (startsWith(v, '"')) gsub('"', "", v) else as.numeric(v))
  if (is.null(known[[kind]])) refuse("initializer", "__init__", paste("one of", paste(names(known), collapse = ", ")), text)
  attr(do.call(known[[kind]], unname(values)), "weight")
}

mx.init.create <- function(initializer, shape.array, ctx = NULL, symbol = NULL) {
  own <- list()
  if (!is.null(symbol)) {
    attributes <- mx.symbol.attributes(symbol)
    attributes <- attributes[attributes$key == "__init__", ]
    own <- stats::setNames(as.list(attributes$value), attributes$node)
  }
  made <- list()
  for (name in sort(names(shape.array), method = "radix")) {
    init <- if (is.null(own[[name]])) initializer else own_initializer(own[[name]])
    made[[name]] <- init(name, shape.array[[name]], ctx)
  }
  made[names(shape.array)]
}

print.MXInitializer <- function(x, ...) {
  cat("<MXInitializer>\n")
  invisible(x)
}
