# RecordIO files. A reader and a writer are environments with functions, as iterators are: reader$read() gives a raw vector or NULL at the
# end. Places are bytes from the file's beginning.

mx.recordio.reader <- function(path, part = 1, parts = 1) {
  handle <- mxn_record_reader_create(record_path(path), part - 1, parts)
  reader <- new.env(parent = emptyenv())
  reader$path <- path
  reader$read <- function() .Call(C_mixnet_record_next, handle)
  reader$tell <- function() mxn_record_reader_tell(handle)
  reader$seek <- function(place) {
    if (place < 0) refuse("mx.recordio.reader", "place", "at least 0", place)
    mxn_record_reader_seek(handle, place)
    invisible(reader)
  }
  reader$reset <- function() {
    mxn_record_reader_seek(handle, -1)
    invisible(reader)
  }
  reader$close <- function() {
    if (!is.null(handle)) mxn_record_reader_free(handle)
    handle <<- NULL
    reader$read <- reader$tell <- reader$seek <- reader$reset <- function(...) refuse("mx.recordio.reader", path, "an open file", "a closed one")
    invisible(reader)
  }
  structure(reader, class = "MXRecordReader")
}

mx.recordio.writer <- function(path, append = FALSE) {
  handle <- mxn_record_writer_create(record_path(path), as.integer(append))
  writer <- new.env(parent = emptyenv())
  writer$path <- path
  writer$write <- function(record) {
    if (is.character(record)) record <- charToRaw(record)
    if (!is.raw(record)) refuse("mx.recordio.writer", "record", "a raw vector or a text", described(record))
    mxn_record_writer_write(handle, record)
  }
  writer$tell <- function() mxn_record_writer_tell(handle)
  writer$flush <- function() {
    mxn_record_writer_flush(handle, 0)
    invisible(writer)
  }
  writer$close <- function() {
    closing <- handle
    handle <<- NULL
    writer$write <- writer$tell <- writer$flush <- function(...) refuse("mx.recordio.writer", path, "an open file", "a closed one")
    if (!is.null(closing)) {
      on.exit(mxn_record_writer_free(closing))
      mxn_record_writer_flush(closing, 1)
    }
    invisible(writer)
  }
  structure(writer, class = "MXRecordWriter")
}

# A path or a URI.
record_path <- function(path) if (grepl("://", path, fixed = TRUE)) path else path.expand(path)

# All records from where the reader is, as a list of raw vectors.
mx.recordio.read.all <- function(reader) {
  records <- list()
  while (!is.null(record <- reader$read())) records[[length(records) + 1]] <- record
  records
}

mx.recordio.load.index <- function(path) {
  lines <- strsplit(readLines(path), "\t", fixed = TRUE)
  numbers <- suppressWarnings(lapply(lines, as.numeric))
  bad <- which(lengths(numbers) != 2 | vapply(numbers, anyNA, TRUE))
  if (length(bad)) refuse("mx.recordio.load.index", paste(path, "line", bad[1]), "a key, a tab and a place", paste(lines[[bad[1]]], collapse = " "))
  data.frame(key = vapply(numbers, `[`, 0, 1), place = vapply(numbers, `[`, 0, 2))
}

mx.recordio.save.index <- function(index, path) {
  writeLines(paste(format(index$key, scientific = FALSE, trim = TRUE), format(index$place, scientific = FALSE, trim = TRUE), sep = "\t"), path)
  invisible(path)
}

print.MXRecordReader <- function(x, ...) {
  cat("<MXRecordReader of ", x$path, ">\n", sep = "")
  invisible(x)
}

print.MXRecordWriter <- function(x, ...) {
  cat("<MXRecordWriter of ", x$path, ">\n", sep = "")
  invisible(x)
}
