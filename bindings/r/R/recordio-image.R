# Image records: flag, label and two ids, then several labels, then mostly the bytes of a JPEG or PNG file. Little-endian. Ids are R's
# numbers: exact below 2^53.

mx.recordio.pack <- function(content = raw(), label = 0, id = 0, id2 = 0, flag = NULL) {
  if (is.character(content)) content <- charToRaw(content)
  several <- length(label) != 1 || isTRUE(flag > 0)
  flag <- if (several) length(label) else 0
  head <- writeBin(as.double(if (several) 0 else label), raw(), size = 4, endian = "little")
  labels <- if (several) writeBin(as.double(label), raw(), size = 4, endian = "little")
  c(unsigned_bytes(flag, 4), head, unsigned_bytes(id, 8), unsigned_bytes(id2, 8), labels, content)
}

mx.recordio.unpack <- function(record) {
  if (length(record) < 24) refuse("mx.recordio.unpack", "record", "a header of 24 bytes", paste(length(record), "bytes"))
  flag <- unsigned_number(record[1:4])
  rest <- record[-(1:24)]
  label <- readBin(record[5:8], "double", 1, size = 4, endian = "little")
  if (flag > 0) {
    if (length(rest) < 4 * flag) refuse("mx.recordio.unpack", "record", paste(flag, "labels behind the header"), paste(length(rest), "bytes"))
    label <- readBin(rest, "double", flag, size = 4, endian = "little")
    rest <- rest[-seq_len(4 * flag)]
  }
  list(flag = flag, label = label, id = unsigned_number(record[9:16]), id2 = unsigned_number(record[17:24]), content = rest)
}

unsigned_bytes <- function(number, width) as.raw((number %/% 256^(seq_len(width) - 1)) %% 256)
unsigned_number <- function(bytes) sum(as.integer(bytes) * 256^(seq_along(bytes) - 1))

mx.recordio.encode.image <- function(pixels, ext = ".jpg", quality = 95) {
  if (!is.mx.ndarray(pixels)) pixels <- mx.nd.array(pixels, dtype = "uint8")
  as.raw(as.vector(mx.nd.internal.cvimencode(pixels, ext = ext, quality = quality)))
}

mx.recordio.decode.image <- function(content, channels = 3) {
  if (!channels %in% c(0, 1, 3)) refuse("mx.recordio.decode.image", "channels", "0, 1 or 3", channels)
  flag <- if (channels == 0) -1 else as.integer(channels == 3)
  mx.nd.internal.cvimdecode(mx.nd.array(content, dtype = "uint8"), flag = flag)
}
