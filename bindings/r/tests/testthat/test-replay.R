numbers <- function(...) mx.nd.array(c(...))

test_that("a symbol is called on arrays", {
  net <- mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, no_bias = TRUE, name = "fc")
  op <- mx.cached.op(net, "fc_weight")
  x <- mx.nd.ones(c(3, 4))
  w <- mx.nd.full(c(3, 2), 0.5)
  mx.autograd.attach.grad(w)
  expect_equal(as.array(op(x, w)), matrix(1.5, 2, 4))
  mx.autograd.backward(mx.autograd.record(op(fc_weight = w, data = x)))
  expect_equal(as.array(mx.autograd.grad(w)), matrix(4, 3, 2))
  expect_output(print(op), "FullyConnected")
  expect_length(mx.cached.op(mx.symbol.SliceChannel(mx.symbol.Variable("x"), num_outputs = 2, axis = 0))(numbers(1, 2)), 2)
  expect_error(op(x), "expected 2 arrays", class = "MXNetError")
  expect_error(op(data = x), "fc_weight", class = "MXNetError")
  expect_error(op(x, 3))
})

test_that("functions are traced once", {
  weight <- numbers(2, 3)
  mx.autograd.attach.grad(weight)
  runs <- 0
  layer <- mx.jit(function(x, factor) {
    runs <<- runs + 1
    mx.nd.tanh(x * weight * factor)
  })
  expect_output(print(layer), "MXReplay")
  for (i in 1:3) mx.autograd.backward(mx.autograd.record(layer(numbers(1, 1) * 0, 2)))
  expect_equal(runs, 1)
  expect_equal(as.vector(mx.autograd.grad(weight)), c(0, 0))
  weight[] <- 1
  expect_equal(as.vector(layer(numbers(1, 2), 2)), tanh(c(2, 4)), tolerance = 1e-6)
  layer(numbers(1, 2), factor = 3)
  layer(mx.nd.ones(c(2, 5)), 3)
  expect_equal(c(runs, mx.jit.traces(layer)), c(4, 4))
  expect_length(mx.jit(function(x) list(x + 1, x * 2))(numbers(1)), 2)
  expect_equal(as.vector(mx.jit(function(x) layer(x, 2) + 1)(numbers(1, 1))), tanh(c(2, 2)) + 1, tolerance = 1e-6)
})

test_that("what cannot be traced says so", {
  x <- numbers(1, 2)
  expect_error(mx.jit(function(x) 3)(x), "returns arrays", class = "MXNetError")
  expect_error(mx.jit(function(x) x + as.numeric(sum(x)))(x), class = "MXNetError")
  expect_error(mx.jit(mx.autograd.custom(function(x) list(x, identity)))(x), "outside of mx.jit", class = "MXNetError")
  expect_equal(as.vector(x + 1), c(2, 3))
})

test_that("gradients are written by hand", {
  clipped <- mx.autograd.custom(function(x) list(mx.nd.clip(x, a_min = 0, a_max = 1), function(dy) dy * (x > 0)))
  x <- numbers(-1, 0.5, 3)
  mx.autograd.attach.grad(x)
  y <- mx.autograd.record(clipped(x) * 2)
  expect_equal(as.vector(y), c(0, 1, 2))
  mx.autograd.backward(y)
  expect_equal(as.vector(mx.autograd.grad(x)), c(0, 2, 2))
  expect_equal(as.vector(clipped(x)), c(0, 0.5, 1))
  swapped <- mx.autograd.custom(function(a, b) list(list(b + 0, a + 0), function(da, db) list(db * 10, da * 100)))
  a <- numbers(1)
  b <- numbers(2)
  for (v in list(a, b)) mx.autograd.attach.grad(v)
  both <- mx.autograd.record(swapped(a, b))
  mx.autograd.backward(both, list(numbers(1), numbers(7)))
  expect_equal(c(as.numeric(mx.autograd.grad(a)), as.numeric(mx.autograd.grad(b))), c(70, 100))
})

test_that("mistakes in gradients by hand are the library's errors", {
  x <- numbers(1, 2)
  mx.autograd.attach.grad(x)
  fail <- function(pullback) {
    y <- mx.autograd.record(mx.autograd.custom(function(x) list(x * 1, pullback))(x))
    mx.autograd.backward(y)
  }
  expect_error(fail(function(dy) list(dy, dy)), "expected 1 arrays", class = "MXNetError")
  expect_error(fail(function(dy) 3), "expected 1 arrays", class = "MXNetError")
  expect_error(fail(function(dy) stop("no way")), "no way", class = "MXNetError")
  expect_error(mx.autograd.custom(function(x) x)(x), "the output and a function", class = "MXNetError")
})
