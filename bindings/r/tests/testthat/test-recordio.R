magic <- as.raw(c(0x0a, 0x23, 0xd7, 0xce))
records <- list(charToRaw("one"), raw(), c(charToRaw("four"), magic, magic), charToRaw("last"))

written <- function(path = tempfile(fileext = ".rec"), some = records) {
  writer <- mx.recordio.writer(path)
  for (record in some) {
    place <- writer$tell()
    expect_equal(writer$write(record), place)
  }
  writer$close()
  path
}

test_that("records are read as written", {
  path <- written(some = records[1:3])
  writer <- mx.recordio.writer(path, append = TRUE)
  writer$write("last")
  writer$flush()
  reader <- mx.recordio.reader(path)
  expect_equal(mx.recordio.read.all(reader), records)
  expect_null(reader$read())
  reader$reset()
  expect_equal(reader$read(), records[[1]])
  place <- reader$tell()
  expect_equal(mx.recordio.read.all(reader), records[-1])
  reader$seek(place)
  expect_equal(mx.recordio.read.all(reader), records[-1])
  expect_error(reader$seek(-1), "at least 0", class = "MXNetError")
  expect_error(writer$write(3), "a raw vector or a text", class = "MXNetError")
  writer$close()
  writer$close()
  expect_error(writer$write("more"), "an open file", class = "MXNetError")
  shared <- lapply(1:3, function(part) mx.recordio.read.all(mx.recordio.reader(path, part, 3)))
  expect_equal(do.call(c, shared), records)
  expect_output(print(reader), "MXRecordReader of")
})

test_that("what is no record is told once", {
  path <- written()
  bytes <- readBin(path, "raw", 1e4)
  bytes[13] <- xor(bytes[13], as.raw(1))
  writeBin(bytes, path)
  reader <- mx.recordio.reader(path)
  expect_equal(reader$read(), records[[1]])
  expect_error(reader$read(), "12", class = "MXNetError")
  expect_equal(reader$read(), records[[3]])
  reader$close()
  expect_error(reader$read(), "an open file", class = "MXNetError")
  expect_error(mx.recordio.reader(tempfile()), class = "MXNetError")
  expect_error(mx.recordio.reader(path, 4, 3), class = "MXNetError")
})

test_that("an index finds records", {
  path <- tempfile(fileext = ".rec")
  writer <- mx.recordio.writer(path)
  index <- data.frame(key = c(10, 20, 30), place = vapply(1:3, function(i) writer$write(paste("record", i)), 0))
  writer$close()
  listed <- mx.recordio.save.index(index, tempfile(fileext = ".idx"))
  expect_equal(mx.recordio.load.index(listed), index)
  reader <- mx.recordio.reader(path)
  reader$seek(index$place[index$key == 20])
  expect_equal(rawToChar(reader$read()), "record 2")
  writeLines(c("1\t0", "x 3"), listed)
  expect_error(mx.recordio.load.index(listed), "line 2", class = "MXNetError")
})

test_that("images are packed", {
  pixels <- array(1:24, c(3, 4, 2))
  record <- mx.recordio.pack(mx.recordio.encode.image(pixels, ".png", 3), label = 4, id = 9)
  found <- mx.recordio.unpack(record)
  expect_equal(found[1:4], list(flag = 0, label = 4, id = 9, id2 = 0))
  expect_equal(as.vector(as.array(mx.recordio.decode.image(found$content))), 1:24)
  expect_equal(dim(mx.recordio.decode.image(found$content, 1)), c(1, 4, 2))
  several <- mx.recordio.pack(label = 1:3)
  expect_equal(mx.recordio.unpack(several)$label, 1:3)
  expect_error(mx.recordio.unpack(several[1:32]), "3 labels", class = "MXNetError")
  expect_error(mx.recordio.unpack(record[1:20]), "header of 24 bytes", class = "MXNetError")
  expect_error(mx.recordio.decode.image(found$content, 2), "0, 1 or 3", class = "MXNetError")
})

test_that("records are those of every language", {
  values <- mx.nd.load(conformance("data.params"))
  bytes <- function(key) as.raw(as.vector(as.array(values[[key]])))
  case <- read_cases("data")$records
  source <- conformance(case$records[[1]])
  reader <- mx.recordio.reader(source)
  packed <- list()
  for (words in case$record) {
    record <- reader$read()
    expect_equal(record, bytes(words[1]))
    found <- mx.recordio.unpack(record)
    expect_equal(found$content, bytes(words[2]))
    expect_equal(c(found$flag, found$id, found$id2, found$label), as.numeric(words[-(1:2)]))
    packed <- c(packed, list(mx.recordio.pack(found$content, found$label, found$id, found$id2, found$flag)))
  }
  expect_null(reader$read())
  expect_equal(readBin(written(some = packed), "raw", 1e4), readBin(source, "raw", 1e4))
})
