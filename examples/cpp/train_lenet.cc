// Trains LeNet on Fashion-MNIST; prints the losses that examples/python/train_lenet.py prints, which says what is drawn when.
#include <mixnet/mixnet.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace mixnet;

struct Options {
  int64_t epochs = 3, limit = 0;
  std::string prefix, data = "/usr/share/datasets/fashion-mnist";
};

static Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--epochs") options.epochs = std::stoll(value);
    else if (name == "--limit") options.limit = std::stoll(value);
    else if (name == "--prefix") options.prefix = value;
    else if (name == "--data") options.data = value;
    else fail("train_lenet [--epochs 3] [--limit N] [--prefix PATH] [--data FOLDER]");
  }
  return options;
}

// The bytes of an idx file compressed by gzip, without its header of 4 (1 + axes) bytes.
static std::vector<uint8_t> read_idx(const std::string& path, size_t axes) {
  std::FILE* pipe = popen(("gzip -dc '" + path + "' 2>/dev/null").c_str(), "r");
  if (!pipe) fail("[read_idx] gzip: expected a program, got none", Code::io);
  std::vector<uint8_t> bytes;
  for (uint8_t buffer[1 << 16]; const size_t count = std::fread(buffer, 1, sizeof buffer, pipe);) {
    bytes.insert(bytes.end(), buffer, buffer + count);
  }
  const size_t header = 4 * (1 + axes);
  if (pclose(pipe) != 0 || bytes.size() < header) fail("[read_idx] " + path + ": expected an idx file", Code::io);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

struct Images {
  NDArray images, labels;
};

// The first `limit` images (0: all) as (N, 1, 28, 28) in [0, 1], and their labels.
static Images read_images(const std::string& folder, const std::string& part, int64_t limit) {
  const std::vector<uint8_t> bytes = read_idx(folder + "/" + part + "-images-idx3-ubyte.gz", 3);
  const std::vector<uint8_t> labels = read_idx(folder + "/" + part + "-labels-idx1-ubyte.gz", 1);
  const auto all = static_cast<int64_t>(labels.size()), count = limit > 0 ? std::min(limit, all) : all;
  std::vector<float> pixels(static_cast<size_t>(count) * 784);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(bytes[i]) / 255;
  const std::vector<float> classes(labels.begin(), labels.begin() + count);
  return {NDArray(pixels, {count, 1, 28, 28}), NDArray(classes, {count})};
}

static Symbol lenet() {
  Symbol net = Symbol::variable("data");
  for (const int layer : {1, 2}) {
    const std::string number = std::to_string(layer);
    net = op::Convolution(net).kernel({5, 5}).num_filter(layer == 1 ? 20 : 50).name("conv" + number);
    net = op::Activation(net).act_type("tanh").name("tanh" + number);
    net = op::Pooling(net).pool_type("max").kernel({2, 2}).stride({2, 2}).name("pool" + number);
  }
  net = op::FullyConnected(op::Flatten(net).name("flatten")).num_hidden(500).name("fc1");
  net = op::Activation(net).act_type("tanh").name("tanh3");
  net = op::FullyConnected(net).num_hidden(10).name("fc2");
  return op::SoftmaxOutput(net).name("softmax");
}

static void train(const Options& options) {
  const Images train = read_images(options.data, "train", options.limit), test = read_images(options.data, "t10k", 0);
  NDArrayIter train_data(train.images, train.labels, 100, true), test_data(test.images, test.labels, 100);
  seed(42);

  FeedForward model(lenet());
  Optimizer optimizer("sgd", {{"learning_rate", 0.05}, {"momentum", 0.9}, {"wd", 0.0001}});
  const Interrupt interrupt;
  FitOptions how;
  how.epochs = options.epochs;
  how.optimizer = &optimizer;
  how.initializer = init::xavier();
  how.metric = metric::several({metric::cross_entropy(), metric::accuracy()});
  how.cancel = interrupt.token();
  how.epoch_end = {[](const EpochEnd& at) {
    std::printf("epoch=%lld loss=%.6f accuracy=%.6f seconds=%.2f\n", static_cast<long long>(at.epoch + 1),
                at.training[0].second, at.training[1].second, at.seconds);
    std::fflush(stdout);
  }};
  model.fit(train_data, how);
  std::printf("test accuracy=%.6f\n", model.score(test_data, *metric::accuracy()));
  if (!options.prefix.empty()) model.save(options.prefix, options.epochs);
}

int main(int argc, char** argv) try {
  quiet_threads(argv);
  train(parse(argc, argv));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
