// What leaves quantised numbers as they are or only compares them with zero: _contrib_quantized_flatten and _act (relu); what chooses
// among them: _contrib_quantized_embedding; and _contrib_quantized_concat, which brings all to the widest range first.
#include "op/quantization/quantized_shape.h"

#include <cstring>

namespace mixnet::op::quantized_shape {
namespace {

void flatten(const NoParams&, const RunContext& r) {
  if (r.in[0].size()) std::memmove(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
  q::copy_range(r, 1, 2);
}
void infer_flatten(InferShape& c) {
  for (int i : {1, 2}) {
    c.set_in(i, Shape{1});
    c.set_out(i, Shape{1});
  }
  const Shape& in = c.in[0];
  if (!in.ndim_known()) return;
  c.expect_ndim(0, 1, Shape::max_ndim);
  bool known = true;
  for (int i = 1; i < in.ndim(); ++i) known = known && in[i] >= 0;
  c.set_out(0, Shape{in[0], known ? in.size(1, in.ndim()) : -1});
}

void act(const ActParams&, const RunContext& r) {
  q::dispatch(r.in[0].dtype, [&](auto tag) {
    using Q = typename decltype(tag)::type;
    const Q* x = r.in[0].as<Q>();
    Q* y = r.out[0].as<Q>();
    parallel_for(r.in[0].size(), 16384, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) y[i] = std::max(x[i], Q(0));
    });
  });
  q::copy_range(r, 1, 2);
}
void check_act(const ActParams& p) {
  MIXNET_CHECK(p.act == Act::relu, unsupported, "act_type: expected relu, the only one for quantised data");
}
void infer_act(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  q::infer_range(c, 1, q::channels(c.in[0]));
  for (int i : {1, 2}) c.set_out(i, c.in[static_cast<size_t>(i)]);
}
void infer_same_type(InferType& c) {
  c.set_in(0, c.out[0]);
  q::expect_bytes(c, 0, true);
  c.set_out(0, c.in[0]);
  q::float_from(c, 1);
  q::float_ranges(c);
}

// Inputs: the tensors, then a pair of limits for each.
size_t limits(const RunContext& r, size_t i) { return r.in.size() / 3 + 2 * i; }
void concat_bytes(const ConcatParams& p, const RunContext& r) {
  const size_t n = r.in.size() / 3;
  float low = 0, high = 0;
  for (size_t i = 0; i < n; ++i) {
    low = std::min(low, r.in[limits(r, i)].as<float>()[0]);
    high = std::max(high, r.in[limits(r, i) + 1].as<float>()[0]);
  }
  const Shape& out = r.out[0].shape;
  const int axis = normalize_axis(p.dim, out.ndim(), "quantized_concat");
  const int64_t rows = out.size(0, axis), width = out.size(axis, out.ndim());
  q::dispatch_bytes(r.out[0].dtype, [&](auto result) {
    using R = typename decltype(result)::type;
    const float per_step = q::per_step(low, high, r.out[0].dtype);
    int64_t at = 0;
    for (size_t i = 0; i < n; ++i) {
      const TensorView& part = r.in[i];
      const int64_t length = part.shape.size(axis, out.ndim());
      const float *min = r.in[limits(r, i)].as<float>(), *max = min ? r.in[limits(r, i) + 1].as<float>() : min;
      const float factor = q::step(*min, *max, part.dtype) * per_step;
      q::dispatch_bytes(part.dtype, [&](auto tag) {
        using Q = typename decltype(tag)::type;
        parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, length)),
                     [&](int64_t first, int64_t last) {
                       for (int64_t row = first; row < last; ++row) {
                         const Q* from = part.as<Q>() + row * length;
                         R* to = r.out[0].as<R>() + row * width + at;
                         for (int64_t k = 0; k < length; ++k)
                           to[k] = q::saturate<R>(static_cast<float>(from[k]) * factor);
                       }
                     });
      });
      at += length;
    }
  });
  q::set_range(r, low, high);
}
std::vector<std::string> concat_inputs(const ConcatParams& p) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < p.num_args; ++i) names.push_back("data" + std::to_string(i));
  for (int64_t i = 0; i < p.num_args; ++i) {
    names.push_back("data" + std::to_string(i) + "_min");
    names.push_back("data" + std::to_string(i) + "_max");
  }
  return names;
}
void infer_concat(InferShape& c) {
  const int n = c.num_inputs() / 3;
  for (int i = n; i < 3 * n; ++i) c.set_in(i, Shape{1});
  for (int i : {1, 2}) c.set_out(i, Shape{1});
  Shape common = Shape::unknown();
  int64_t total = 0;
  for (int i = 0; i < n; ++i) {
    Shape s = c.in[static_cast<size_t>(i)];
    if (!s.ndim_known()) return;
    const int axis = normalize_axis(c.params<ConcatParams>().dim, s.ndim(), c.place().c_str());
    total = total < 0 || s[axis] < 0 ? -1 : total + s[axis];
    s[axis] = -1;
    if (!common.merge(s))
      c.fail(Code::shape, concat(c.input_name(i), ": expected ", common, " but along the axis, got ", s));
    if (i + 1 == n) common[axis] = total;
  }
  c.set_out(0, common);
}
// uint8 when all are, else int8.
void infer_concat_type(InferType& c) {
  const int n = c.num_inputs() / 3;
  bool unsigned_all = true, known = true;
  for (int i = 0; i < n; ++i) {
    q::expect_bytes(c, i);
    unsigned_all = unsigned_all && c.in[static_cast<size_t>(i)] == DType::u8;
    known = known && c.in[static_cast<size_t>(i)] != DType::unknown;
  }
  q::float_from(c, n);
  if (known) c.set_out(0, unsigned_all ? DType::u8 : DType::i8);
  q::float_ranges(c);
}

