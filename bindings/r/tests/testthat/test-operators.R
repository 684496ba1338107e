# Every generated function reaches the library: an operator makes a symbol of variables named after its inputs, or says which parameter it needs.

generated <- function(prefix, last) {
  names <- grep(paste0("^mx[.]", prefix, "[.]"), getNamespaceExports("mixnet"), value = TRUE)
  names <- Filter(function(name) {
    f <- getExportedValue("mixnet", name)
    is.function(f) && identical(utils::tail(names(formals(f)), 2), last)
  }, sort(names))
  stats::setNames(names, vapply(names, function(name) paste(deparse(body(getExportedValue("mixnet", name))), collapse = ""), ""))
}

test_that("operators of symbols", {
  names <- generated("symbol", c("name", "attr"))
  expect_gt(length(names), 300)
  a <- mx.symbol.Variable("a")
  for (name in names[!duplicated(names(names))]) {
    f <- getExportedValue("mixnet", name)
    inputs <- if ("..." %in% names(formals(f))) list(a, a) else list()
    made <- tryCatch(do.call(f, c(inputs, list(name = "n"))), MXNetError = conditionMessage)
    if (is.character(made)) expect_match(made, "expected|required|input|needs|must", info = name)
    else expect_true(all(grepl("^(a$|n_)", c(made$arguments, made$auxiliary.states))), info = paste(name, toString(made$arguments)))
  }
})

test_that("operators of arrays", {
  symbols <- generated("symbol", c("name", "attr"))
  expect_true(all(sub("^mx[.]symbol[.]", "mx.nd.", symbols) %in% getNamespaceExports("mixnet")))
})
