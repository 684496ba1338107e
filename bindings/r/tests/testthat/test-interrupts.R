# Interrupts that arrive during a wait and during training, in a process of their own.

run <- function(code) {
  script <- tempfile(fileext = ".R")
  writeLines(c(sprintf(".libPaths(c(%s))", paste(deparse(.libPaths()), collapse = "")), "library(mixnet)", code), script)
  system2(file.path(R.home("bin"), "Rscript"), script, stdout = TRUE, stderr = TRUE)
}

# An interrupt in `after` seconds, from another process.
ALARM <- c("alarm <- function(after) system(sprintf('(sleep %g; kill -INT %d) &', after, Sys.getpid()))")

test_that("an interrupt ends a wait within a second, and the work goes on", {
  skip_on_os("windows")
  told <- run(c(ALARM, "a <- mx.nd.ones(c(900, 900))", "b <- a", "for (i in 1:80) b <- mx.nd.dot(a, b) / 900", "alarm(0.3)",
                "begun <- proc.time()[['elapsed']]", "got <- tryCatch({ as.array(b); 'whole' }, interrupt = function(e) 'interrupted')",
                "cat(got, proc.time()[['elapsed']] - begun < 2, '\\n')", "cat(abs(mean(as.array(b)) - 1) < 1e-3, '\\n')"))
  expect_match(told[1], "^interrupted TRUE")
  expect_match(told[2], "TRUE")
})

test_that("an interrupt ends training and leaves everything usable", {
  skip_on_os("windows")
  told <- run(c(ALARM, "x <- matrix(runif(4000), 1000)", "y <- rep(0:1, 500)", "alarm(1)", "begun <- proc.time()[['elapsed']]",
                "got <- tryCatch({ mx.mlp(x, y, hidden_node = 64, out_node = 2, num.round = 100000, verbose = FALSE); 'whole' },",
                "  interrupt = function(e) 'interrupted')", "cat(got, proc.time()[['elapsed']] - begun < 4, '\\n')",
                "model <- mx.mlp(x, y, hidden_node = 4, out_node = 2, num.round = 1, verbose = FALSE)", "cat(dim(predict(model, x)), '\\n')"))
  expect_match(told[1], "interrupted TRUE")
  expect_match(told[2], "2 1000")
})