void embedding(const EmbeddingParams& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "quantized_embedding", [&](auto tag) {
    using I = typename decltype(tag)::type;
    const I* rows = r.in[0].as<I>();
    const size_t length = static_cast<size_t>(p.output_dim);
    parallel_for(r.in[0].size(), std::max<int64_t>(1, 65536 / p.output_dim), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const double given = static_cast<double>(static_cast<accumulator_t<I>>(rows[i]));
        const int64_t row = given > 0 ? static_cast<int64_t>(std::min(given, static_cast<double>(p.input_dim - 1))) : 0;
        std::memcpy(r.out[0].as<char>() + static_cast<size_t>(i) * length,
                    r.in[1].as<char>() + static_cast<size_t>(row) * length, length);
      }
    });
  });
  q::copy_range(r, 2, 3);
}
void infer_embedding(InferShape& c) {
  const auto& p = c.params<EmbeddingParams>();
  c.set_in(1, Shape{p.input_dim, p.output_dim});
  for (int i : {2, 3}) c.set_in(i, Shape{1});
  for (int i : {1, 2}) c.set_out(i, Shape{1});
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(p.output_dim);
  c.set_out(0, out);
}
void infer_embedding_type(InferType& c) {
  if (c.in[0] == DType::unknown) c.set_in(0, DType::f32);
  q::expect_bytes(c, 1);
  if (c.in[1] == DType::unknown) c.set_in(1, DType::i8);
  q::float_from(c, 2);
  c.set_out(0, c.in[1]);
  q::float_ranges(c);
}

