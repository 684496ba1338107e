// Copies, constants of a given shape, sums of many, casts, choices: the small change of every graph.
#include "op/elemwise/basic.h"

#include <cstring>

#include "device/stream.h"
#include "op/core/builder.h"
#include "op/core/convert.h"

namespace mixnet::op::basic {
namespace {

void copy_bytes(const NoParams&, const RunContext& r) {
  if (r.out[0].data == r.in[0].data) return;
  const int64_t item = dtype_size(r.in[0].dtype);
  const char* from = r.in[0].as<char>();
  char* to = r.out[0].as<char>();
  parallel_for(r.in[0].size(), 1 << 18, [&](int64_t first, int64_t last) {
    std::memcpy(to + first * item, from + first * item, static_cast<size_t>((last - first) * item));
  });
}

//[full
template <class P>
void copy_on_gpu(const P&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data && r.in[0].size() > 0)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
}
//]

template <int V>
void fill(const NoParams&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "fill", [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), static_cast<T>(static_cast<float>(V)));
  });
}

void add_n(const AddN&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "add_n", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    constexpr int64_t block = 256;
    parallel_for(r.out[0].size(), 16384, [&](int64_t first, int64_t last) {
      A sum[block];
      for (int64_t at = first; at < last; at += block) {
        const int64_t n = std::min(block, last - at);
        for (int64_t i = 0; i < n; ++i) sum[i] = static_cast<A>(r.in[0].as<T>()[at + i]);
        for (size_t k = 1; k < r.in.size(); ++k) {
          const T* x = r.in[k].as<T>() + at;
          for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<A>(x[i]);
        }
        for (int64_t i = 0; i < n; ++i) r.out[0].as<T>()[at + i] = static_cast<T>(sum[i]);
      }
    });
  });
}

void cast(const CastParams&, const RunContext& r) { convert(r.in[0], r.out[0]); }
void infer_cast(InferType& c) { c.set_out(0, c.params<CastParams>().dtype); }

void clip(const ClipParams& p, const RunContext& r) {
  dispatch_all(r.in[0].dtype, "clip", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const A low = static_cast<A>(p.a_min), high = static_cast<A>(p.a_max);
    parallel_for(r.out[0].size(), 16384, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const A v = static_cast<A>(x[i]);
        y[i] = static_cast<T>(v < low ? low : v > high ? high : v);
      }
    });
  });
}

//[full
// Sums x over the axes along which `like` was broadcast to x's shape.
void sum_to_like(const NoParams&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "_sum_to_like", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    if (r.in[0].size() == r.out[0].size()) {
      if (y != x) std::memcpy(static_cast<void*>(y), x, static_cast<size_t>(r.out[0].bytes()));
      return;
    }
    const SumLoops loops(r.out[0].shape, r.in[0].shape);
    loops.kept.run(
        [&](const auto& at, int64_t n, const auto& stride) {
          for (int64_t k = 0; k < n; ++k) {
            A sum = 0;
            const T* base = x + at[1] + k * stride[1];
            loops.summed.run(
                [&](const auto& s, int64_t m, const auto& step) {
                  for (int64_t j = 0; j < m; ++j) sum += static_cast<A>(base[s[1] + j * step[1]]);
                },
                INT64_MAX / 2);
            y[at[0] + k * stride[0]] = static_cast<T>(sum);
          }
        },
        64);
  });
}
void infer_like(InferShape& c) {
  c.set_out(0, c.in[1]);
  c.set_in(1, c.out[0]);
}
//]

// Element by element, without a question: loads that depend on a condition are slow.
template <class C, class W>
void choose(const C* condition, const TensorView& x, const TensorView& y, const TensorView& out) {
  const W *a = x.as<W>(), *b = y.as<W>();
  W* to = out.as<W>();
  parallel_for(out.size(), 16384, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const W all = static_cast<W>(-static_cast<std::make_signed_t<W>>(static_cast<float>(condition[i]) != 0));
      to[i] = static_cast<W>((a[i] & all) | (b[i] & static_cast<W>(~all)));
    }
  });
}

