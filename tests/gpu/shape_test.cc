// Operators that move elements, on GPUs, with more elements and axes than the registry's samples have.
#include <doctest/doctest.h>

#include "executor/invoke.h"
#include "op/evaluate.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};

// The element's place is its value, so that every wrong move is seen.
NDArray places(const Shape& shape, DeviceId device) {
  std::vector<int32_t> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int32_t>(i);
  NDArray a(shape, DType::i32, device);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}
std::vector<std::vector<int32_t>> run(DeviceId device, const std::string& name, const Attributes& attributes,
                                      const std::vector<Shape>& shapes) {
  const OpSchema& op = registry().at(name);
  std::vector<NDArray> in, out;
  for (const Shape& s : shapes) in.push_back(places(s, device));
  invoke(op, op.make_params(attributes), in, out);
  std::vector<std::vector<int32_t>> results;
  for (const NDArray& a : out) {
    results.emplace_back(static_cast<size_t>(a.size()));
    a.copy_to_host(results.back().data(), a.bytes());
  }
  return results;
}
void check_same(const std::string& name, const Attributes& attributes, const std::vector<Shape>& shapes) {
  CHECK_MESSAGE(run(gpu, name, attributes, shapes) == run({}, name, attributes, shapes), name);
}

}  // namespace

TEST_CASE("gpu: elements move as on the CPU") {
  check_same("transpose", {{"axes", Shape{3, 1, 0, 2}}}, {{5, 17, 33, 7}});
  check_same("transpose", {}, {{301, 65}});
  check_same("SwapAxis", {{"dim1", 0}, {"dim2", 2}}, {{9, 33, 40}});
  check_same("slice", {{"begin", "(3, -1, None)"}, {"end", "(40, 2, None)"}, {"step", "(3, -4, 2)"}}, {{41, 37, 19}});
  check_same("slice_axis", {{"axis", 1}, {"begin", 5}, {"end", 70}}, {{33, 77, 3}});
  check_same("_slice_assign", {{"begin", Shape{1, 2}}, {"end", Shape{31, 50}}, {"step", Shape{2, 3}}},
             {{33, 51}, {15, 16}});
  check_same("_slice_assign_scalar", {{"scalar", -3}, {"begin", Shape{1, 2}}, {"end", Shape{31, 50}}}, {{33, 51}});
  check_same("Concat", {{"num_args", 4}, {"dim", 1}}, {{33, 7, 3}, {33, 1, 3}, {33, 0, 3}, {33, 40, 3}});
  check_same("stack", {{"num_args", 3}, {"axis", 2}}, {{33, 31}, {33, 31}, {33, 31}});
  check_same("SliceChannel", {{"num_outputs", 5}, {"axis", 1}}, {{21, 35, 9}});
  check_same("_split_v2", {{"indices", Shape{0, 3, 3, 60}}, {"axis", 1}}, {{40, 77}});
  check_same("tile", {{"reps", Shape{2, 1, 3}}}, {{11, 13, 17}});
  check_same("repeat", {{"repeats", 5}, {"axis", 1}}, {{11, 13, 17}});
  check_same("reverse", {{"axis", Shape{0, 2}}}, {{11, 13, 17}});
  check_same("depth_to_space", {{"block_size", 3}}, {{2, 36, 11, 7}});
  check_same("space_to_depth", {{"block_size", 3}}, {{2, 4, 33, 21}});
  check_same("broadcast_to", {{"shape", Shape{33, 9, 40}}}, {{33, 1, 40}});
  check_same("broadcast_like", {}, {{1, 40}, {70, 40}});
  check_same("diag", {{"k", -2}, {"axis1", 0}, {"axis2", 2}}, {{40, 9, 33}});
  check_same("Pad", {{"mode", "reflect"}, {"pad_width", Shape{0, 0, 0, 0, 8, 3, 5, 20}}}, {{3, 4, 19, 33}});
}

// A gradient of many copies: whole numbers, whose sums are exact.
TEST_CASE("gpu: gradients of copies are added as on the CPU") {
  check_same("_backward_tile", {{"reps", Shape{3, 1, 5}}}, {{33, 13, 85}, {11, 13, 17}});
  check_same("_backward_repeat", {{"repeats", 40}, {"axis", 1}}, {{11, 520, 17}, {11, 13, 17}});
}

}  // namespace mixnet::test
