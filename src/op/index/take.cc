// Rows by number: take, Embedding, batch_take, pick, one_hot.
#include <cstring>

#include "op/core/builder.h"

namespace mixnet::op::take {
namespace {

enum class Mode { clip, raise, wrap };
struct TakeParams {
  int64_t axis = 0;
  Mode mode = Mode::clip;
};
struct EmbeddingParams {
  int64_t input_dim = 0, output_dim = 0;
  DType dtype = DType::f32;
  bool sparse_grad = false;
};
enum class PickMode { clip, wrap };
struct PickParams {
  std::optional<int64_t> axis = -1;
  bool keepdims = false;
  PickMode mode = PickMode::clip;
};
struct OneHotParams {
  int64_t depth = 1;
  double on_value = 1, off_value = 0;
  DType dtype = DType::f32;
};

// Index i of a tensor of any dtype, brought into [0, n).
class Indices {
 public:
  explicit Indices(const TensorView& v) : v_(v) {}
  int64_t raw(int64_t i) const {
    return dispatch_all(v_.dtype, "take", [&](auto tag) {
      using T = typename decltype(tag)::type;
      const auto x = static_cast<accumulator_t<T>>(v_.as<T>()[i]);
      if constexpr (std::is_floating_point<decltype(x + x)>::value) {
        if (!(x > -9e18 && x < 9e18)) return x > 0 ? INT64_MAX : INT64_MIN;  // NaN counts as very small
      }
      return static_cast<int64_t>(x);
    });
  }
  int64_t at(int64_t i, int64_t n, Mode mode) const {
    const int64_t k = raw(i);
    if (mode == Mode::wrap) return ((k % n) + n) % n;
    MIXNET_CHECK(mode != Mode::raise || (k >= -n && k < n), invalid, "[take] indices: expected values in [", -n, ", ", n, "), got ", k);
    if (mode == Mode::raise) return k < 0 ? k + n : k;
    return std::clamp<int64_t>(k, 0, n - 1);
  }

 private:
  const TensorView& v_;
};

struct Sizes {
  int64_t outer, n, inner, count;
  Sizes(const Shape& data, const Shape& indices, int64_t axis) {
    const int a = normalize_axis(axis, data.ndim(), "take");
    outer = data.size(0, a);
    n = data[a];
    inner = data.size(a + 1, data.ndim());
    count = indices.size();
  }
};

void gather(const TensorView& data, const TensorView& indices, const TensorView& out, int64_t axis, Mode mode) {
  const Sizes s(data.shape, indices.shape, axis);
  const Indices index(indices);
  const int64_t row = s.inner * dtype_size(data.dtype);
  if (out.size() == 0) return;
  for (int64_t k = 0; k < s.count; ++k) {
    const int64_t from = index.at(k, s.n, mode);
    for (int64_t o = 0; o < s.outer; ++o) std::memcpy(out.as<char>() + (o * s.count + k) * row, data.as<char>() + (o * s.n + from) * row, static_cast<size_t>(row));
  }
}

void take(const TakeParams& p, const RunContext& r) { gather(r.in[0], r.in[1], r.out[0], p.axis, p.mode); }
void embed(const EmbeddingParams&, const RunContext& r) { gather(r.in[1], r.in[0], r.out[0], 0, Mode::clip); }

void infer_take(InferShape& c) {
  const Shape &data = c.in[0], &indices = c.in[1];
  if (!data.ndim_known() || !indices.ndim_known()) return;
  const int axis = normalize_axis(c.params<TakeParams>().axis, data.ndim(), c.place().c_str());
  if (data[axis] == 0 && indices.known() && indices.size() > 0) c.fail(Code::shape, concat("data: expected at least one element along axis ", axis, ", got ", data));
  Shape out(data.data(), axis);
  for (int64_t extent : indices) out.push_back(extent);
  for (int i = axis + 1; i < data.ndim(); ++i) out.push_back(data[i]);
  c.set_out(0, out);
}
void infer_embedding(InferShape& c) {
  const EmbeddingParams& p = c.params<EmbeddingParams>();
  c.set_in(1, Shape{p.input_dim, p.output_dim});
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(p.output_dim);
  c.set_out(0, out);
}
// Indices may have any dtype.
void infer_take_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}
void infer_embedding_type(InferType& c) {
  c.set_out(0, c.in[1]);
  c.set_in(1, c.out[0]);
  if (c.in[1] == DType::unknown && c.in[0] != DType::unknown && dtype_is_float(c.in[0])) c.set_in(1, c.in[0]);
  c.set_out(0, c.in[1]);
  if (c.in[0] == DType::unknown) c.in[0] = c.in[1];
}

// One element per line along an axis.
struct Lines {
  int64_t outer, n, inner;
  Lines(const PickParams& p, const Shape& s) {
    const int a = p.axis ? normalize_axis(*p.axis, s.ndim(), "pick") : 0;
    outer = p.axis ? s.size(0, a) : 1;
    n = p.axis ? s[a] : s.size();
    inner = p.axis ? s.size(a + 1, s.ndim()) : 1;
  }
};
void pick(const PickParams& p, const RunContext& r) {
  const Lines s(p, r.in[0].shape);
  const Indices index(r.in[1]);
  const int64_t item = dtype_size(r.in[0].dtype);
  for (int64_t k = 0; k < s.outer * s.inner; ++k) {
    const int64_t at = (k / s.inner * s.n + index.at(k, s.n, p.mode == PickMode::wrap ? Mode::wrap : Mode::clip)) * s.inner + k % s.inner;
    std::memcpy(r.out[0].as<char>() + k * item, r.in[0].as<char>() + at * item, static_cast<size_t>(item));
  }
}
void infer_pick(InferShape& c) {
  const PickParams& p = c.params<PickParams>();
  const Shape& in = c.in[0];
  if (!in.known()) return;
  const int axis = p.axis ? normalize_axis(*p.axis, in.ndim(), c.place().c_str()) : -1;
  Shape out, squeezed;
  for (int i = 0; i < in.ndim(); ++i) {
    const bool gone = !p.axis || i == axis;
    if (!gone) squeezed.push_back(in[i]);
    if (!gone || p.keepdims) out.push_back(gone ? 1 : in[i]);
  }
  if (squeezed.ndim() == 0) squeezed.push_back(1);
  if (out.ndim() == 0) out.push_back(1);
  const Shape& given = c.in[1];
  if (given.known() && given.size() == squeezed.size()) {
  } else {
    c.set_in(1, squeezed);
  }
  c.set_out(0, out);
}

void one_hot(const OneHotParams& p, const RunContext& r) {
  const Indices index(r.in[0]);
  dispatch_all(r.out[0].dtype, "one_hot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    T* out = r.out[0].as<T>();
    std::fill_n(out, r.out[0].size(), static_cast<T>(static_cast<A>(p.off_value)));
    for (int64_t k = 0; k < r.in[0].size(); ++k) {
      const int64_t i = index.raw(k);
      if (i >= 0 && i < p.depth) out[k * p.depth + i] = static_cast<T>(static_cast<A>(p.on_value));
    }
  });
}
void infer_one_hot(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  out.push_back(c.params<OneHotParams>().depth);
  c.set_out(0, out);
}
void infer_one_hot_type(InferType& c) { c.set_out(0, c.params<OneHotParams>().dtype); }

