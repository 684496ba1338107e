#include "io/packed_image.h"

#include <algorithm>

#include "io/image_record.h"
#include "io/record.h"
#include "io/source.h"

namespace mixnet {
namespace {

std::vector<uint8_t> read_whole(const std::string& path) {
  const std::shared_ptr<const Source> file = open_file(path);
  MIXNET_CHECK(file->size() > 0, io, "expected an image, got an empty file");
  MIXNET_CHECK(file->size() <= max_record, io, "expected a file of at most ", max_record, " bytes, got ", file->size());
  std::vector<uint8_t> bytes(static_cast<size_t>(file->size()));
  const size_t count = file->read_at(0, bytes.data(), bytes.size());
  MIXNET_CHECK(count == bytes.size(), io, "expected ", bytes.size(), " bytes, got ", count);
  return bytes;
}

Region middle(const ImageInfo& info) {
  const int64_t side = std::min(info.height, info.width);
  return {(info.height - side) / 2, (info.width - side) / 2, side, side};
}

DecodeRequest make_request(const PackedImageOptions& options, Span<const uint8_t> file) {
  DecodeRequest request;
  request.channels = options.color == 1 ? 3 : options.color == 0 ? 1 : 0;
  request.orient = options.color != -1;
  if (options.interpolation == Interpolation::automatic) request.shorter_side = options.resize;
  if (!options.center_crop) return request;
  ImageInfo info = image_info(file);
  if (!request.orient && info.orientation > 4) std::swap(info.height, info.width);
  request.region = middle(info);
  return request;
}

Extents packed_extents(const Image& image, int64_t side) {
  if (image.height() > image.width()) return {image.height() * side / image.width(), side};
  return {side, image.width() * side / image.height()};
}

// Without the fourth channel, which JPEG has no place for.
Image without_alpha(const Image& image) {
  Image plain(image.height(), image.width(), 3);
  const uint8_t* from = image.data();
  uint8_t* to = plain.data();
  for (int64_t i = 0; i < image.height() * image.width(); ++i, from += 4, to += 3) std::copy(from, from + 3, to);
  return plain;
}

std::vector<uint8_t> encode_again(const PackedImageOptions& options, Span<const uint8_t> file) {
  Image image = decode_image(file, make_request(options, file));
  if (options.resize > 0) {
    const Extents to = packed_extents(image, options.resize);
    if (to.height != image.height() || to.width != image.width())
      image = resize(image, to.height, to.width, options.interpolation);
  }
  if (options.encoding == ImageFormat::png)
    return encode_png(image, static_cast<int>(std::min<int64_t>(options.quality, 9)));
  if (image.channels() == 4) image = without_alpha(image);
  return encode_jpeg(image, static_cast<int>(options.quality));
}

// As image_record.h says; one label stands in the header, several behind it.
std::vector<uint8_t> header_of(const PackedImageOptions& options, const ImageListEntry& entry) {
  const auto found = static_cast<int64_t>(entry.labels.size());
  const int64_t count = options.pack_label ? found : options.label_width;
  MIXNET_CHECK(found >= count, io, "expected ", count, " labels, got ", found);
  const uint32_t flag = count > 1 ? static_cast<uint32_t>(count) : 0;
  const size_t behind = flag * sizeof(float);
  std::vector<uint8_t> bytes(ImageRecord::header_bytes + behind);
  std::memcpy(bytes.data(), &flag, sizeof flag);
  if (flag == 0) std::memcpy(bytes.data() + 4, entry.labels.data(), sizeof(float));
  else std::memcpy(bytes.data() + ImageRecord::header_bytes, entry.labels.data(), behind);
  std::memcpy(bytes.data() + 8, &entry.id, sizeof entry.id);
  return bytes;
}

void expect_range(const char* name, int64_t value, int64_t low, int64_t high) {
  MIXNET_CHECK(value >= low && value <= high, invalid, "[im2rec] ", name, ": expected ", low, " to ", high, ", got ",
               value);
}

}  // namespace

void check_options(const PackedImageOptions& options) {
  expect_range("resize", options.resize, 0, max_image_side);
  expect_range("quality", options.quality, options.encoding == ImageFormat::png ? 0 : 1, 100);
  expect_range("color", options.color, -1, 1);
  expect_range("label_width", options.label_width, 1, int64_t{1} << 20);
  const auto number = static_cast<int64_t>(options.interpolation);
  MIXNET_CHECK((number >= 0 && number <= 4) || options.interpolation == Interpolation::automatic, invalid,
               "[im2rec] inter_method: expected 0 to 4 or 9, got ", number);
}

std::string packed_image_path(const PackedImageOptions& options, const ImageListEntry& entry) {
  if (options.root.empty() || (!entry.path.empty() && entry.path.front() == '/')) return entry.path;
  return options.root.back() == '/' ? options.root + entry.path : options.root + "/" + entry.path;
}

std::vector<uint8_t> pack_image(const PackedImageOptions& options, const ImageListEntry& entry) {
  std::vector<uint8_t> record = header_of(options, entry);
  std::vector<uint8_t> file = read_whole(packed_image_path(options, entry));
  if (!options.pass_through) file = encode_again(options, file);
  else if (options.check) decode_image(file);
  record.insert(record.end(), file.begin(), file.end());
  MIXNET_CHECK(static_cast<int64_t>(record.size()) <= max_record, io, "expected at most ", max_record, " bytes, got ",
               record.size());
  return record;
}

}  // namespace mixnet
