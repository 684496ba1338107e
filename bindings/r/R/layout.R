# Matrices and data frames as examples. "rowmajor": each row is an example, as in R's models; "colmajor": each column is one, as the
# library wants them. "auto" decides by the number of labels, or by which of both fits the parameters.

LAYOUTS <- c("auto", "rowmajor", "colmajor")

# X with the examples along the last dimension.
examples_last <- function(X, layout) {
  if (is.data.frame(X)) X <- data.matrix(X)
  if (is.matrix(X) && layout == "rowmajor") t(X) else X
}

layout_for_training <- function(X, y, layout) {
  layout <- match.arg(layout, LAYOUTS)
  if (is.data.frame(X)) return("rowmajor")
  if (layout != "auto" || !is.matrix(X)) return(if (layout == "auto") "colmajor" else layout)
  count <- if (is.matrix(y)) NULL else length(y)
  if (is.null(count) || nrow(X) == ncol(X)) refuse("array.layout", "array.layout", "rowmajor or colmajor for these data", "auto")
  if (nrow(X) == count) return("rowmajor")
  if (ncol(X) == count) return("colmajor")
  refuse("array.layout", "X", paste("as many rows or columns as labels,", count), paste(dim(X), collapse = " x "))
}

fits <- function(model, input, shape) {
  shapes <- lapply(model$arg.params, dim)
  shapes[[input]] <- shape
  tryCatch({
    do.call(mx.symbol.infer.shape, c(list(model$symbol), shapes))
    TRUE
  }, MXNetError = function(e) FALSE)
}

layout_for_prediction <- function(X, model, input, layout) {
  layout <- match.arg(layout, LAYOUTS)
  if (is.data.frame(X)) return("rowmajor")
  if (layout != "auto" || !is.matrix(X)) return(if (layout == "auto") "colmajor" else layout)
  row <- fits(model, input, rev(dim(X)))
  column <- fits(model, input, dim(X))
  if (row && column) refuse("array.layout", "array.layout", "rowmajor or colmajor, as both fit the model", "auto")
  if (!row && !column) refuse("array.layout", "X", "a shape that fits the model", paste(dim(X), collapse = " x "))
  if (row) "rowmajor" else "colmajor"
}

as_labels <- function(y) {
  if (is.factor(y)) as.integer(y) - 1L
  else if (is.data.frame(y)) as_labels(if (ncol(y) == 1) y[[1]] else data.matrix(y))
  else y
}
