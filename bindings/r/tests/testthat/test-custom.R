# An operator whose callback is written in R: output = 2 data.

double_each <- function(call) {
  info <- mxn_custom_call_info(call)
  # SHAPES and TYPES: the output is like the input.
  if (info$what == 1) {
    shape <- mxn_custom_call_shapes(call)[[1]]
    mxn_custom_call_set_shapes(call, rep(length(shape), 2), rep(shape, 2))
  } else if (info$what == 2) {
    code <- mxn_custom_call_shapes(call)[[1]]
    mxn_custom_call_set_shapes(call, 2, rep(code, 2))
  } else if (info$what == 4) {
    mxn_ndarray_copy(mxn_custom_call_arrays(call, 0)[[1]] * 2, mxn_custom_call_arrays(call, 1)[[1]])
  } else if (info$what == 5) {
    mxn_ndarray_copy(mxn_custom_call_arrays(call, 3)[[1]] * 2, mxn_custom_call_arrays(call, 4)[[1]])
  }
}

test_that("an operator written in R has values, a gradient and errors", {
  kept <- NULL
  mxn_custom_register("r_double", function(call) {
    kept <<- call
    double_each(call)
  })
  x <- mx.nd.array(c(1, 2, 3))
  mx.autograd.attach.grad(x)
  y <- mx.autograd.record(mx.nd.Custom(x, op_type = "r_double"))
  mx.autograd.backward(y)
  expect_equal(as.vector(y), c(2, 4, 6))
  expect_equal(as.vector(mx.autograd.grad(x)), c(2, 2, 2))
  expect_error(mxn_custom_call_info(kept), "MXCustomCallHandle|call")
  mxn_custom_register("r_fails", function(call) {
    if (mxn_custom_call_info(call)$what == 4) stop("too blue")
    double_each(call)
  })
  expect_error(as.vector(mx.nd.Custom(mx.nd.array(1), op_type = "r_fails")), "too blue")
  # Or the next wait for all, wherever it stands, would tell it again.
  expect_error(mx.nd.wait(), "too blue")
})
