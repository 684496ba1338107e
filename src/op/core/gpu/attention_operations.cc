#include "op/core/gpu/attention_operations.h"

#include "base/error.h"

namespace mixnet::gpu::cudnn {
namespace {

using Numbers = std::vector<int64_t>;

constexpr int64_t alignment = 16;

int data_type(DType dtype) {
  switch (dtype) {
    case DType::f16: return data_half;
    case DType::bf16: return data_bfloat16;
    case DType::f32: return data_float;
    default: fail(Code::unsupported, "[gpu] cuDNN, attention: expected 16-bit floats, got ", dtype_name(dtype));
  }
}

Numbers packed(const Numbers& extents) {
  Numbers strides(extents.size(), 1);
  for (size_t i = extents.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * extents[i];
  return strides;
}

// Of (batch, heads, rows, columns).
Numbers strides_of(const Attention& a, const Rows& rows) { return {a.heads * rows.step, rows.step, rows.pitch, 1}; }

}  // namespace

const Descriptor& AttentionOperations::tensor(int64_t id, const Numbers& extents, const Numbers& strides, int dtype,
                                              bool by_value) {
  Descriptor& t = add(Kind::tensor);
  const bool is_virtual = id >= id_inner;
  t.set(Name::tensor_dtype, Type::dtype, dtype);
  t.set(Name::tensor_extents, extents);
  t.set(Name::tensor_strides, strides);
  t.set(Name::tensor_id, id);
  t.set(Name::tensor_alignment, alignment);
  t.set(Name::tensor_is_virtual, Type::boolean, 1, &is_virtual);
  if (by_value) t.set(Name::tensor_by_value, Type::boolean, 1, &by_value);
  t.finalize();
  return t;
}

const Descriptor& AttentionOperations::inner(const Numbers& extents, int dtype) {
  return tensor(inner_++, extents, packed(extents), dtype);
}

const Descriptor& AttentionOperations::finish(Descriptor& operation) {
  operation.finalize();
  operations_.push_back(&operation);
  return operation;
}

const Descriptor& AttentionOperations::multiply(const Descriptor& a, const Descriptor& b, const Descriptor& c) {
  Descriptor& function = add(Kind::product);
  function.set(Name::product_compute, Type::dtype, data_float);
  function.finalize();
  Descriptor& o = add(Kind::product_operation);
  o.set(Name::product_a, a);
  o.set(Name::product_b, b);
  o.set(Name::product_c, c);
  o.set(Name::product_function, function);
  finish(o);
  return c;
}

const Descriptor& AttentionOperations::apply(int mode, const Descriptor& x, const Descriptor* b, const Descriptor& y,
                                             const Descriptor* choice, int64_t axis) {
  Descriptor& function = add(Kind::pointwise);
  function.set(Name::pointwise_mode, Type::pointwise_mode, mode);
  function.set(Name::pointwise_precision, Type::dtype, data_float);
  if (axis >= 0) function.set(Name::pointwise_axis, axis);
  function.finalize();
  Descriptor& o = add(Kind::pointwise_operation);
  o.set(Name::operation_pointwise, function);
  o.set(Name::operation_x, x);
  if (b) o.set(Name::operation_b, *b);
  if (choice) o.set(Name::operation_choice, *choice);
  o.set(Name::operation_y, y);
  finish(o);
  return y;
}

const Descriptor& AttentionOperations::reduce(int mode, const Descriptor& x, const Descriptor& y) {
  Descriptor& function = add(Kind::reduction);
  function.set(Name::reduction_mode, Type::reduction_mode, mode);
  function.set(Name::reduction_compute, Type::dtype, data_float);
  function.finalize();
  Descriptor& o = add(Kind::reduction_operation);
  o.set(Name::reduction_x, x);
  o.set(Name::reduction_y, y);
  o.set(Name::reduction_function, function);
  finish(o);
  return y;
}

// scale s + mask, and -inf where a query does not see a key.
const Descriptor& AttentionOperations::masked(const Descriptor& scores) {
  const auto next = [&] { return &inner(scores_, data_float); };
  const Descriptor* s = &apply(pointwise_multiply, scores, &number(id_scale), *next());
  if (a_.masked()) {
    const Numbers extents(a_.mask.begin(), a_.mask.end());
    const Descriptor& mask = tensor(id_mask, extents, packed(extents), data_type(a_.mask_dtype));
    s = &apply(pointwise_add, *s, &mask, *next());
  }
  if (!a_.causal) return *s;
  const Descriptor &row = apply(pointwise_index, *s, nullptr, *next(), nullptr, 2),
                   &column = apply(pointwise_index, *s, nullptr, *next(), nullptr, 3),
                   &seen = apply(pointwise_at_least, row, &column, inner(scores_, data_boolean));
  return apply(pointwise_choose, *s, &number(id_lowest), *next(), &seen);
}

// Probabilities in the operands' dtype, which the second product reads; and the sums.
const Descriptor& AttentionOperations::softmax(const Descriptor& s) {
  const auto line = [&] { return &inner(lines_, data_float); };
  const auto all = [&] { return &inner(scores_, data_float); };
  const Descriptor& top = reduce(reduce_greatest, s, *line());
  const Descriptor& e = apply(pointwise_exp, apply(pointwise_subtract, s, &top, *all()), nullptr, *all());
  const Descriptor& total = reduce(reduce_add, e, *line());
  apply(pointwise_add, top, &apply(pointwise_log, total, nullptr, *line()),
        tensor(id_sums, lines_, packed(lines_), data_float));
  return apply(pointwise_divide, e, &total, inner(scores_, data_type(a_.dtype)));
}

AttentionOperations::AttentionOperations(const Functions& cudnn, const Attention& a)
    : cudnn_(cudnn), a_(a), scores_{a.batch, a.heads, a.queries, a.keys}, lines_{a.batch, a.heads, a.queries, 1} {
  const int dtype = data_type(a.dtype);
  const Descriptor &q = tensor(id_q, {a.batch, a.heads, a.queries, a.depth}, strides_of(a, a.q), dtype),
                   &v = tensor(id_v, {a.batch, a.heads, a.keys, a.width}, strides_of(a, a.v), dtype),
                   &y = tensor(id_y, {a.batch, a.heads, a.queries, a.width}, strides_of(a, a.y), dtype);
  Numbers transposed = strides_of(a, a.k);
  std::swap(transposed[2], transposed[3]);
  const Descriptor& k = tensor(id_k, {a.batch, a.heads, a.depth, a.keys}, transposed, dtype);
  multiply(softmax(masked(multiply(q, k, inner(scores_, data_float)))), v, y);
}

std::string problem_text(const Attention& a) {
  std::string text = concat("attention:", dtype_name(a.dtype), a.causal ? ":causal" : "");
  const auto put = [&](const char* name, std::initializer_list<int64_t> values) {
    text += concat(":", name);
    for (int64_t v : values) text += concat(",", v);
  };
  put("n", {a.batch, a.heads, a.queries, a.keys, a.depth, a.width});
  put("q", {a.q.step, a.q.pitch});
  put("k", {a.k.step, a.k.pitch});
  put("v", {a.v.step, a.v.pitch});
  put("y", {a.y.step, a.y.pitch});
  if (a.masked()) text += concat(":mask", a.mask, dtype_name(a.mask_dtype));
  return text;
}

}  // namespace mixnet::gpu::cudnn