// condition ? x : y; a condition of one dimension chooses rows.
void where(const NoParams&, const RunContext& r) {
  const int64_t n = r.out[0].size(), rows = r.in[0].size();
  if (n == 0 || rows == 0) return;
  const int64_t row = n / rows;
  dispatch_all(r.in[0].dtype, "where", [&](auto condition) {
    const auto* c = r.in[0].as<typename decltype(condition)::type>();
    const int64_t item = dtype_size(r.out[0].dtype);
    if (row == 1) {
      using C = typename decltype(condition)::type;
      if (item == 1) return choose<C, uint8_t>(c, r.in[1], r.in[2], r.out[0]);
      if (item == 2) return choose<C, uint16_t>(c, r.in[1], r.in[2], r.out[0]);
      if (item == 4) return choose<C, uint32_t>(c, r.in[1], r.in[2], r.out[0]);
      return choose<C, uint64_t>(c, r.in[1], r.in[2], r.out[0]);
    }
    parallel_for(rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, row)), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const TensorView& from = static_cast<float>(c[i]) != 0 ? r.in[1] : r.in[2];
        if (row > 0)
          std::memcpy(r.out[0].as<char>() + i * row * item, from.as<char>() + i * row * item,
                      static_cast<size_t>(row * item));
      }
    });
  });
}
void infer_where(InferShape& c) {
  for (int i = 1; i < 3; ++i) c.set_out(0, c.in[static_cast<size_t>(i)]);
  for (int i = 1; i < 3; ++i) c.set_in(i, c.out[0]);
  const Shape &condition = c.in[0], &out = c.out[0];
  if (!condition.known() || !out.known() || condition == out) return;
  if (condition.ndim() == 1 && out.ndim() > 0 && condition[0] == out[0]) return;
  c.fail(Code::shape, concat("condition: expected ", out, " or one value per row, got ", condition));
}
void infer_where_type(InferType& c) {
  for (int i = 1; i < 3; ++i) c.set_out(0, c.in[static_cast<size_t>(i)]);
  for (int i = 1; i < 3; ++i) c.set_in(i, c.out[0]);
  if (c.in[0] == DType::unknown) c.in[0] = c.out[0];
}

void make_loss(const MakeLossParams&, const RunContext& r) { copy_bytes({}, r); }
//[full
// The gradient of a loss is the same for every element: scale, or scale over the batch or over the valid elements.
void make_loss_backward(const MakeLossParams& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "MakeLoss", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].size(), batch = r.in[0].ndim() > 0 ? r.in[0].shape[0] : 1;
    int64_t valid = 0;
    if (p.normalization == MakeLossParams::Norm::valid)
      for (int64_t i = 0; i < n; ++i) valid += static_cast<double>(r.in[0].as<T>()[i]) > p.valid_thresh;
    const double scale = loss_scale(p, batch, valid);
    std::fill_n(r.out[0].as<T>(), n, static_cast<T>(static_cast<accumulator_t<T>>(scale)));
  });
}
void make_loss_gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_MakeLoss", {g.input(0)})[0]); }
void pass_gradient(GradientContext& g) { g.set(0, g.output_grad(0)); }
void add_n_gradient(GradientContext& g) {
  for (int i = 0; i < g.num_inputs(); ++i) g.set(i, g.output_grad(0));
}
void cast_gradient(GradientContext& g) { g.set(0, g.make("_cast_like", {g.output_grad(0), g.input(0)})); }
void clip_gradient(GradientContext& g) {
  const ClipParams& p = g.params<ClipParams>();
  const Entry low = g.make("_greater_equal_scalar", {g.input(0)}, {{"scalar", p.a_min}});
  const Entry high = g.make("_lesser_equal_scalar", {g.input(0)}, {{"scalar", p.a_max}});
  g.set(0, g.make("elemwise_mul", {g.output_grad(0), g.make("elemwise_mul", {low, high})}));
}
void sum_to_like_gradient(GradientContext& g) { g.set(0, g.make("broadcast_like", {g.output_grad(0), g.input(0)})); }
void where_gradient(GradientContext& g) {
  const Entry zero = g.make("zeros_like", {g.output_grad(0)});
  if (g.wants(1)) g.set(1, g.make("where", {g.input(0), g.output_grad(0), zero}));
  if (g.wants(2)) g.set(2, g.make("where", {g.input(0), zero, g.output_grad(0)}));
}
void cast_like(const NoParams&, const RunContext& r) { cast({}, r); }
void infer_cast_like(InferType& c) { c.set_out(0, c.in[1]); }
// `like` gives the dtype alone.
void infer_cast_like_shape(InferShape& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
}
//]

