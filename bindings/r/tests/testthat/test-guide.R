# The code of docs/guide/r.md runs in order in one environment; a block of text after a block of code is what the code prints.

test_that("the guide's code runs and prints what the page says", {
  page <- file.path(repository(), "docs", "guide", "r.md")
  skip_if_not(file.exists(page), "needs the repository's docs/guide/r.md")
  lines <- readLines(page)
  fences <- grep("^```", lines)
  starts <- fences[c(TRUE, FALSE)]
  ends <- fences[c(FALSE, TRUE)]
  block <- function(k) lines[seq_len(ends[k] - starts[k] - 1) + starts[k]]
  frame <- new.env(parent = globalenv())
  before <- setwd(tempdir())
  on.exit(setwd(before))
  code <- which(lines[starts] == "```r")
  expect_gt(length(code), 5)
  for (k in code) {
    printed <- utils::capture.output(for (e in parse(text = block(k))) {
      got <- withVisible(eval(e, frame))
      if (got$visible) print(got$value)
    })
    if (k < length(starts) && lines[starts[k + 1]] == "```text" && starts[k + 1] - ends[k] == 2) {
      expect_equal(trimws(printed, "right"), trimws(block(k + 1), "right"), info = paste("block at line", starts[k]))
    }
  }
})
