# The seed and draws. The same seed gives the same numbers in every language of the library.

mx.set.seed <- function(seed) invisible(mxn_random_seed(seed))

mx.runif <- function(shape, min = 0, max = 1, ctx = NULL, dtype = "float32") {
  mx.nd.internal.random_uniform(low = min, high = max, shape = rev(shape), dtype = dtype, ctx = ctx)
}

mx.rnorm <- function(shape, mean = 0, sd = 1, ctx = NULL, dtype = "float32") {
  mx.nd.internal.random_normal(loc = mean, scale = sd, shape = rev(shape), dtype = dtype, ctx = ctx)
}
