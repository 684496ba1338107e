test_that("gradients of recorded operators", {
  x <- mx.nd.array(c(1, 2, 3))
  mx.autograd.attach.grad(x)
  y <- mx.autograd.record(sum(x * x * 2))
  expect_equal(as.numeric(y), 28)
  mx.autograd.backward(y)
  expect_equal(as.vector(mx.autograd.grad(x)), c(4, 8, 12))
  expect_null(mx.autograd.grad(mx.nd.ones(2)))
  expect_error(mx.autograd.backward(mx.nd.ones(2)), class = "MXNetError")
})

test_that("added gradients, head gradients, pauses and second orders", {
  x <- mx.nd.array(c(1, 2))
  mx.autograd.attach.grad(x, "add")
  for (i in 1:2) {
    y <- mx.autograd.record(x * 3)
    mx.autograd.backward(y, mx.nd.array(c(1, 10)))
  }
  expect_equal(as.vector(mx.autograd.grad(x)), c(6, 60))
  z <- mx.autograd.record({
    constant <- mx.autograd.pause(x * x)
    x * constant
  })
  mx.autograd.attach.grad(x)
  y <- mx.autograd.record(x * x * x)
  first <- mx.autograd.record(mx.autograd.gradient(y, x, create.graph = TRUE))
  expect_equal(as.vector(first), c(3, 12))
  expect_equal(as.vector(mx.autograd.gradient(first, list(x = x))$x), c(6, 12))
})

test_that("training mode is the thread's, and comes back after errors", {
  expect_gt(sum(as.array(mx.nd.train.mode(mx.nd.Dropout(mx.nd.ones(100), p = 0.5))) == 0), 10)
  try(mx.nd.train.mode(stop("no")), silent = TRUE)
  expect_equal(sum(as.array(mx.nd.Dropout(mx.nd.ones(100), p = 0.5)) == 0), 0)
})
