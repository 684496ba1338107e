# CSV files of points left and right, and of their sides.
sides <- function() {
  data <- tempfile(fileext = ".csv")
  label <- tempfile(fileext = ".csv")
  i <- 0:39
  writeLines(paste(2 * (i %% 2) - 1 + i / 400, i %% 7, sep = ","), data)
  writeLines(as.character(i %% 2), label)
  list(data.csv = data, label.csv = label, data.shape = 2, batch.size = 10)
}

test_that("models learn from iterators of the library", {
  iter <- do.call(mx.io.CSVIter, sides())
  expect_equal(iter$shapes, list(data = c(2, 10), label = 10))
  net <- mx.symbol.SoftmaxOutput(mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 2, name = "fc"), name = "softmax")
  mx.set.seed(1)
  model <- mx.model.FeedForward.create(net, iter, num.round = 15, learning.rate = 0.5, verbose = FALSE)
  scores <- as.array(predict(model, iter))
  expect_gt(mean((max.col(t(scores)) - 1) == as.vector(mx.io.extract(iter, "label"))), 0.95)
  expect_equal(iter$report()$skipped, 0)
  expect_gte(iter$report()$examples, 15 * 40)
  iter$close()
  expect_error(iter$iter.next(), "an open iterator", class = "MXNetError")
})

test_that("iterators tell what is wrong, and go on after a reset", {
  options <- sides()
  lines <- readLines(options$data.csv)
  lines[16] <- "1,x"
  writeLines(lines, options$data.csv)
  iter <- do.call(mx.io.CSVIter, options)
  for (epoch in 1:2) {
    expect_true(iter$iter.next())
    expect_error(iter$iter.next(), "16", class = "MXNetError")
    expect_error(iter$value(), "a batch", class = "MXNetError")
    iter$reset()
  }
  expect_error(mx.io.CSVIter(data.csv = tempfile(), data.shape = 2), class = "MXNetError")
  expect_error(mx.io.CSVIter(data.csv = options$data.csv), "data_shape", class = "MXNetError")
  expect_error(mx.io.create("CSVIter", 3), "names", class = "MXNetError")
  expect_error(mx.io.create("NoIter"), "NoIter", class = "MXNetError")
})

test_that("batches are those of every language", {
  values <- mx.nd.load(conformance("data.params"))
  for (case in Filter(function(case) !is.null(case$iterator), read_cases("data"))) {
    options <- stats::setNames(lapply(case$set, `[`, 2), vapply(case$set, `[`, "", 1))
    for (file in case$file) options[[file[1]]] <- conformance(file[2])
    iter <- do.call(mx.io.create, c(list(case$iterator[[1]]), options))
    case$tolerance <- list(c("0", "0"))
    epochs <- split(case$batch, vapply(case$batch, `[`, "", 1))
    for (batches in epochs) {
      for (words in batches) {
        expect_true(iter$iter.next())
        expect_equal(iter$num.pad(), as.numeric(words[2]))
        expect_close(iter$value()$data, values[[words[3]]], case, words[3])
        expect_close(iter$value()$label, values[[words[4]]], case, words[4])
      }
      expect_false(iter$iter.next())
      iter$reset()
    }
    iter$close()
  }
})

test_that("closed iterators leave no handle", {
  for (i in 1:3) gc()
  before <- mixnet:::mxn_handle_count()
  iter <- do.call(mx.io.CSVIter, sides())
  iter$iter.next()
  iter$close()
  rm(iter)
  for (i in 1:3) gc()
  expect_equal(mixnet:::mxn_handle_count(), before)
})