//[full
// Adds rows of the gradient to where they were taken from.
void scatter(const TensorView& dy, const TensorView& indices, const TensorView& dx, int64_t axis, Mode mode) {
  const Sizes s(dx.shape, indices.shape, axis);
  const Indices index(indices);
  dispatch_all(dx.dtype, "take", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    std::vector<A> sums(static_cast<size_t>(dx.size()), A(0));
    for (int64_t k = 0; k < s.count && dx.size() > 0; ++k) {
      const int64_t to = index.at(k, s.n, mode);
      for (int64_t o = 0; o < s.outer; ++o) {
        for (int64_t i = 0; i < s.inner; ++i) sums[static_cast<size_t>((o * s.n + to) * s.inner + i)] += static_cast<A>(dy.as<T>()[(o * s.count + k) * s.inner + i]);
      }
    }
    for (size_t i = 0; i < sums.size(); ++i) dx.as<T>()[i] = static_cast<T>(sums[i]);
  });
}
void take_back(const TakeParams& p, const RunContext& r) { scatter(r.in[0], r.in[1], r.out[0], p.axis, p.mode); }
void embed_back(const EmbeddingParams&, const RunContext& r) { scatter(r.in[0], r.in[1], r.out[0], 0, Mode::clip); }
void pick_back(const PickParams& p, const RunContext& r) {
  const Lines s(p, r.out[0].shape);
  const Indices index(r.in[1]);
  const int64_t item = dtype_size(r.out[0].dtype);
  std::memset(r.out[0].data, 0, static_cast<size_t>(r.out[0].bytes()));
  for (int64_t k = 0; k < s.outer * s.inner; ++k) {
    const int64_t at = (k / s.inner * s.n + index.at(k, s.n, p.mode == PickMode::wrap ? Mode::wrap : Mode::clip)) * s.inner + k % s.inner;
    std::memcpy(r.out[0].as<char>() + at * item, r.in[0].as<char>() + k * item, static_cast<size_t>(item));
  }
}
void infer_back(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_back_type(InferType& c) { c.set_out(0, c.in[2]); }
void take_gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_take", {g.output_grad(0), g.input(1), g.input(0)})[0]); }
void embedding_gradient(GradientContext& g) { g.set(1, g.make_backward("_backward_Embedding", {g.output_grad(0), g.input(0), g.input(1)})[0]); }
void pick_gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_pick", {g.output_grad(0), g.input(1), g.input(0)})[0]); }
template <class P>
void describe_back(OpBuilder<P>& op) {
  op.hidden().input("output_grad").input("indices").input("data").shape_only({2}).infer_shape(infer_back).infer_type(infer_back_type).no_gradient("linear; gather again for higher orders");
}
//]

void add_params(OpBuilder<TakeParams>& op) {
  op.param("axis", &TakeParams::axis).doc("The axis that is indexed.");
  op.param("mode", &TakeParams::mode, {"clip", "raise", "wrap"}).doc("What happens to indices out of range.");
}
void add_params(OpBuilder<EmbeddingParams>& op) {
  op.param("input_dim", &EmbeddingParams::input_dim).required().range(1).doc("Number of rows.");
  op.param("output_dim", &EmbeddingParams::output_dim).required().range(1).doc("Length of a row.");
  op.param("dtype", &EmbeddingParams::dtype).doc("Accepted for MXNet's files; rows have the dtype of weight.");
  op.param("sparse_grad", &EmbeddingParams::sparse_grad).doc("Accepted; gradients are dense.");
}
void add_params(OpBuilder<PickParams>& op) {
  op.param("axis", &PickParams::axis).doc("The axis that is indexed; None flattens.");
  op.param("keepdims", &PickParams::keepdims).doc("Keeps the axis with extent 1.");
  op.param("mode", &PickParams::mode, {"clip", "wrap"}).doc("What happens to indices out of range.");
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<TakeParams> op(registry, "take");
  add_params(op);
  op.input("a", "The elements.").input("indices", "Any shape and dtype.").infer_shape(infer_take).infer_type(infer_take_type).kernel(take);
  OpBuilder<EmbeddingParams> rows(registry, "Embedding");
  add_params(rows);
  rows.input("data", "Row numbers, any shape; clipped into range.").input("weight", "(input_dim, output_dim).").infer_shape(infer_embedding).infer_type(infer_embedding_type).kernel(embed);
  OpBuilder<PickParams> one(registry, "pick");
  one.alias("choose_element_0index").alias("batch_take");
  add_params(one);
  one.input("data", "The elements.").input("index", "One index per line along the axis.").infer_shape(infer_pick).infer_type(infer_take_type).kernel(pick);
  OpBuilder<OneHotParams> hot(registry, "one_hot");
  hot.param("depth", &OneHotParams::depth).required().range(1).doc("Length of the new last axis.");
  hot.param("on_value", &OneHotParams::on_value).doc("The value at the index.");
  hot.param("off_value", &OneHotParams::off_value).doc("The value elsewhere.");
  hot.param("dtype", &OneHotParams::dtype).doc("The dtype of the output.");
  hot.input("indices", "Any shape and dtype; out of range gives a row of off_value.").infer_shape(infer_one_hot).infer_type(infer_one_hot_type).kernel(one_hot).zero_gradient();
  //[full
  op.doc("Elements along an axis by number. Output: the shape of a with the axis replaced by the shape of indices.").gradient(take_gradient);
  op.sample({{4, 3}, {2, 2}}).integers({1}, 4);
  op.sample({{3, 4}, {5}}, {{"axis", 1}, {"mode", "wrap"}}).integers({1}, 6);
  op.sample({{1}, {1}}).integers({1}, 1);
  op.sample({{2, 3}, {0}});
  rows.doc("Rows of weight by number. Output: the shape of data with output_dim added.").gradient(embedding_gradient);
  rows.sample({{2, 3}, {5, 4}}, {{"input_dim", 5}, {"output_dim", 4}}).integers({0}, 5);
  rows.sample({{1}, {1, 1}}, {{"input_dim", 1}, {"output_dim", 1}}).integers({0}, 1);
  rows.sample({{0}, {2, 3}}, {{"input_dim", 2}, {"output_dim", 3}});
  one.doc("One element per line along an axis, by number.").gradient(pick_gradient);
  one.sample({{3, 4}, {3}}).integers({1}, 4);
  one.sample({{3, 4}, {4}}, {{"axis", 0}, {"keepdims", true}}).integers({1}, 3);
  one.sample({{1}, {1}}).integers({1}, 1);
  one.sample({{0, 3}, {0}});
  hot.doc("A new last axis with on_value at the index.");
  hot.sample({{2, 3}}, {{"depth", 4}}).integers({0}, 5);
  hot.sample({{1}}, {{"depth", 2}});
  hot.sample({{0}}, {{"depth", 2}});
  OpBuilder<TakeParams> op_back(registry, "_backward_take");
  add_params(op_back);
  describe_back(op_back);
  op_back.kernel(take_back);
  OpBuilder<EmbeddingParams> rows_back(registry, "_backward_Embedding");
  add_params(rows_back);
  describe_back(rows_back);
  rows_back.kernel(embed_back);
  OpBuilder<PickParams> one_back(registry, "_backward_pick");
  add_params(one_back);
  describe_back(one_back);
  one_back.kernel(pick_back);
  //]
}

}  // namespace mixnet::op::take
