// _cvimread: the pixels of a JPEG or PNG file.
#include <sys/stat.h>

#include <fstream>

#include "op/codec/pixels.h"

namespace mixnet::op::cvimread {
namespace {

constexpr int64_t most_bytes = int64_t{1} << 30;

struct Params : DecodeParams {
  std::string filename;
};

// A file that is one: a pipe or a device may never end.
std::vector<uint8_t> bytes_of_file(const std::string& name) {
  struct stat about;
  MIXNET_CHECK(stat(name.c_str(), &about) == 0 && S_ISREG(about.st_mode), io,
               "[_cvimread] filename: expected a file, got ", name);
  MIXNET_CHECK(about.st_size <= most_bytes, io, "[_cvimread] ", name, ": expected at most ", most_bytes, " bytes, got ",
               about.st_size);
  std::vector<uint8_t> bytes(static_cast<size_t>(about.st_size));
  std::ifstream file(name, std::ios::binary);
  MIXNET_CHECK(file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())), io,
               "[_cvimread] cannot read ", name);
  return bytes;
}

void forward(const Params& p, const RunContext& r) {
  const std::vector<uint8_t> file = bytes_of_file(p.filename);
  try {
    set_late_image(r, p.decode(file), p.to_rgb);
  } catch (const Error& e) {
    fail(e.code(), "[_cvimread] ", p.filename, ": ", e.what());
  }
}
void infer(InferShape& c) {
  const int64_t flag = c.params<Params>().flag;
  c.set_out(0, Shape{-1, -1, flag < 0 ? -1 : flag == 0 ? 1 : 3});
}
void infer_type(InferType& c) { c.set_out(0, DType::u8); }

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_cvimread");
  op.no_gpu("pictures are decoded, encoded and edited on the host; copy the result to the GPU");
  op.param("filename", &Params::filename).required().doc("The file's path.");
  add_decode_params(op);
  op.infer_shape(infer).infer_type(infer_type).late_shape().kernel(forward);
  op.no_gradient("part of a data pipeline");
  //[full
  op.doc(
      "The pixels of a JPEG or PNG file, as _cvimdecode gives them. The shape is known after the run: asking for it "
      "waits, and raises what "
      "was wrong with the file.");
  op.sample({}, {{"filename", "picture.jpg"}});
  //]
}

}  // namespace mixnet::op::cvimread
