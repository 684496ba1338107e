# Every operator of tests/conformance, on arrays and as a bound symbol.

arrays <- function() mx.nd.load(conformance("operators.params"))

inputs_of <- function(case, values, wrap) {
  stats::setNames(lapply(case$`in`, function(words) wrap(words[1], values[[words[2]]])), vapply(case$`in`, `[`, "", 1))
}

test_that("operators on arrays give the expected values", {
  values <- arrays()
  for (case in read_cases("operators")) {
    inputs <- inputs_of(case, values, function(name, value) mx.nd.copy(value))
    out <- mx.nd.train.mode(call_operator("nd", case, inputs), case$train[[1]] == "1")
    if (is.mx.ndarray(out)) out <- list(out)
    expect_equal(length(out), length(case$out), info = case$case[[1]])
    for (words in case$out) expect_close(out[[as.integer(words[1]) + 1]], values[[words[2]]], case, paste("output", words[1]))
  }
})

test_that("operators as symbols give the expected values and gradients", {
  values <- arrays()
  for (case in read_cases("operators")) {
    symbol <- call_operator("symbol", case, inputs_of(case, values, function(name, value) mx.symbol.Variable(paste0("in", name))), name = "tested")
    given <- inputs_of(case, values, function(name, value) mx.nd.copy(value))
    names(given) <- paste0("in", names(given))
    wanted <- vapply(case$grad, `[`, "", 1)
    reqs <- stats::setNames(rep("write", length(wanted)), if (length(wanted)) paste0("in", wanted))
    exec <- mx.exec.bind(symbol, mx.cpu(), given[symbol$arguments], given[symbol$auxiliary.states], grad.reqs = if (length(reqs)) reqs else "null")
    mx.exec.forward(exec, is.train = case$train[[1]] == "1")
    out <- exec$outputs
    for (words in case$out) expect_close(out[[as.integer(words[1]) + 1]], values[[words[2]]], case, paste("output", words[1]))
    if (!length(wanted)) next
    mx.exec.backward(exec, lapply(case$headgrad, function(words) values[[words[2]]]))
    for (words in case$grad) {
      expect_close(exec$grad.arrays[[paste0("in", words[1])]], values[[words[2]]], case, paste("gradient of", words[1]))
    }
  }
})

test_that("random operators give the numbers of their seeds", {
  values <- mx.nd.load(conformance("seeds.params"))
  for (case in read_cases("seeds")) {
    mx.set.seed(as.numeric(case$seed[[1]]))
    expect_close(call_operator("nd", case, list()), values[[case$out[[1]][2]]], case, "draw")
  }
})
