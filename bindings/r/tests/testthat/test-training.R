# 200 points in a plane, of two kinds that no line separates.
points <- function() {
  mx.set.seed(3)
  x <- t(as.array(mx.runif(c(2, 200), -1, 1)))
  list(x = x, y = as.integer(x[, 1] * x[, 2] > 0))
}

fit <- function(data, ..., num.round = 15) {
  mx.set.seed(1)
  mx.mlp(data$x, data$y, hidden_node = 16, out_node = 2, num.round = num.round, array.batch.size = 20, learning.rate = 0.3, momentum = 0.9,
         initializer = mx.init.Xavier(), verbose = FALSE, ...)
}

test_that("a multilayer perceptron learns, predicts, and is saved", {
  data <- points()
  model <- fit(data)
  scores <- predict(model, data$x)
  expect_equal(dim(scores), c(2, 200))
  expect_equal(colSums(scores), rep(1, 200), tolerance = 1e-5)
  accuracy <- mean(max.col(t(scores)) - 1 == data$y)
  expect_gt(accuracy, 0.9)
  expect_equal(unname(mx.model.score(model, data$x, data$y, array.batch.size = 64)), accuracy, tolerance = 1e-6)
  prefix <- file.path(tempdir(), "mlp")
  mx.model.save(model, prefix, 15)
  again <- mx.model.load(prefix, 15)
  expect_equal(predict(again, data$x), scores)
  predictor <- mx.predictor.create(paste0(prefix, "-symbol.json"), paste0(prefix, "-0015.params"), list(data = c(2, 200)))
  expect_equal(predict(predictor, t(data$x)), scores, tolerance = 1e-5)
  expect_output(print(model), "MXFeedForwardModel")
})

test_that("the same seed gives the same model, and several devices the same as one", {
  data <- points()
  first <- fit(data, num.round = 2)
  expect_identical(predict(fit(data, num.round = 2), data$x), predict(first, data$x))
  two <- fit(data, num.round = 1, ctx = list(mx.cpu(0), mx.cpu(0)))
  expect_equal(predict(two, data$x), predict(fit(data, num.round = 1), data$x), tolerance = 1e-4)
})

test_that("layouts are told apart", {
  data <- points()
  model <- fit(data, num.round = 1)
  columns <- fit(list(x = t(data$x), y = data$y), num.round = 1)
  expect_equal(predict(model, data$x), predict(model, t(data$x)))
  expect_equal(predict(columns, data$x), predict(model, data$x), tolerance = 1e-6)
  expect_equal(predict(model, as.data.frame(data$x)), predict(model, data$x))
  expect_error(predict(model, matrix(0, 2, 2)), "both fit", class = "MXNetError")
  expect_error(predict(model, matrix(0, 5, 7)), "fits the model", class = "MXNetError")
  expect_error(fit(list(x = matrix(0, 3, 3), y = c(0, 1, 0))), "rowmajor or colmajor", class = "MXNetError")
})

test_that("factors and data frames train", {
  mx.set.seed(1)
  flowers <- as.data.frame(scale(iris[, 1:4]))
  model <- mx.mlp(flowers, iris$Species, hidden_node = 8, out_node = 3, num.round = 20, array.batch.size = 30, learning.rate = 0.1,
                  momentum = 0.9, initializer = mx.init.Xavier(), verbose = FALSE)
  expect_gt(mx.model.score(model, flowers, iris$Species), 0.9)
})

test_that("regression by rmse, with other optimizers", {
  mx.set.seed(1)
  x <- t(as.array(mx.runif(c(3, 100), -1, 1)))
  y <- as.vector(x %*% c(1, -2, 3))
  for (name in c("sgd", "adam", "rmsprop")) {
    mx.set.seed(1)
    model <- mx.mlp(x, y, hidden_node = integer(), out_node = 1, out_activation = "rmse", optimizer = name, learning.rate = 0.1, num.round = 60,
                    array.batch.size = 20, eval.metric = mx.metric.rmse, verbose = FALSE)
    expect_lt(mx.model.score(model, x, y, mx.metric.rmse), 0.3, label = name)
  }
})

test_that("callbacks see metrics, save checkpoints and stop", {
  data <- points()
  logger <- mx.metric.logger()
  prefix <- file.path(tempdir(), "saved")
  batches <- 0
  fit(data, num.round = 4, eval.data = list(data = data$x, label = data$y),
      epoch.end.callback = list(mx.callback.log.train.metric(1, logger), mx.callback.save.checkpoint(prefix, 2)),
      batch.end.callback = function(iteration, nbatch, env, verbose) {
        batches <<- batches + 1
        TRUE
      })
  expect_length(logger$train, 4)
  expect_length(logger$eval, 4)
  expect_equal(batches, 40)
  expect_false(file.exists(paste0(prefix, "-0001.params")))
  expect_true(file.exists(paste0(prefix, "-0004.params")))
  epochs <- 0
  count <- function(iteration, nbatch, env, verbose) epochs <<- iteration
  fit(data, num.round = 50, epoch.end.callback = list(count, mx.callback.early.stop(train.metric = 0.8, maximize = TRUE)))
  expect_lt(epochs, 50)
  fit(data, num.round = 50, epoch.end.callback = list(count, function(iteration, ...) iteration < 3))
  expect_equal(epochs, 3)
})

test_that("a provider of the user's trains, and start values and fixed parameters hold", {
  data <- points()
  at <- 0
  iter <- mx.io.custom.iter(
    reset = function() at <<- 0,
    iter.next = function() (at <<- at + 1) <= 10,
    value = function() {
      rows <- (at - 1) * 20 + 1:20
      list(data = t(data$x[rows, ]), label = data$y[rows])
    })
  net <- mx.symbol.SoftmaxOutput(mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, name = "fc"), name = "softmax")
  start <- mx.nd.ones(c(2, 2))
  model <- mx.model.FeedForward.create(net, iter, num.round = 2, learning.rate = 0.1, verbose = FALSE, arg.params = list(fc_weight = start),
                                       fixed.param = "fc_weight")
  expect_equal(as.array(model$arg.params$fc_weight), matrix(1, 2, 2))
  expect_gt(sum(abs(as.array(model$arg.params$fc_bias))), 0)
  expect_error(mx.model.FeedForward.create(net, data$x, data$y, arg.params = list(fc_weight = mx.nd.ones(3)), verbose = FALSE), "fc_weight",
               class = "MXNetError")
})
