# Files of the repository that the tests use: MIXNET_ROOT, or the folders above the tests.

repository <- function() {
  given <- Sys.getenv("MIXNET_ROOT")
  if (nzchar(given)) return(given)
  folder <- normalizePath(".")
  while (dirname(folder) != folder && !file.exists(file.path(folder, "tests", "conformance"))) folder <- dirname(folder)
  folder
}

conformance <- function(...) {
  # MIXNET_CONFORMANCE names another folder of cases.
  path <- file.path(Sys.getenv("MIXNET_CONFORMANCE", file.path(repository(), "tests", "conformance")), ...)
  skip_if_not(file.exists(path), paste("needs the repository's", file.path("tests", "conformance", ...)))
  path
}

# Cases of a file: a list by name of data frames-like lists, word -> list of character vectors.
read_cases <- function(stem) {
  lines <- c(readLines(conformance(paste0(stem, ".txt"))), "")
  blocks <- split(lines[nzchar(lines)], cumsum(!nzchar(lines))[nzchar(lines)])
  cases <- lapply(blocks, function(block) {
    words <- strsplit(block, " ", fixed = TRUE)
    split(lapply(words, `[`, -1), vapply(words, `[`, "", 1))
  })
  names(cases) <- vapply(cases, function(case) case$case[[1]], "")
  cases
}

# Equal within the case's tolerance, in shape and dtype.
expect_close <- function(found, expected, case, what) {
  tolerance <- as.numeric(case$tolerance[[1]])
  name <- paste0(case$case[[1]], ", ", what)
  expect_equal(dim(found), dim(expected), info = name)
  if (is.mx.ndarray(found)) expect_equal(mx.nd.dtype(found), mx.nd.dtype(expected), info = name)
  a <- as.vector(as.array(found)) + 0
  b <- as.vector(as.array(expected)) + 0
  same <- identical(is.nan(a), is.nan(b)) && all(abs(a - b) <= tolerance[2] + tolerance[1] * abs(b) | a == b | is.nan(b))
  expect_true(same, info = paste0(name, ": largest difference ", suppressWarnings(max(abs(a - b), na.rm = TRUE))))
}

# The R function of an operator.
operator <- function(kind, name) {
  stem <- if (startsWith(name, "_")) paste0("internal.", sub("^_+", "", name)) else name
  stem <- sub("^internal[.](contrib|image)_", "\\1.", stem)
  get(paste0("mx.", kind, ".", stem), envir = asNamespace("mixnet"))
}

call_operator <- function(kind, case, inputs, ...) {
  if (length(inputs)) names(inputs)[grepl("^[0-9]+$", names(inputs))] <- ""
  params <- stats::setNames(lapply(case$set, `[`, 2), vapply(case$set, `[`, "", 1))
  do.call(operator(kind, case$op[[1]]), c(inputs, params, list(...)))
}
