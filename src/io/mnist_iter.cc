// MNISTIter: images and labels of two idx files. They are read when the iterator is made; a batch is a choice of them, scaled.
//
// An idx file: two bytes 0, the type of an element (8: bytes), the number of axes, each axis as 32 bits (most significant byte first), the elements.
#include <algorithm>
#include <numeric>

#include "base/half.h"
#include "io/batch_params.h"
#include "io/draws.h"
#include "io/iter_registry.h"
#include "io/prefetcher.h"
#include "io/source.h"

namespace mixnet {
namespace {

struct MnistParams {
  std::string image = "./train-images-idx3-ubyte", label = "./train-labels-idx1-ubyte";
  bool shuffle = true, flat = false, silent = false;
  int64_t seed = 0;
  std::optional<Shape> input_shape;
  BatchParams batch;
};

struct IdxFile {
  std::vector<int64_t> axes;
  std::vector<uint8_t> bytes;
};

std::shared_ptr<const Source> open_idx(const std::string& name, const std::string& path) {
  try {
    return open_source(path);
  } catch (const Error& e) {
    fail(e.code(), "[", name, "] ", path, ": expected a readable file, got ", e.what());
  }
}

IdxFile read_idx(const std::string& name, const std::string& path, size_t axes) {
  const std::shared_ptr<const Source> source = open_idx(name, path);
  const std::string place = concat("[", name, "] ", path, ": ");
  uint8_t header[16] = {};
  const size_t length = 4 + 4 * axes, got = source->read_at(0, header, length);
  MIXNET_CHECK(got == length, io, place, "expected a header of ", length, " bytes, got ", got);
  MIXNET_CHECK(header[0] == 0 && header[1] == 0 && header[2] == 8 && header[3] == axes, io, place,
               "expected an idx file of bytes with ", axes, " axes, got one that begins with ", int{header[0]}, " ",
               int{header[1]}, " ", int{header[2]}, " ", int{header[3]});
  IdxFile file;
  double size = 1;
  for (size_t i = 0; i < axes; ++i) {
    const uint8_t* const at = header + 4 + 4 * i;
    file.axes.push_back(int64_t{at[0]} << 24 | at[1] << 16 | at[2] << 8 | at[3]);
    size *= static_cast<double>(file.axes.back());
  }
  const int64_t there = source->size() - static_cast<int64_t>(length);
  MIXNET_CHECK(size == static_cast<double>(there), io, place, "expected ", static_cast<int64_t>(std::min(size, 9e18)),
               " bytes behind the header, got ", there);
  file.bytes.resize(static_cast<size_t>(there));
  const size_t read = source->read_at(static_cast<int64_t>(length), file.bytes.data(), file.bytes.size());
  MIXNET_CHECK(read == file.bytes.size(), io, place, "expected ", there, " bytes behind the header, got ", read);
  return file;
}

// The rows of a share, in the order of all epochs.
std::vector<int64_t> rows_of(const MnistParams& p, const std::string& name, int64_t count) {
  const BatchParams& b = p.batch;
  MIXNET_CHECK(b.part_index < b.num_parts, invalid, "[", name,
               "] part_index: expected 0 <= part_index < num_parts, got ", b.part_index, " of ", b.num_parts);
  const auto limit = [&](int64_t part) {
    return count / b.num_parts * part + count % b.num_parts * part / b.num_parts;
  };
  std::vector<int64_t> rows(static_cast<size_t>(limit(b.part_index + 1) - limit(b.part_index)));
  std::iota(rows.begin(), rows.end(), limit(b.part_index));
  Draws draws(static_cast<uint64_t>(p.seed), 0, 0);
  for (size_t i = rows.size(); p.shuffle && i > 1; --i)
    std::swap(rows[i - 1], rows[static_cast<size_t>(draws.below(static_cast<int64_t>(i)))]);
  return rows;
}

Shape example_shape(const MnistParams& p, const std::string& name, const std::vector<int64_t>& axes) {
  const int64_t pixels = axes[1] * axes[2];
  const Shape shape = p.input_shape.value_or(Shape{1, axes[1], axes[2]});
  MIXNET_CHECK(shape.size() == pixels, shape, "[", name, "] input_shape: expected ", pixels, " pixels like (", axes[1],
               ", ", axes[2], "), got ", shape);
  return p.flat ? Shape{pixels} : shape;
}

template <class T>
class MnistLoader : public BatchLoader {
 public:
  MnistLoader(const MnistParams& p, const std::string& name, DType dtype)
      : batch_size_(p.batch.batch_size), images_(read_idx(name, p.image, 3)), labels_(read_idx(name, p.label, 1)) {
    const int64_t count = images_.axes[0];
    MIXNET_CHECK(labels_.axes[0] == count, io, "[", name, "] ", p.label, ": expected ", count, " labels like ", p.image,
                 ", got ", labels_.axes[0]);
    rows_ = rows_of(p, name, count);
    const Shape shape = example_shape(p, name, images_.axes);
    pixels_ = shape.size();
    data_ = {data_desc(batch_size_, shape, dtype)};
    label_ = {label_desc(batch_size_, Shape{1}, DType::f32)};
    for (int value = 0; value < 256; ++value) scaled_[value] = T(static_cast<float>(value) / 256);
  }

