test_that("arrays of every dtype come back as they went in", {
  for (dtype in c("float32", "float64", "float16", "bfloat16", "uint8", "int32", "int8", "int64")) {
    a <- mx.nd.array(matrix(c(0, 1, 2, 3, 5, 8), 2, 3), dtype = dtype)
    expect_equal(mx.nd.dtype(a), dtype)
    expect_equal(as.array(a) + 0, matrix(c(0, 1, 2, 3, 5, 8), 2, 3), info = dtype)
  }
  expect_identical(as.vector(mx.nd.array(c(TRUE, FALSE), dtype = "bool")), c(TRUE, FALSE))
  expect_identical(as.vector(mx.nd.array(as.raw(c(0, 255)), dtype = "uint8")), c(0L, 255L))
  expect_identical(as.vector(mx.nd.array(factor(c("b", "a")), dtype = "int32")), c(1L, 0L))
})

test_that("dim is the library's shape reversed", {
  a <- mx.nd.array(array(1:24, c(2, 3, 4)))
  expect_equal(dim(a), c(2, 3, 4))
  expect_equal(mx.nd.info(a)$shape, c(4, 3, 2))
  expect_equal(length(a), 24)
  dim(a) <- c(6, 4)
  expect_equal(as.array(a), matrix(1:24, 6, 4))
  expect_equal(as.matrix(t(a)), t(matrix(1:24, 6, 4)))
  expect_equal(dim(mx.nd.array(iris[, 1:4])), c(150, 4))
})

test_that("arithmetic is R's", {
  x <- matrix(c(1, 2, 3, 4, 5, 6), 2)
  y <- matrix(c(2, 2, 3, 3, 4, 4), 2)
  a <- mx.nd.array(x)
  b <- mx.nd.array(y)
  for (op in c("+", "-", "*", "/", "^", "%%", "==", "!=", ">", ">=", "<", "<=")) {
    f <- match.fun(op)
    expect_equal(as.array(f(a, b)), f(x, y) + 0, tolerance = 1e-6, info = op)
    expect_equal(as.array(f(a, 3)), f(x, 3) + 0, tolerance = 1e-6, info = op)
    expect_equal(as.array(f(3, a)), f(3, x) + 0, tolerance = 1e-6, info = op)
    expect_equal(as.array(f(a, y)), f(x, y) + 0, tolerance = 1e-6, info = op)
  }
  expect_equal(as.array(a + c(10, 20)), x + c(10, 20))
  expect_equal(as.array(-a), -x)
  expect_equal(as.array(a > 2 & a < 5), (x > 2 & x < 5) + 0)
  expect_equal(as.array(!(a > 2)), (!(x > 2)) + 0)
  for (f in c("abs", "sqrt", "exp", "log", "log2", "floor", "ceiling", "tanh", "gamma", "lgamma", "atan")) {
    expect_equal(as.array(match.fun(f)(a / 4)), match.fun(f)(x / 4), tolerance = 1e-5, info = f)
  }
  expect_equal(as.numeric(sum(a)), 21)
  expect_equal(as.numeric(max(a)), 6)
  expect_equal(as.numeric(mean(a)), 3.5)
})

test_that("subscripts are R's", {
  x <- array(as.numeric(1:24), c(2, 3, 4))
  a <- mx.nd.array(x)
  expect_equal(as.array(a[2, , ]), x[2, , ])
  expect_equal(as.array(a[, 2:3, 4]), x[, 2:3, 4])
  expect_equal(as.array(a[, c(3, 1), ]), x[, c(3, 1), ])
  expect_equal(as.array(a[, -1, ]), x[, -1, ])
  expect_equal(as.array(a[1, 2, 3, drop = FALSE]), x[1, 2, 3, drop = FALSE])
  expect_equal(as.numeric(a[1, 2, 3]), x[1, 2, 3])
  expect_error(a[3, , ], "expected positions from 1 to 2", class = "MXNetError")
  expect_error(a[1, 1], "expected 3 of them", class = "MXNetError")
  same <- a
  a[1, 2:3, ] <- 0
  x[1, 2:3, ] <- 0
  expect_equal(as.array(same), x)
  a[, 1, 1] <- c(7, 8)
  x[, 1, 1] <- c(7, 8)
  expect_equal(as.array(a), x)
  a[] <- x + 1
  expect_equal(as.array(a), x + 1)
  a[] <- 2
  expect_true(all(as.array(a) == 2))
})

test_that("files keep arrays and names", {
  path <- tempfile(fileext = ".params")
  mx.nd.save(list(a = mx.nd.ones(c(2, 3)), b = mx.nd.array(1:3, dtype = "int32")), path)
  loaded <- mx.nd.load(path)
  expect_equal(names(loaded), c("a", "b"))
  expect_equal(as.array(loaded$b), array(1:3))
  expect_equal(dim(mx.nd.load(readBin(path, "raw", file.size(path)))$a), c(2, 3))
  expect_error(mx.nd.load("/nowhere/x.params"), class = "MXNetError")
})

test_that("errors are the library's, with code", {
  failed <- tryCatch(mx.nd.dot(mx.nd.ones(c(3, 2)), mx.nd.ones(c(3, 2))), MXNetError = identity)
  expect_s3_class(failed, "error")
  expect_match(conditionMessage(failed), "[dot] cannot multiply (2, 3) by (2, 3)", fixed = TRUE)
  expect_lt(failed$code, 0)
  expect_error(mx.nd.array(1:3, dtype = "float99"), "expected one of float32", class = "MXNetError")
  expect_error(mx.nd.Activation(mx.nd.ones(2), act_type = "nothing"), "act_type", class = "MXNetError")
  expect_error(mx.nd.relu("text"), "expected an object of class MXNDArray")
  expect_error(mx.nd.array("text"), "expected numbers")
  a <- mx.nd.ones(2)
  mx.free(a)
  expect_error(as.array(a), "freed")
})

test_that("operators take inputs by name, lists, missing values and out", {
  a <- mx.nd.array(matrix(1:6, 2))
  expect_equal(dim(mx.nd.concat(a, a, dim = 0)), c(2, 6))
  expect_equal(dim(mx.nd.Concat(list(a, a), num.args = 2, dim = 1)), c(4, 3))
  expect_equal(as.array(mx.nd.slice(a, begin = c(NA, 1), end = c(2, NA))), matrix(c(2, 4), 1))
  out <- mx.nd.zeros(c(2, 3))
  mx.nd.broadcast.add(lhs = a, rhs = a, out = out)
  expect_equal(as.array(out), 2 * matrix(1:6, 2))
  parts <- mx.nd.SliceChannel(a, num_outputs = 2, axis = 1)
  expect_length(parts, 2)
  expect_equal(sum(as.array(mx.nd.Dropout(mx.nd.ones(100), p = 0.5)) == 0), 0)
  expect_gt(sum(as.array(mx.nd.train.mode(mx.nd.Dropout(mx.nd.ones(100), p = 0.5))) == 0), 10)
})

test_that("printing shows class, shape and values", {
  expect_output(print(mx.nd.ones(c(2, 3))), "<MXNDArray 2 x 3 float32 @ cpu(0)>", fixed = TRUE)
  expect_output(print(mx.nd.ones(2000)), "2000 elements")
  expect_output(print(mx.cpu()), "cpu(0)", fixed = TRUE)
})
