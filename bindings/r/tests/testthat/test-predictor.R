net <- function() mx.symbol.softmax(mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, name = "fc"), name = "probs")

weights <- function() {
  path <- tempfile(fileext = ".params")
  mx.nd.save(list("arg:fc_weight" = mx.nd.array(matrix(1:6, 3)), "arg:fc_bias" = mx.nd.zeros(2)), path)
  path
}

test_that("a predictor computes, reshapes, clones and shows inner outputs", {
  predictor <- mx.predictor.create(net(), weights(), list(data = c(3, 1)), outputs = c("fc", "probs"))
  mx.predictor.forward(predictor, data = c(1, 0, 1))
  expect_equal(as.vector(mx.predictor.output(predictor, 1)), c(4, 10))
  expect_equal(as.vector(mx.predictor.output(predictor, 2)), exp(c(4, 10)) / sum(exp(c(4, 10))), tolerance = 1e-5)
  clone <- mx.predictor.clone(predictor)
  mx.predictor.forward(clone, data = c(0, 0, 0))
  expect_equal(as.vector(mx.predictor.output(predictor, 1)), c(4, 10))
  mx.predictor.reshape(predictor, data = c(3, 2))
  mx.predictor.forward(predictor, data = matrix(c(1, 0, 1, 0, 1, 0), 3))
  expect_equal(mx.predictor.output(predictor, 1), matrix(c(4, 10, 2, 5), 2))
  left <- mx.predictor.info(clone)[["num_steps"]]
  expect_equal(mx.predictor.forward.steps(clone, 1), left - 1)
  expect_output(print(predictor), "MXPredictor of data")
})

test_that("bytes and JSON do as well, and errors name what is missing", {
  path <- weights()
  bytes <- readBin(path, "raw", file.size(path))
  predictor <- mx.predictor.create(net()$as.json(), bytes, list(data = c(3, 1)))
  expect_equal(sum(predict(predictor, 1:3)), 1, tolerance = 1e-6)
  expect_error(mx.predictor.set.input(predictor, "other", 1:3), "got other")
  expect_error(mx.predictor.set.input(predictor, "data", 1:4), "expected 3 numbers, got 4")
  lone <- tempfile(fileext = ".params")
  mx.nd.save(list("arg:fc_bias" = mx.nd.zeros(2)), lone)
  expect_error(mx.predictor.create(net(), lone, list(data = c(3, 1))), "fc_weight", class = "MXNetError")
})

test_that("missing files and sizes that do not fit are named", {
  shape <- list(data = c(3, 1))
  expect_error(mx.symbol.load("no/such-symbol.json"), "no/such-symbol.json: expected a file, got none", class = "MXNetError")
  expect_error(mx.predictor.create("no/such.json", "no/such.params", shape), "no/such.json: expected a file", class = "MXNetError")
  net <- mx.symbol.SoftmaxOutput(mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, name = "fc"), name = "softmax")
  expect_error(mx.predictor.create(net, "no/such.params", shape), "no/such.params: expected a file", class = "MXNetError")
  model <- mx.model.FeedForward.create(net, matrix(0, 3, 10), rep(0:1, 5), num.round = 1, array.batch.size = 5, verbose = FALSE,
                                       array.layout = "colmajor")
  expect_error(predict(model, matrix(0, 4, 10), array.layout = "colmajor"), "fc.*weight", class = "MXNetError")
})