  const std::vector<ArrayDesc>& data() const override { return data_; }
  const std::vector<ArrayDesc>& label() const override { return label_; }

  bool load(Batch* batch) override {
    if (static_cast<int64_t>(rows_.size()) - at_ < batch_size_) return false;
    const NDArray data(data_[0].shape, data_[0].dtype), label(label_[0].shape, label_[0].dtype);
    T* to = data.view().as<T>();
    float* label_to = label.view().as<float>();
    batch->index.clear();
    for (int64_t end = at_ + batch_size_; at_ < end; ++at_) {
      const int64_t row = rows_[static_cast<size_t>(at_)];
      const uint8_t* const from = images_.bytes.data() + row * pixels_;
      to = std::transform(from, from + pixels_, to, [this](uint8_t value) { return scaled_[value]; });
      *label_to++ = labels_.bytes[static_cast<size_t>(row)];
      batch->index.push_back(static_cast<uint64_t>(row));
    }
    batch->pad = 0;
    batch->data = {data};
    batch->label = {label};
    return true;
  }

  void restart(int64_t) override { at_ = 0; }

 private:
  const int64_t batch_size_;
  const IdxFile images_, labels_;
  std::vector<int64_t> rows_;
  int64_t pixels_ = 0, at_ = 0;
  T scaled_[256];
  std::vector<ArrayDesc> data_, label_;
};

std::unique_ptr<BatchLoader> make_loader(const MnistParams& p, const std::string& name) {
  const DType dtype = p.batch.dtype.value_or(DType::f32);
  switch (dtype) {
    case DType::f32: return std::make_unique<MnistLoader<float>>(p, name, dtype);
    case DType::f64: return std::make_unique<MnistLoader<double>>(p, name, dtype);
    case DType::f16: return std::make_unique<MnistLoader<f16>>(p, name, dtype);
    default: refuse_dtype(name, dtype, "float32, float64 or float16");
  }
}

std::unique_ptr<DataIter> make(const MnistParams& p, const std::string& name) {
  return make_prefetcher(name, make_loader(p, name), p.batch.prefetch_buffer);
}

}  // namespace

IterSchema mnist_iter_schema() {
  using P = MnistParams;
  std::vector<ParamField> fields{
      described("image", &P::image, "idx file of the images"),
      described("label", &P::label, "idx file of the labels"),
      described("shuffle", &P::shuffle, "the order is drawn when the files are read, and stays for all epochs"),
      described("flat", &P::flat, "examples of shape (height * width,)"),
      described("seed", &P::seed, "of the order"),
      described("silent", &P::silent, "accepted for old scripts"),
      described("input_shape", &P::input_shape,
                "shape of an example, of as many pixels as an image has; None: (1, height, width)"),
  };
  for (ParamField& f : fields_of_member(batch_fields(), &P::batch)) fields.push_back(std::move(f));
  return make_iter_schema<P>(
      "MNISTIter",
      "Images and labels of idx files, the format of MNIST. Pixels are scaled to [0, 1) by 1/256. What does not fill a "
      "batch at the end of an epoch is left out.",
      std::move(fields), make);
}

}  // namespace mixnet