//[full
bool zeros_kind(InferStorage& c) {
  c.prefer_out(0, c.in[0]);
  return c.out[0] != StorageKind::dense;
}
void store_nothing(const NoParams&, const RunContext& r) { r.context.memory->sparse(0, 0); }
bool clip_kind(InferStorage& c) {
  const ClipParams& p = c.params<ClipParams>();
  return p.a_min <= 0 && p.a_max >= 0 && stored::same_kind(c);
}
bool rows_of_all(InferStorage& c) {
  for (StorageKind kind : c.in) {
    if (kind != StorageKind::row_sparse) return false;
  }
  c.prefer_out(0, StorageKind::row_sparse);
  return c.out[0] == StorageKind::row_sparse;
}
// Every row that some input stores.
void add_rows(const AddN&, const RunContext& r) {
  std::vector<int64_t> rows;
  for (const TensorView& v : r.in) rows.insert(rows.end(), v.sparse->indices, v.sparse->indices + v.sparse->count);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  const SparseView& to = r.context.memory->sparse(0, static_cast<int64_t>(rows.size()));
  std::copy(rows.begin(), rows.end(), to.indices);
  const int64_t width = stored::width(r.out[0]);
  dispatch_all(r.out[0].dtype, "add_n", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    std::vector<A> sum(rows.size() * static_cast<size_t>(width), A(0));
    for (const TensorView& v : r.in) {
      auto place = rows.begin();
      for (int64_t k = 0; k < v.sparse->count; ++k) {
        place = std::lower_bound(place, rows.end(), v.sparse->indices[k]);
        A* line = sum.data() + (place - rows.begin()) * width;
        for (int64_t c = 0; c < width; ++c) line[c] += static_cast<A>(v.sparse->as<T>()[k * width + c]);
      }
    }
    for (size_t i = 0; i < sum.size(); ++i) to.as<T>()[i] = static_cast<T>(sum[i]);
  });
}
//]

void register_constants(Registry& registry) {
  OpBuilder<> zeros(registry, "zeros_like");
  zeros.input("data", "Gives shape and dtype.").shape_only({0}).kernel(fill<0>).zero_gradient();
  OpBuilder<> ones(registry, "ones_like");
  ones.input("data", "Gives shape and dtype.").shape_only({0}).kernel(fill<1>).zero_gradient();
  //[full
  zeros.sparse(zeros_kind, store_nothing);
  for (OpBuilder<>* op : {&zeros, &ones}) {
    op->doc("An array of zeros (zeros_like) or ones (ones_like) with the shape and dtype of data.");
    op->sample({{2, 3}});
    op->sample({{1}});
    op->sample({{0}});
  }
  //]
}

