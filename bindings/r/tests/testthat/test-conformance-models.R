# Models and trainings of tests/conformance.

checkpoint <- function(case) {
  params <- mx.nd.load(conformance(case$params[[1]]))
  names(params) <- sub("^(arg|aux):", "", names(params))
  list(symbol = mx.symbol.load(conformance(case$symbol[[1]])), params = params)
}

bound <- function(model, inputs, grad.req = "null") {
  exec <- do.call(mx.simple.bind, c(list(model$symbol, mx.cpu(), grad.req = grad.req), lapply(inputs, dim)))
  auxs <- names(model$params) %in% model$symbol$auxiliary.states
  mx.exec.update.arg.arrays(exec, c(model$params[!auxs], inputs), match.name = TRUE)
  mx.exec.update.aux.arrays(exec, model$params[auxs], match.name = TRUE)
}

inputs_of <- function(case, values) {
  stats::setNames(lapply(case$input, function(words) values[[words[2]]]), vapply(case$input, `[`, "", 1))
}

test_that("models compute the expected outputs in an executor", {
  values <- mx.nd.load(conformance("models.params"))
  for (case in read_cases("models")) {
    exec <- mx.exec.forward(bound(checkpoint(case), inputs_of(case, values)), is.train = FALSE)
    out <- exec$outputs
    for (words in case$output) expect_close(out[[as.integer(words[1]) + 1]], values[[words[2]]], case, paste("output", words[1]))
  }
})

test_that("models compute the expected outputs in a predictor", {
  values <- mx.nd.load(conformance("models.params"))
  for (case in read_cases("models")) {
    inputs <- inputs_of(case, values)
    predictor <- mx.predictor.create(conformance(case$symbol[[1]]), conformance(case$params[[1]]), lapply(inputs, dim))
    do.call(mx.predictor.forward, c(list(predictor), inputs))
    for (words in case$output) {
      expect_close(mx.predictor.output(predictor, as.integer(words[1]) + 1), values[[words[2]]], case, paste("output", words[1]))
    }
  }
})

test_that("trainings have the expected losses and parameters", {
  values <- mx.nd.load(conformance("training.params"))
  for (case in read_cases("training")) {
    model <- checkpoint(case)
    data <- values[[case$data[[1]]]]
    label <- values[[case$label[[1]]]]
    batch <- as.integer(case$batch[[1]])
    count <- length(label)
    first <- function(step) ((step - 1) * batch) %% count
    rows <- function(x, step) mx.nd.slice_axis(x, axis = 0, begin = first(step), end = first(step) + batch)
    exec <- bound(model, list(data = rows(data, 1), softmax_label = rows(label, 1)), "write")
    trained <- intersect(model$symbol$arguments, names(model$params))
    options <- stats::setNames(lapply(case$option, function(words) as.numeric(words[2])), vapply(case$option, `[`, "", 1))
    optimizer <- do.call(mx.opt.create, c(list(case$optimizer[[1]]), options))
    tolerance <- as.numeric(case$tolerance[[1]])
    for (words in case$step) {
      step <- as.integer(words[1])
      mx.exec.update.arg.arrays(exec, list(data = rows(data, step), softmax_label = rows(label, step)), match.name = TRUE)
      mx.exec.backward(mx.exec.forward(exec, is.train = TRUE))
      chosen <- as.vector(mx.nd.pick(exec$outputs[[1]], rows(label, step)))
      mx.opt.update(optimizer, exec$arg.arrays[trained], exec$grad.arrays[trained])
      expected <- as.numeric(words[2])
      expect_lte(abs(mean(-log(chosen)) - expected), tolerance[2] + tolerance[1] * abs(expected), label = paste(case$case[[1]], "step", step))
    }
    found <- c(exec$arg.arrays, exec$aux.arrays)
    for (words in case$final) expect_close(found[[words[1]]], values[[words[2]]], case, words[1])
  }
})
