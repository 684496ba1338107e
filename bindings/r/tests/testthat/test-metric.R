value <- function(metric, ...) {
  state <- metric$init()
  for (pair in list(...)) state <- metric$update(mx.nd.array(pair[[1]]), mx.nd.array(pair[[2]]), state)
  metric$get(state)$value
}

scores <- matrix(c(0.7, 0.2, 0.1, 0.1, 0.3, 0.6, 0.3, 0.4, 0.3), 3)

test_that("classification", {
  expect_equal(value(mx.metric.accuracy, list(c(0, 2, 2), scores)), 2 / 3)
  expect_equal(value(mx.metric.accuracy, list(c(0, 2, 2), scores), list(c(0, 2, 1), scores)), 5 / 6)
  expect_equal(value(mx.metric.top_k_accuracy(2), list(c(0, 0, 1), scores)), 2 / 3)
  loss <- -mean(log(c(0.7, 0.6, 0.3)))
  expect_equal(value(mx.metric.cross_entropy, list(c(0, 2, 2), scores)), loss, tolerance = 1e-6)
  expect_equal(value(mx.metric.Perplexity, list(c(0, 2, 2), scores)), exp(loss), tolerance = 1e-6)
  expect_equal(value(mx.metric.f1, list(c(1, 0, 1, 1), matrix(c(0.2, 0.8, 0.4, 0.6, 0.9, 0.1, 0.3, 0.7), 2))), 2 / 3)
  expect_true(is.nan(mx.metric.accuracy$get(mx.metric.accuracy$init())$value))
  expect_error(value(mx.metric.accuracy, list(c(0, 1), scores)), "expected 3 labels", class = "MXNetError")
  expect_error(mx.metric.top_k_accuracy(1), "at least 2", class = "MXNetError")
})

test_that("regression, own functions and lists", {
  expect_equal(value(mx.metric.mse, list(c(1, 2), c(2, 4))), 2.5)
  expect_equal(value(mx.metric.mae, list(c(1, 2), c(2, 4)), list(c(0, 0), c(0, 0))), 0.75)
  expect_equal(value(mx.metric.rmse, list(c(1, 2), matrix(c(2, 4), 1))), sqrt(2.5), tolerance = 1e-6)
  expect_equal(value(mx.metric.custom("worst", function(label, pred) max(abs(label - pred))), list(c(1, 2), c(2, 4))), 2)
  both <- mx.metric.composite(mx.metric.mse, mx.metric.mae)
  expect_equal(value(both, list(c(1, 2), c(2, 4))), c(2.5, 1.5))
})
