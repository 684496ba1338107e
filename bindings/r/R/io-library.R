# Iterators that the library runs: it reads, decodes and joins batches on its threads, ahead of who asks. The makers by name are generated.

mx.io.create <- function(name, ...) {
  options <- list(...)
  options <- options[!vapply(options, is.null, TRUE)]
  if (length(options) && (is.null(names(options)) || any(names(options) == ""))) refuse("mx.io.create", "options", "names", "none")
  keys <- gsub(".", "_", names(options), fixed = TRUE)
  texts <- unname(vapply(seq_along(options), function(i) iterator_text(options[[i]], keys[i]), ""))
  handle <- mxn_data_iter_create(name, if (length(options)) keys, if (length(options)) texts)
  library_iterator(name, handle)
}

# Shapes are tuples also with one extent.
iterator_text <- function(value, key) {
  if (length(value) == 1 && !grepl("shape$", key)) return(option_text(value))
  if (is.character(value)) return(value)
  parts <- vapply(value, option_text, "")
  paste0("(", paste(parts, collapse = ","), if (length(parts) == 1) ",", ")")
}

# Shapes by name of the arrays between two words of the library's description; R's order.
described_arrays <- function(text) {
  found <- regmatches(text, gregexpr('"name" *: *"[^"]*" *, *"shape" *: *\\[[^]]*\\]', text))[[1]]
  shapes <- lapply(found, function(f) rev(as.numeric(strsplit(sub(".*\\[(.*)\\]", "\\1", f), ",")[[1]])))
  stats::setNames(shapes, sub('"name" *: *"([^"]*)".*', "\\1", found))
}

# The fields of a batch are data and label, and data2, label2, ... where there are more.
field_names <- function(stem, count) if (count > 0) c(stem, if (count > 1) paste0(stem, 2:count))

library_iterator <- function(name, handle) {
  text <- sub('"report".*', "", mxn_data_iter_describe(handle))
  data <- described_arrays(sub('"label" *: *\\[.*', "", text))
  label <- described_arrays(sub('.*"label" *: *\\[', "", text))
  fields <- c(field_names("data", length(data)), field_names("label", length(label)))
  iter <- new.env(parent = emptyenv())
  begun <- FALSE
  batch <- NULL
  open <- function() if (is.null(handle)) refuse("mx.io.create", name, "an open iterator", "a closed one") else handle
  iter$name <- name
  iter$shapes <- stats::setNames(c(data, label), fields)
  iter$batch.size <- utils::tail(data[[1]], 1)
  # Begins the next epoch, also after an error; one of which nothing was read goes on.
  iter$reset <- function() {
    if (begun) mxn_data_iter_reset(open())
    begun <<- FALSE
    batch <<- NULL
    invisible(TRUE)
  }
  iter$iter.next <- function() {
    begun <<- TRUE
    batch <<- NULL
    if (mxn_data_iter_next(open()) == 0) return(FALSE)
    batch <<- .Call(C_mixnet_data_batch, handle)
    TRUE
  }
  current <- function() if (is.null(batch)) refuse("mx.io.create", name, "a batch", "none: call iter.next()") else batch
  iter$value <- function() stats::setNames(current()$arrays, fields)
  iter$num.pad <- function() current()$pad
  iter$ids <- function() current()$ids
  iter$report <- function() {
    report <- sub('.*"report" *: *', "", mxn_data_iter_describe(open()))
    number <- function(key) as.numeric(sub(paste0('.*"', key, '" *: *([0-9]+).*'), "\\1", report))
    list(examples = number("examples"), skipped = number("skipped"), text = report)
  }
  # Batches that were given stay.
  iter$close <- function() {
    if (!is.null(handle)) mxn_data_iter_free(handle)
    handle <<- NULL
    batch <<- NULL
    invisible(TRUE)
  }
  structure(iter, class = "MXDataIter")
}
