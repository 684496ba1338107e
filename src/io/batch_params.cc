#include "io/batch_params.h"

#include "base/error.h"

namespace mixnet {
namespace {

Shape with_batch(int64_t batch_size, const Shape& shape) {
  Shape whole = Shape::filled(shape.ndim() + 1, batch_size);
  for (int i = 0; i < shape.ndim(); ++i) whole[i + 1] = shape[i];
  return whole;
}

}  // namespace

std::vector<ParamField> batch_fields() {
  using P = BatchParams;
  std::vector<ParamField> fields{
      described("batch_size", &P::batch_size, "examples of a batch"),
      described("prefetch_buffer", &P::prefetch_buffer,
                "batches that a thread makes ahead, at most; 0: each is made when it is asked for"),
      described("num_parts", &P::num_parts, "shares that the examples are divided into, of equal length"),
      described("part_index", &P::part_index, "which share this iterator reads, from 0"),
      described("dtype", &P::dtype, "of the arrays; None: float32"),
      make_field("ctx", &P::ctx, {"cpu", "gpu"}),
  };
  FieldBuilder(&fields[0]).range(1, 1 << 30);
  FieldBuilder(&fields[1]).range(0, 1 << 20);
  FieldBuilder(&fields[2]).range(1);
  FieldBuilder(&fields[3]).range(0);
  fields[5].doc = "accepted for old scripts; batches are made on the CPU";
  return fields;
}

std::optional<std::string> given_path(const std::optional<std::string>& path) {
  return path && !path->empty() && *path != "NULL" ? path : std::nullopt;
}

ArrayDesc data_desc(int64_t batch_size, const Shape& shape, DType dtype) {
  return {"data", with_batch(batch_size, shape), dtype, ""};
}

ArrayDesc label_desc(int64_t batch_size, const Shape& shape, DType dtype) {
  return {"softmax_label", shape == Shape{1} ? Shape{batch_size} : with_batch(batch_size, shape), dtype, ""};
}

void refuse_dtype(const std::string& name, DType dtype, const char* expected) {
  fail(Code::type, "[", name, "] dtype: expected ", expected, ", got ", dtype);
}

}  // namespace mixnet
