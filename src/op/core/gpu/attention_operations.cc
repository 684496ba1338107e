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
  const Descriptor* s = &apply(pointwise_multiply, scores, &scale_, *next());
  if (a_.masked()) {
    const Numbers extents(a_.mask.begin(), a_.mask.end());
    const Descriptor& mask = tensor(id_mask, extents, packed(extents), data_type(a_.mask_dtype));
    s = &apply(pointwise_add, *s, &mask, *next());
  }
  if (!a_.causal) return *s;
  const Descriptor &row = apply(pointwise_index, *s, nullptr, *next(), nullptr, 2),
                   &column = apply(pointwise_index, *s, nullptr, *next(), nullptr, 3),
                   &seen = apply(pointwise_at_least, row, &column, inner(scores_, data_boolean));
  return apply(pointwise_choose, *s, &tensor(id_lowest, {1, 1, 1, 1}, {1, 1, 1, 1}, data_float, true), *next(), &seen);
}

// Probabilities in the operands' dtype, which the second product reads; and the sums.
const Descriptor& AttentionOperations::softmax(const Descriptor& s) {
  const auto line = [&] { return &inner(lines_, data_float); };
  const auto all = [&] { return &inner(scores_, data_float); };
  const Descriptor& top = reduce(reduce_greatest, s, *line());
  const Descriptor& e = apply(pointwise_exp, apply(pointwise_subtract, s, &top, *all()), nullptr, *all());
  const Descriptor& total = reduce(reduce_add, e, *line());
  apply(pointwise_add, top, &apply(pointwise_log, total, nullptr, *line()), lines(id_sums));
  return apply(pointwise_divide, e, &total, inner(scores_, dtype_));
}

const Descriptor& AttentionOperations::lines(Id id) { return tensor(id, lines_, packed(lines_), data_float); }

const Descriptor& AttentionOperations::operand(Id id, const Rows& rows, int64_t length, int64_t columns,
                                               bool transposed) {
  Numbers extents{a_.batch, a_.heads, length, columns}, strides = strides_of(a_, rows);
  if (transposed) std::swap(extents[2], extents[3]);
  if (transposed) std::swap(strides[2], strides[3]);
  return tensor(id, extents, strides, dtype_);
}

// The same values, as the second factor of a product or the first wants them.
const Descriptor& AttentionOperations::transpose(const Descriptor& x, const Numbers& extents, const Numbers& strides) {
  const Descriptor& y = tensor(inner_++, extents, strides, dtype_);
  Descriptor& o = add(Kind::reshape_operation);
  o.set(Name::reshape_x, x);
  o.set(Name::reshape_y, y);
  finish(o);
  return y;
}

AttentionOperations::AttentionOperations(const Functions& cudnn, const Attention& a, bool backward)
    : cudnn_(cudnn),
      a_(a),
      dtype_(data_type(a.dtype)),
      scores_{a.batch, a.heads, a.queries, a.keys},
      lines_{a.batch, a.heads, a.queries, 1},
      scale_(tensor(id_scale, {1, 1, 1, 1}, {1, 1, 1, 1}, data_float, true)) {
  if (backward) this->backward();
  else forward();
}

void AttentionOperations::forward() {
  const Descriptor &q = operand(id_q, a_.q, a_.queries, a_.depth), &k = operand(id_k, a_.k, a_.keys, a_.depth, true),
                   &v = operand(id_v, a_.v, a_.keys, a_.width), &y = operand(id_y, a_.y, a_.queries, a_.width);
  multiply(softmax(masked(multiply(q, k, inner(scores_, data_float)))), v, y);
}

// p = exp(scores - sums), dv = p^T dy, ds = scale p (dy v^T - dy . y), dq = ds k, dk = ds^T q.
void AttentionOperations::backward() {
  const auto all = [&] { return &inner(scores_, data_float); };
  const Descriptor &q = operand(id_q, a_.q, a_.queries, a_.depth), &k = operand(id_k, a_.k, a_.keys, a_.depth, true),
                   &v = operand(id_v, a_.v, a_.keys, a_.width, true), &y = operand(id_y, a_.y, a_.queries, a_.width),
                   &dy = operand(id_dy, a_.y, a_.queries, a_.width);
  const Numbers results{a_.batch, a_.heads, a_.queries, a_.width}, across{a_.batch, a_.heads, a_.keys, a_.queries};
  Numbers columns = packed(scores_);
  std::swap(columns[2], columns[3]);
  const Descriptor& dots =
      reduce(reduce_add, apply(pointwise_multiply, dy, &y, inner(results, data_float)), lines(id_dots));
  const Descriptor& scores = masked(multiply(q, k, *all()));
  const Descriptor& p =
      apply(pointwise_exp, apply(pointwise_subtract, scores, &lines(id_sums), *all()), nullptr, *all());
  multiply(transpose(p, across, columns), dy, operand(id_dv, a_.v, a_.keys, a_.width));
  const Descriptor& dp = multiply(dy, v, *all());
  const Descriptor& slopes = apply(pointwise_multiply, apply(pointwise_subtract, dp, &dots, *all()), &p, *all());
  const Descriptor& ds = apply(pointwise_multiply, slopes, &scale_, inner(scores_, dtype_));
  multiply(ds, transpose(k, {a_.batch, a_.heads, a_.keys, a_.depth}, strides_of(a_, a_.k)),
           operand(id_dq, a_.q, a_.queries, a_.depth));
  multiply(transpose(ds, across, columns), q, operand(id_dk, a_.k, a_.keys, a_.depth));
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
