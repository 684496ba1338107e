// _cvimdecode: the pixels of a JPEG or PNG file in memory.
#include "op/codec/pixels.h"

namespace mixnet::op::cvimdecode {
namespace {

struct Params : DecodeParams {
  bool quiet = false;
};

// In place of an image, for who goes on with the next file: an error of the engine would be told again by wait_all.
void set_late_text(const RunContext& r, const std::string& text) {
  const TensorView out = r.context.memory->dense(0, Shape{static_cast<int64_t>(text.size())});
  std::memcpy(out.data, text.data(), text.size());
}

void forward(const Params& p, const RunContext& r) {
  Image image;
  try {
    image = p.decode(bytes_of(r.in[0]));
  } catch (const Error& e) {
    if (!p.quiet || e.code() != Code::io) throw;
    return set_late_text(r, e.what());
  }
  set_late_image(r, std::move(image), p.to_rgb);
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 1, 1);
  if (!p.quiet) c.set_out(0, Shape{-1, -1, p.flag < 0 ? -1 : p.flag == 0 ? 1 : 3});
}
void infer_type(InferType& c) { expect_bytes(c, 0); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_cvimdecode");
  op.no_gpu("pictures are decoded, encoded and edited on the host; copy the result to the GPU");
  add_decode_params(op);
  op.param("quiet", &Params::quiet)
      .doc("Bytes that are no image, or a broken one, are no error: the result is its text, (n,) uint8.");
  op.input("buf", "(n,) uint8: the bytes of the file.");
  op.infer_shape(infer).infer_type(infer_type).late_shape().kernel(forward);
  op.no_gradient("part of a data pipeline").no_empty("no bytes are no image");
  //[full
  op.doc(
      "The pixels of a JPEG or PNG file: (height, width, channels) uint8. Bytes that are no image, or a broken one, "
      "are "
      "an error. The shape is known after the run: asking for it waits.");
  op.sample({{1}});
  //]
}

}  // namespace mixnet::op::cvimdecode
