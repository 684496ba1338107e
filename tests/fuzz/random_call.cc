#include "random_call.h"

namespace mixnet::fuzz {
namespace {

constexpr DType dtypes[] = {DType::f32, DType::f64, DType::f16,     DType::u8,  DType::i32,
                            DType::i8,  DType::i64, DType::boolean, DType::bf16};

Shape draw_ints(Bytes& bytes) {
  Shape s;
  for (size_t n = bytes.below(6); n > 0; --n) s.push_back(bytes.number());
  return s;
}

std::string draw_text(Bytes& bytes) {
  static const char* const words[] = {"",
                                      "None",
                                      "True",
                                      "False",
                                      "(",
                                      "()",
                                      "(1,",
                                      "(3, 3)",
                                      "[2,2]",
                                      "(None, 1)",
                                      "-1",
                                      "1e18",
                                      "1e30",
                                      "nan",
                                      "inf",
                                      "-inf",
                                      "0x10",
                                      "float32",
                                      "int64",
                                      "max",
                                      "valid",
                                      "full",
                                      "(1e3)",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "64L",
                                      "((1,2),3)",
                                      "(,)",
                                      "'a'",
                                      "1f"};
  const size_t n = sizeof words / sizeof *words, i = bytes.below(n + 4);
  return i < n ? words[i] : bytes.text(12);
}

double draw_real(Bytes& bytes) {
  static const double edges[] = {0,    -0.0,  1,      0.5,          -1,        1e-300,     1e300,
                                 1e18, -1e19, 9.3e18, 2147483648.0, 1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0};
  const size_t n = sizeof edges / sizeof *edges, i = bytes.below(2 * n);
  return i < n ? edges[i] : static_cast<double>(bytes.number()) / 4;
}

Value draw_any(Bytes& bytes) {
  switch (bytes.below(7)) {
    case 0: return Value();
    case 1: return Value(bytes.number());
    case 2: return Value(bytes.below(2) == 1);
    case 3: return Value(draw_real(bytes));
    case 4: return Value(draw_ints(bytes));
    case 5: return Value(std::vector<double>(bytes.below(5), draw_real(bytes)));
    default: return Value(draw_text(bytes));
  }
}

// Extents stay small mostly, so that calls can be run.
int64_t draw_extent(Bytes& bytes) {
  const uint8_t b = bytes.byte();
  return b < 240 ? b % 7 : b < 250 ? b : bytes.number();
}

Shape draw_shape(Bytes& bytes) {
  Shape s;
  for (size_t n = bytes.below(7); n > 0; --n) s.push_back(draw_extent(bytes));
  return s;
}

void change_shapes(Bytes& bytes, std::vector<Shape>& shapes) {
  for (size_t n = bytes.below(6); n > 0; --n) {
    const uint8_t how = bytes.byte();
    if (how % 16 == 15 && shapes.size() < 8) shapes.push_back(draw_shape(bytes));
    if (shapes.empty()) return;
    if (how % 16 == 14) shapes.pop_back();
    if (shapes.empty()) return;
    Shape& s = shapes[bytes.below(shapes.size())];
    if (how % 16 < 10 && s.ndim() > 0)
      s[static_cast<int>(bytes.below(static_cast<size_t>(s.ndim())))] = draw_extent(bytes);
    else if (how % 16 < 12 && s.ndim() < 8) s.push_back(draw_extent(bytes));
    else s = draw_shape(bytes);
  }
}

}  // namespace

const std::vector<const OpSchema*>& offered_operators() {
  static const auto& list = *[] {
    auto* offered = new std::vector<const OpSchema*>;
    for (const OpSchema* op : registry().all()) {
      if (!op->hidden) offered->push_back(op);
    }
    return offered;
  }();
  return list;
}

Value draw_value(Bytes& bytes, const ParamField& field) {
  const uint8_t odd = bytes.byte();
  if (odd > 230) return draw_any(bytes);
  if (field.optional && odd > 210) return Value();
  if (!field.choices.empty()) return Value(field.choices[bytes.below(field.choices.size())]);
  if (field.type == "int") return Value(bytes.number());
  if (field.type == "float") return Value(draw_real(bytes));
  if (field.type == "boolean") return Value(bytes.below(2) == 1);
  if (field.type == "tuple") return Value(draw_ints(bytes));
  if (field.type == "dtype") return Value(dtypes[bytes.below(sizeof dtypes / sizeof *dtypes)]);
  if (field.type == "float tuple") return Value(std::vector<double>(bytes.below(6), draw_real(bytes)));
  if (field.type == "tuple with None") {
    std::string s = "(";
    for (size_t n = bytes.below(6); n > 0; --n)
      s += (bytes.below(3) == 0 ? std::string("None") : std::to_string(bytes.number())) + ",";
    return Value(s + ")");
  }
  return draw_any(bytes);
}

RandomCall draw_call(Bytes& bytes) {
  RandomCall call;
  const std::vector<const OpSchema*>& all = offered_operators();
  const size_t high = bytes.byte();
  call.op = all[(high * 256 + bytes.byte()) % all.size()];
  const size_t sample = bytes.byte();
  if (!call.op->samples.empty()) {
    const Sample& s = call.op->samples[sample % call.op->samples.size()];
    call.attributes = s.attributes;
    call.shapes = s.inputs;
  } else {
    call.shapes.assign(call.op->inputs.size(), Shape{2, 3});
  }
  const uint8_t flags = bytes.byte();
  call.training = (flags & 1) != 0;
  const std::vector<ParamField>& fields = call.op->fields;
  for (size_t n = fields.empty() ? 0 : bytes.below(5); n > 0; --n) {
    const ParamField& field = fields[bytes.below(fields.size())];
    call.attributes.emplace_back(field.name, draw_value(bytes, field));
  }
  change_shapes(bytes, call.shapes);
  bool counted = call.op->variadic.empty();
  for (const auto& a : call.attributes) counted = counted || a.first == call.op->variadic;
  if (!counted) call.attributes.emplace_back(call.op->variadic, static_cast<int64_t>(call.shapes.size()));
  const DType common = dtypes[bytes.below(sizeof dtypes / sizeof *dtypes)];
  for (size_t i = 0; i < call.shapes.size(); ++i) {
    call.types.push_back(bytes.byte() < 230 ? common : dtypes[bytes.below(sizeof dtypes / sizeof *dtypes)]);
  }
  return call;
}

std::vector<std::string> call_seeds() {
  std::vector<std::string> list;
  const std::vector<const OpSchema*>& all = offered_operators();
  for (size_t id = 0; id < all.size(); ++id) {
    for (size_t i = 0; i < std::max<size_t>(all[id]->samples.size(), 1); ++i) {
      std::string s{static_cast<char>(id / 256), static_cast<char>(id % 256), static_cast<char>(i), '\0'};
      // Room for mutations to write into.
      list.push_back(s + std::string(40, '\0'));
    }
  }
  return list;
}

}  // namespace mixnet::fuzz
