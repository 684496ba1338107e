handles <- function() {
  for (i in 1:3) gc()
  mixnet:::mxn_handle_count()
}

work <- function() {
  data <- mx.nd.array(matrix(stats::runif(80), 4))
  net <- mx.symbol.SoftmaxOutput(mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, name = "fc"), name = "softmax")
  model <- mx.model.FeedForward.create(net, data, rep(0:1, 10), num.round = 2, array.batch.size = 10, learning.rate = 0.1, verbose = FALSE)
  predict(model, data)
  path <- tempfile(fileext = ".params")
  mx.nd.save(stats::setNames(model$arg.params, paste0("arg:", names(model$arg.params))), path)
  predict(mx.predictor.create(net, path, list(data = c(4, 20))), as.array(data))
  kv <- mx.kv.create("local")
  kv$init("w", data)
  kv$set.updater(function(key, received, stored) mx.nd.copyto(received, stored))
  kv$push("w", data)
  kv$pull("w", mx.nd.zeros(dim(data)))
  x <- mx.nd.ones(3)
  mx.autograd.attach.grad(x)
  doubled <- mx.autograd.custom(function(x) list(x * 2, function(dy) dy * 2))
  mx.autograd.backward(mx.autograd.record(doubled(mx.jit(function(x) mx.nd.tanh(x))(x))))
  mx.nd.wait()
  try(mx.nd.dot(data, data), silent = TRUE)
  invisible()
}

test_that("every handle comes back", {
  work()
  before <- handles()
  for (i in 1:3) work()
  expect_equal(handles(), before)
})

test_that("memory that R's collector cannot see is given back in time", {
  for (i in 1:200) a <- mx.nd.zeros(2e6) + i
  expect_lt(mixnet:::mxn_storage_info(1, 0)$in_use, 2e9)
})
