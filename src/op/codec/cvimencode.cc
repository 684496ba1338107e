// _cvimencode: an image as the bytes of a JPEG or PNG file.
#include "op/codec/pixels.h"

namespace mixnet::op::cvimencode {
namespace {

struct Params {
  std::string ext = ".jpg";
  int64_t quality = 95;
  bool from_rgb = true;
};

bool is_png(const Params& p) {
  std::string ext = p.ext;
  for (char& c : ext) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (ext == ".png") return true;
  MIXNET_CHECK(ext == ".jpg" || ext == ".jpeg", invalid, "ext: expected .jpg, .jpeg or .png, got ", p.ext);
  return false;
}
void check(const Params& p) { is_png(p); }

std::vector<uint8_t> encoded(const Params& p, const ImageView& image) {
  const int quality = static_cast<int>(p.quality);
  return is_png(p) ? encode_png(image, std::min(quality, 9)) : encode_jpeg(image, std::max(quality, 1));
}

void forward(const Params& p, const RunContext& r) {
  const ImageView image = image_of(r.in[0]);
  std::vector<uint8_t> file;
  if (p.from_rgb || image.channels < 3) {
    file = encoded(p, image);
  } else {
    Image turned(image.height, image.width, image.channels);
    std::copy(image.data, image.data + turned.bytes(), turned.data());
    swap_red_and_blue(turned.data(), image.height * image.width, image.channels);
    file = encoded(p, turned);
  }
  const TensorView out = r.context.memory->dense(0, Shape{static_cast<int64_t>(file.size())});
  std::memcpy(out.data, file.data(), file.size());
}
void infer(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.set_out(0, Shape{-1});
}
void infer_type(InferType& c) { expect_bytes(c, 0); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_cvimencode");
  op.no_gpu("pictures are decoded, encoded and edited on the host; copy the result to the GPU");
  op.param("ext", &Params::ext).doc("The kind of file: .jpg, .jpeg or .png.");
  op.param("quality", &Params::quality)
      .range(0, 100)
      .doc("JPEG: quality from 1 to 100; PNG: compression from 0 to 9, more is 9.");
  op.param("from_rgb", &Params::from_rgb).doc("Channels are red, green, blue; otherwise blue, green, red.");
  op.check(check);
  op.input("img", "(height, width, channels) uint8; 1 or 3 channels, for PNG also 4.");
  op.infer_shape(infer).infer_type(infer_type).late_shape().kernel(forward);
  op.no_gradient("part of a data pipeline").no_empty("files have at least a pixel");
  //[full
  op.doc(
      "An image as the bytes of a JPEG (colour at half the size both ways) or PNG file: (n,) uint8. Not in MXNet, "
      "where OpenCV's Python package "
      "does it. The shape is known after the run: asking for it waits.");
  op.sample({{1, 1, 1}});
  op.sample({{4, 5, 3}}, {{"ext", ".png"}, {"quality", 9}, {"from_rgb", false}});
  //]
}

}  // namespace mixnet::op::cvimencode
