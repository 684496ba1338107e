// Shape and dtype inference of every operator with any parameters and partly known shapes. What a rule answers must be well-formed,
// must not contradict what was known, and must not change when it is asked again.
#include <cstdio>
#include <cstdlib>

#include "random_call.h"
#include "target.h"

using namespace mixnet;
using namespace mixnet::fuzz;

namespace {

constexpr int64_t most_parts = 4096;

[[noreturn]] void complain(const RandomCall& call, const char* what) {
  std::string text = call.op->name + ":";
  for (const Shape& s : call.shapes) text += " " + s.str();
  for (const auto& [key, value] : call.attributes) text += " " + key + "=" + value.str();
  std::fprintf(stderr, "%s: %s\n", text.c_str(), what);
  std::abort();
}

void check_shapes(const RandomCall& call, const std::vector<Shape>& before, const std::vector<Shape>& after) {
  if (before.size() != after.size()) complain(call, "the number of shapes changed");
  for (size_t i = 0; i < before.size(); ++i) {
    for (int64_t extent : after[i]) {
      if (extent < -1) complain(call, ("a negative extent: " + after[i].str() + " " + std::to_string(extent)).c_str());
    }
    Shape merged = before[i];
    if (!merged.merge(after[i])) complain(call, (before[i].str() + " became " + after[i].str()).c_str());
  }
}

// A dimension, or all of them, is not known in some inputs and outputs.
Shape forget(Bytes& bytes, Shape shape) {
  const uint8_t how = bytes.byte();
  if (how % 4 == 3) return Shape::unknown();
  if (how % 4 == 2 && shape.ndim() > 0) shape[static_cast<int>(bytes.below(static_cast<size_t>(shape.ndim())))] = -1;
  return shape;
}

void infer(Bytes& bytes, const RandomCall& call) {
  const ParamsPtr params = call.op->make_params(call.attributes, "fuzzed");
  call.op->params_text(params.get());
  if (call.op->num_inputs(params.get()) != static_cast<int>(call.shapes.size()) ||
      call.op->num_outputs(params.get()) > most_parts)
    return;
  InferShape shapes(*call.op, params.get(), "fuzzed");
  for (Shape s : call.shapes) {
    for (int i = 0; i < s.ndim(); ++i) s[i] = std::max<int64_t>(s[i], -1);
    shapes.in.push_back(forget(bytes, s));
  }
  shapes.out.assign(static_cast<size_t>(call.op->num_outputs(params.get())), Shape::unknown());
  if (bytes.byte() % 4 == 3 && !shapes.out.empty() && !call.shapes.empty()) {
    shapes.out[0] = forget(bytes, shapes.in[bytes.below(shapes.in.size())]);
  }
  // A rule may take several rounds, but each must know at least what the last one knew, and the rounds must end.
  for (int round = 0;; ++round) {
    const std::vector<Shape> in = shapes.in, out = shapes.out;
    call.op->infer_shape(shapes);
    check_shapes(call, in, shapes.in);
    check_shapes(call, out, shapes.out);
    if (in == shapes.in && out == shapes.out) break;
    if (round > 64) complain(call, "inference does not end");
  }
  InferType types(*call.op, params.get(), "fuzzed");
  for (DType t : call.types) types.in.push_back(bytes.byte() % 8 == 7 ? DType::unknown : t);
  types.out.assign(shapes.out.size(), DType::unknown);
  call.op->infer_type(types);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  try {
    const RandomCall call = draw_call(bytes);
    infer(bytes, call);
  } catch (const Error& e) {
    if (e.code() == Code::internal || e.what()[0] != '[') std::abort();
  }
  return 0;
}

namespace mixnet::fuzz {
std::vector<std::string> seeds() { return call_seeds(); }
std::vector<std::string> dictionary() { return {}; }
}  // namespace mixnet::fuzz
