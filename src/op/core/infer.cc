#include "op/core/infer.h"

#include <algorithm>

#include "op/core/schema.h"

namespace mixnet {

std::string InferContext::place() const { return op_.place(node_); }

std::string InferContext::input_name(int i) const {
  const std::vector<std::string> names = op_.input_names(params_);
  return i < static_cast<int>(names.size()) ? names[static_cast<size_t>(i)] : "input " + std::to_string(i);
}

std::string InferContext::output_name(int i) const {
  const std::vector<std::string> names = op_.output_names(params_);
  return i < static_cast<int>(names.size()) ? names[static_cast<size_t>(i)] : "output " + std::to_string(i);
}

void InferContext::fail(Code code, const std::string& message) const {
  mixnet::fail(code, "[", place(), "] ", message);
}

namespace {
// -1 is "not known"; what is less came from a parameter.
bool possible(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](int64_t extent) { return extent >= -1; });
}
std::string exact(const Shape& shape) {
  std::string text;
  for (int64_t extent : shape) text += (text.empty() ? "(" : ", ") + std::to_string(extent);
  return text + ")";
}
}  // namespace

void InferShape::set_in(int i, const Shape& shape) {
  if (!possible(shape))
    fail(Code::shape, concat(input_name(i), ": expected extents of at least 0, got ", exact(shape)));
  Shape& mine = in[static_cast<size_t>(i)];
  const Shape before = mine;
  if (!mine.merge(shape)) fail(Code::shape, concat(input_name(i), ": expected ", shape, ", got ", before));
}

void InferShape::set_out(int i, const Shape& shape) {
  if (!possible(shape))
    fail(Code::shape, concat(output_name(i), ": expected extents of at least 0, got ", exact(shape)));
  Shape& mine = out[static_cast<size_t>(i)];
  const Shape before = mine;
  if (!mine.merge(shape)) fail(Code::shape, concat(output_name(i), ": expected ", shape, ", got ", before));
}

void InferShape::all_same() {
  Shape common = Shape::unknown();
  auto join = [this, &common](const Shape& s, const std::string& name) {
    const Shape before = common;
    if (!common.merge(s)) fail(Code::shape, concat(name, ": expected ", before, ", got ", s));
  };
  for (int i = 0; i < num_inputs(); ++i) join(in[static_cast<size_t>(i)], input_name(i));
  for (size_t i = 0; i < out.size(); ++i) join(out[i], output_name(static_cast<int>(i)));
  for (Shape& s : in) s = common;
  for (Shape& s : out) s = common;
}

void InferShape::expect_ndim(int i, int minimum, int maximum) const {
  const Shape& s = in[static_cast<size_t>(i)];
  if (!s.ndim_known() || (s.ndim() >= minimum && s.ndim() <= maximum)) return;
  const std::string range = minimum == maximum ? concat(minimum) : concat(minimum, " to ", maximum);
  fail(Code::shape, concat(input_name(i), ": expected ", range, " dimensions, got ", s));
}

namespace {
bool merge(DType& mine, DType other) {
  if (other == DType::unknown) return true;
  if (mine == DType::unknown) mine = other;
  return mine == other;
}
}  // namespace

void InferType::set_in(int i, DType dtype) {
  DType& mine = in[static_cast<size_t>(i)];
  if (!merge(mine, dtype)) fail(Code::type, concat(input_name(i), ": expected ", dtype, ", got ", mine));
}

void InferType::set_out(int i, DType dtype) {
  DType& mine = out[static_cast<size_t>(i)];
  if (!merge(mine, dtype)) fail(Code::type, concat(output_name(i), ": expected ", dtype, ", got ", mine));
}

void InferType::all_same() {
  DType common = DType::unknown;
  for (int i = 0; i < num_inputs(); ++i) {
    const DType mine = in[static_cast<size_t>(i)];
    if (!merge(common, mine)) fail(Code::type, concat(input_name(i), ": expected ", common, ", got ", mine));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (!merge(common, out[i])) {
      fail(Code::type, concat(output_name(static_cast<int>(i)), ": expected ", common, ", got ", out[i]));
    }
  }
  for (DType& t : in) t = common;
  for (DType& t : out) t = common;
}

void InferType::expect_float(int i) const {
  const DType mine = in[static_cast<size_t>(i)];
  if (mine == DType::unknown || dtype_is_float(mine)) return;
  fail(Code::type, concat(input_name(i), ": expected a float dtype, got ", mine));
}

}  // namespace mixnet