template <class P>
OpBuilder<P>& ranged(OpBuilder<P>& op) {
  return op.outputs({"output", "min_output", "max_output"}).optional_outputs();
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> flat(registry, "_contrib_quantized_flatten");
  flat.input("data", "(n, ...), int8 or uint8.").input("min_data", "(1,).").input("max_data", "(1,).");
  ranged(flat).infer_shape(infer_flatten).infer_type(infer_same_type).kernel(flatten).inplace(0, 0);

  OpBuilder<ActParams> relu(registry, "_contrib_quantized_act");
  relu.param("act_type", &ActParams::act, {"relu", "sigmoid", "tanh", "softrelu", "softsign"})
      .required()
      .doc("relu; others are refused.");
  relu.input("data", "Any shape; int8, uint8 or int32.")
      .input("min_data", "(1,), or one per channel.")
      .input("max_data", "As min_data.");
  ranged(relu).check(check_act).infer_shape(infer_act).infer_type(infer_same_type).kernel(act).inplace(0, 0);

  OpBuilder<ConcatParams> join(registry, "_contrib_quantized_concat");
  join.param("num_args", &ConcatParams::num_args).required().range(1).doc("Number of tensors.");
  join.param("dim", &ConcatParams::dim).doc("Axis along which they are joined.");
  join.variadic_groups({"data", "min", "max"}, {}, "num_args", &ConcatParams::num_args).input_names(concat_inputs);
  join.input("data",
             "The tensors (int8 or uint8, of one shape but along dim), then a minimum and a maximum for each, (1,).");
  ranged(join).infer_shape(infer_concat).infer_type(infer_concat_type).kernel(concat_bytes);

  OpBuilder<EmbeddingParams> rows(registry, "_contrib_quantized_embedding");
  rows.param("input_dim", &EmbeddingParams::input_dim).required().range(1).doc("Number of rows.");
  rows.param("output_dim", &EmbeddingParams::output_dim).required().range(1).doc("Length of a row.");
  rows.param("dtype", &EmbeddingParams::dtype).doc("Accepted for MXNet's files; rows have the dtype of weight.");
  rows.param("sparse_grad", &EmbeddingParams::sparse_grad).doc("Accepted for MXNet's files.");
  rows.input("data", "Row numbers, any shape and dtype; clipped.")
      .input("weight", "(input_dim, output_dim), int8 or uint8.")
      .input("min_weight", "(1,).")
      .input("max_weight", "(1,).");
  ranged(rows).infer_shape(infer_embedding).infer_type(infer_embedding_type).kernel(embedding);
  //[full
  flat.doc("Merges all axes but the first; numbers and range stay.").zero_gradient();
  flat.sample({{2, 3, 2}, {1}, {1}}).range(-9, 9);
  flat.sample({{1}, {1}, {1}}).range(0, 9);
  flat.sample({{0, 2}, {1}, {1}});
  relu.doc("The positive part of quantised data; the range stays.").zero_gradient();
  relu.sample({{2, 3}, {1}, {1}}, {{"act_type", "relu"}}).range(-9, 9);
  relu.sample({{2, 3, 2}, {3}, {3}}, {{"act_type", "relu"}}).range(-9, 9);
  relu.sample({{1}, {1}, {1}}, {{"act_type", "relu"}}).range(0, 9);
  relu.sample({{0}, {1}, {1}}, {{"act_type", "relu"}});
  join.doc("Joins quantised tensors along an axis, in the widest of their ranges: uint8 where all are, else int8.")
      .zero_gradient();
  join.sample({{2, 3}, {2, 1}, {1}, {1}, {1}, {1}}, {{"dim", 1}}).range(0, 9);
  join.sample({{1, 2}, {2, 2}, {1}, {1}, {1}, {1}}, {{"dim", 0}}).range(0, 9);
  join.sample({{1}, {1}, {1}}, {{"dim", 0}}).range(-9, 9);
  join.sample({{0, 2}, {1, 2}, {1}, {1}, {1}, {1}}, {{"dim", 0}}).range(-9, 9);
  rows.doc("Rows of a quantised weight by number, with the weight's range.").zero_gradient();
  rows.sample({{2, 3}, {4, 2}, {1}, {1}}, {{"input_dim", 4}, {"output_dim", 2}}).range(-9, 9);
  rows.sample({{1}, {1, 1}, {1}, {1}}, {{"input_dim", 1}, {"output_dim", 1}}).range(0, 9);
  rows.sample({{0}, {2, 2}, {1}, {1}}, {{"input_dim", 2}, {"output_dim", 2}}).range(-9, 9);
  //]
}

}  // namespace mixnet::op::quantized_shape
