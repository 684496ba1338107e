# Train LeNet on Fashion-MNIST: the program that every binding has, with the same losses for the same seed. The draws are those that
# examples/python/train_lenet.py lists. Run it with: Rscript train_lenet.R [--epochs 3] [--limit N] [--prefix PATH] [--data FOLDER]

library(mixnet)

BATCH <- 100

# The bytes of a gzip'ed idx file after its header, with the extents that the header tells.
read_idx <- function(path) {
  file <- gzfile(path, "rb")
  on.exit(close(file))
  ndim <- readBin(file, "raw", 4)[4]
  extents <- readBin(file, "integer", as.integer(ndim), size = 4, endian = "big")
  list(extents = extents, bytes = readBin(file, "raw", prod(extents)))
}

# Images (N, 1, 28, 28) in [0, 1] and labels as arrays of the library; the first `limit` of them, 0 means all.
load_part <- function(folder, part, limit = 0) {
  images <- read_idx(file.path(folder, paste0(part, "-images-idx3-ubyte.gz")))
  labels <- read_idx(file.path(folder, paste0(part, "-labels-idx1-ubyte.gz")))
  count <- if (limit > 0) min(limit, labels$extents) else labels$extents
  size <- images$extents[3:2]
  pixels <- array(images$bytes[seq_len(prod(size) * count)], c(size, 1, count))
  list(data = mx.nd.cast(mx.nd.array(pixels, dtype = "uint8"), "float32") / 255, label = mx.nd.array(as.integer(labels$bytes[seq_len(count)])))
}

# Two convolutions and two full layers (LeCun et al., 1998).
lenet <- function() {
  net <- mx.symbol.Variable("data")
  filters <- c(20, 50)
  for (layer in 1:2) {
    net <- mx.symbol.Convolution(net, kernel = c(5, 5), num_filter = filters[layer], name = paste0("conv", layer))
    net <- mx.symbol.Activation(net, act_type = "tanh", name = paste0("tanh", layer))
    net <- mx.symbol.Pooling(net, pool_type = "max", kernel = c(2, 2), stride = c(2, 2), name = paste0("pool", layer))
  }
  net <- mx.symbol.FullyConnected(mx.symbol.Flatten(net, name = "flatten"), num_hidden = 500, name = "fc1")
  net <- mx.symbol.Activation(net, act_type = "tanh", name = "tanh3")
  net <- mx.symbol.FullyConnected(net, num_hidden = 10, name = "fc2")
  mx.symbol.SoftmaxOutput(net, name = "softmax")
}

report <- function(iteration, nbatch, env, verbose) {
  got <- env$metric$get(env$train.metric)$value
  cat(sprintf("epoch=%d loss=%.6f accuracy=%.6f seconds=%.2f\n", iteration, got[1], got[2], env$epoch.seconds))
  TRUE
}

option <- function(name, default) {
  given <- commandArgs(trailingOnly = TRUE)
  at <- match(paste0("--", name), given)
  if (is.na(at)) default else given[at + 1]
}

epochs <- as.integer(option("epochs", 3))
folder <- option("data", "/usr/share/datasets/fashion-mnist")
train <- load_part(folder, "train", as.integer(option("limit", 0)))
test <- load_part(folder, "t10k")
mx.set.seed(42)
model <- mx.model.FeedForward.create(
  lenet(), mx.io.arrayiter(train$data, train$label, BATCH, shuffle = TRUE), num.round = epochs, initializer = mx.init.Xavier(),
  optimizer = "sgd", learning.rate = 0.05, momentum = 0.9, wd = 0.0001,
  eval.metric = list(mx.metric.cross_entropy, mx.metric.accuracy), epoch.end.callback = report, verbose = FALSE)
cat(sprintf("test accuracy=%.6f\n", mx.model.score(model, mx.io.arrayiter(test$data, test$label, BATCH))))
prefix <- option("prefix", "")
if (nzchar(prefix)) mx.model.save(model, prefix, epochs)