void register_copies(Registry& registry) {
  OpBuilder<> copy(registry, "_copy");
  copy.alias("identity").input("data", "Any shape and dtype.").inplace(0, 0).same_bytes(0, 0).kernel(copy_bytes);
  OpBuilder<> block(registry, "BlockGrad");
  block.alias("stop_gradient")
      .input("data", "Any shape and dtype.")
      .inplace(0, 0)
      .same_bytes(0, 0)
      .kernel(copy_bytes)
      .zero_gradient();
  OpBuilder<> like(registry, "_identity_with_attr_like_rhs");
  like.input("lhs", "The values.").input("rhs", "Gives shape and dtype.").shape_only({1});
  like.inplace(0, 0).same_bytes(0, 0).kernel(copy_bytes);
  OpBuilder<MakeLossParams> loss(registry, "MakeLoss");
  loss.alias("make_loss")
      .input("data", "The loss, any shape, float.")
      .inplace(0, 0)
      .same_bytes(0, 0)
      .head()
      .kernel(make_loss);
  loss.param("grad_scale", &MakeLossParams::grad_scale).doc("Multiplies the gradient.");
  loss.param("valid_thresh", &MakeLossParams::valid_thresh).doc("Elements above it count as valid.");
  loss.param("normalization", &MakeLossParams::normalization, {"null", "batch", "valid"})
      .doc("Divides the gradient by nothing, the batch size or the valid elements.");
  //[full
  copy.gpu_kernel(copy_on_gpu);
  block.gpu_kernel(copy_on_gpu);
  like.gpu_kernel(copy_on_gpu);
  loss.gpu_kernel(copy_on_gpu);
  copy.doc("A copy of data.").gradient(pass_gradient).keeps_zeros();
  block.keeps_zeros();
  block.doc("A copy of data through which no gradient flows.");
  like.doc("A copy of lhs, whose shape and dtype are inferred from rhs too.").gradient(pass_gradient);
  loss.doc("Marks data as a loss: its gradient is grad_scale everywhere, whatever follows.")
      .gradient(make_loss_gradient);
  for (int i = 0; i < 3; ++i) {
    const Shape shape = i == 0 ? Shape{2, 3} : i == 1 ? Shape{1} : Shape{0, 2};
    copy.sample({shape});
    block.sample({shape});
    like.sample({shape, shape});
    loss.sample({shape}, {{"grad_scale", 0.5}});
  }
  OpBuilder<MakeLossParams> back(registry, "_backward_MakeLoss");
  back.param("grad_scale", &MakeLossParams::grad_scale);
  back.param("valid_thresh", &MakeLossParams::valid_thresh);
  back.param("normalization", &MakeLossParams::normalization, {"null", "batch", "valid"});
  back.hidden().input("data").kernel(make_loss_backward).zero_gradient();
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  register_constants(registry);
  register_copies(registry);

  OpBuilder<AddN> sum(registry, "add_n");
  sum.alias("ElementWiseSum").alias("_sum").alias("element_wise_sum");
  sum.param("num_args", &AddN::num_args).range(1).doc("Number of inputs.");
  sum.variadic("arg", "num_args", &AddN::num_args).inplace(0, 0).kernel(add_n).pointwise();

  OpBuilder<CastParams> conversion(registry, "Cast");
  conversion.alias("cast");
  conversion.param("dtype", &CastParams::dtype).required().doc("The dtype of the output.");
  conversion.input("data", "Any shape and dtype.").infer_type(infer_cast).kernel(cast);

  OpBuilder<ClipParams> limits(registry, "clip");
  limits.param("a_min", &ClipParams::a_min).required().doc("Smaller values become this.");
  limits.param("a_max", &ClipParams::a_max).required().doc("Larger values become this.");
  limits.input("data", "Any shape and dtype.").inplace(0, 0).kernel(clip).pointwise();

  OpBuilder<> choice(registry, "where");
  choice.input("condition", "The shape of x, or one value per row.")
      .input("x", "Taken where condition is not 0.")
      .input("y", "Taken elsewhere.");
  choice.infer_shape(infer_where).infer_type(infer_where_type).kernel(where).pointwise();
  //[full
  sum.sparse(rows_of_all, add_rows);
  limits.keeps_zeros(clip_kind);
  sum.doc("The sum of all inputs, which have one shape and dtype.").gradient(add_n_gradient);
  sum.sample({{2, 3}, {2, 3}, {2, 3}});
  sum.sample({{1}});
  sum.sample({{0}, {0}});
  conversion.doc("Converts every element to another dtype.").gradient(cast_gradient);
  conversion.sample({{2, 3}}, {{"dtype", "float64"}});
  conversion.sample({{1}}, {{"dtype", "int32"}}).not_differentiable();
  conversion.sample({{0}}, {{"dtype", "float16"}});
  limits.doc("Limits every element to [a_min, a_max].").gradient(clip_gradient);
  limits.sample({{2, 3}}, {{"a_min", -0.5}, {"a_max", 0.5}});
  limits.sample({{1}}, {{"a_min", -2.0}, {"a_max", 2.0}});
  limits.sample({{0}}, {{"a_min", 0.0}, {"a_max", 1.0}});
  choice.doc("Elements of x where condition is not zero, of y elsewhere.").gradient(where_gradient);
  choice.sample({{2, 3}, {2, 3}, {2, 3}}).integers({0}, 2);
  choice.sample({{2}, {2, 3}, {2, 3}}).integers({0}, 2);
  choice.sample({{1}, {1}, {1}}).integers({0}, 2);
  choice.sample({{0}, {0, 2}, {0, 2}});

  OpBuilder<> like(registry, "_sum_to_like");
  like.hidden()
      .input("data")
      .input("like")
      .shape_only({1})
      .infer_shape(infer_like)
      .inplace(0, 0)
      .kernel(sum_to_like)
      .gradient(sum_to_like_gradient);
  OpBuilder<> as_dtype(registry, "_cast_like");
  as_dtype.hidden()
      .input("data")
      .input("like")
      .shape_only({1})
      .infer_shape(infer_cast_like_shape)
      .infer_type(infer_cast_like)
      .kernel(cast_like)
      .zero_gradient();
  //]
}

}  // namespace mixnet::op::basic
