// _imdecode: 0.9.5's way to decode: a part of a picture, channels first, float32, minus a mean.
#include "op/codec/pixels.h"

namespace mixnet::op::imdecode {
namespace {

struct Params {
  int64_t index = 0, x0 = 0, y0 = 0, x1 = 0, y1 = 0, c = 3, size = 0;
  bool whole() const { return x1 <= x0 || y1 <= y0; }
};

// Whether a mean is subtracted: one element without a shape stands for none.
bool has_mean(const TensorView& mean) { return mean.size() > 1; }

void forward(const Params& p, const RunContext& r) {
  Span<const uint8_t> file = bytes_of(r.in[1]);
  MIXNET_CHECK(p.size <= static_cast<int64_t>(file.size()), invalid, "[_imdecode] size: expected at most ", file.size(),
               ", got ", p.size);
  if (p.size > 0) file = file.subspan(0, static_cast<size_t>(p.size));
  DecodeRequest request;
  request.channels = p.c;
  if (!p.whole()) request.region = {p.y0, p.x0, p.y1 - p.y0, p.x1 - p.x0};
  const Image image = decode_image(file, request);
  const Shape shape{p.c, image.height(), image.width()};
  const TensorView& mean = r.in[0];
  MIXNET_CHECK(!has_mean(mean) || mean.shape == shape, shape, "[_imdecode] mean: expected ", shape, ", got ",
               mean.shape);
  const TensorView out = r.context.memory->dense(0, shape);
  const int64_t pixels = image.height() * image.width();
  for (int64_t c = 0; c < p.c; ++c) {
    for (int64_t i = 0; i < pixels; ++i) {
      const float value = image.data()[i * p.c + c];
      out.as<float>()[c * pixels + i] = has_mean(mean) ? value - mean.as<float>()[c * pixels + i] : value;
    }
  }
}
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(1, 1, 1);
  c.set_out(0, p.whole() ? Shape{p.c, -1, -1} : Shape{p.c, p.y1 - p.y0, p.x1 - p.x0});
}
void infer_type(InferType& c) {
  c.set_in(0, DType::f32);
  c.set_in(1, DType::u8);
  c.set_out(0, DType::f32);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_imdecode");
  op.no_gpu("pictures are decoded, encoded and edited on the host; copy the result to the GPU");
  op.param("index", &Params::index).doc("Not used: mx.nd.imdecode writes into this image of its out.");
  op.param("x0", &Params::x0).range(0, max_image_side).doc("The first column.");
  op.param("y0", &Params::y0).range(0, max_image_side).doc("The first row.");
  op.param("x1", &Params::x1)
      .range(0, max_image_side)
      .doc("Behind the last column; the whole picture where that is not behind x0.");
  op.param("y1", &Params::y1)
      .range(0, max_image_side)
      .doc("Behind the last row; the whole picture where that is not behind y0.");
  op.param("c", &Params::c).range(1, 4).doc("Channels: 1, 3 or 4.");
  op.param("size", &Params::size).range(0, int64_t{1} << 40).doc("How many bytes of str_img count; 0: all.");
  op.input("mean", "(c, height, width) float32, subtracted; one element: nothing is.");
  op.input("str_img", "(n,) uint8: the bytes of a JPEG or PNG file.");
  op.infer_shape(infer).infer_type(infer_type).late_shape().kernel(forward);
  op.no_gradient("part of a data pipeline").no_empty("no bytes are no image");
  //[full
  op.doc(
      "A part of a picture, (c, y1 - y0, x1 - x0) float32, red first, minus a mean: what 0.9.5's mx.nd.imdecode "
      "called. The bytes are an "
      "array here. Use _cvimdecode.");
  op.sample({{1}, {1}});
  //]
}

}  // namespace mixnet::op::imdecode
