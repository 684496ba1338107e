// gather_nd and its counterparts scatter_nd, _scatter_set_nd: slices of a tensor addressed by several indices at once.
#include "op/index/gather_nd.h"

#include <cstring>

#include "op/core/builder.h"
#include "op/index/indices.h"

namespace mixnet::op::gather_nd {
namespace {

// indices (M, ...) address the first M axes of `data`: `count` slices of `inner` elements each.
struct Address {
  const Shape& data;
  int64_t axes, count, inner;
  Indices index;

  Address(const Shape& shape, const TensorView& indices) : data(shape), axes(indices.shape[0]), index(indices) {
    count = indices.shape.size(1, indices.ndim());
    inner = data.size(static_cast<int>(axes), data.ndim());
  }
  // First element of slice k. Throws when an index is out of range.
  int64_t at(int64_t k) const {
    int64_t offset = 0;
    for (int64_t a = 0; a < axes; ++a) {
      const int64_t extent = data[static_cast<int>(a)];
      offset = offset * extent + index.checked(a * count + k, extent, "gather_nd");
    }
    return offset * inner;
  }
};

void gather(const NoParams&, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  const Address address(r.in[0].shape, r.in[1]);
  const int64_t item = dtype_size(r.in[0].dtype), bytes = address.inner * item;
  parallel_for(address.count, std::max<int64_t>(1, 32768 / bytes), [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      std::memcpy(r.out[0].as<char>() + k * bytes, r.in[0].as<char>() + address.at(k) * item,
                  static_cast<size_t>(bytes));
    }
  });
}

// Later slices overwrite earlier ones with the same address.
void put(const TensorView& out, const TensorView& values, const TensorView& indices) {
  if (values.size() == 0) return;
  const Address address(out.shape, indices);
  const int64_t item = dtype_size(out.dtype), bytes = address.inner * item;
  for (int64_t k = 0; k < address.count; ++k) {
    std::memcpy(out.as<char>() + address.at(k) * item, values.as<char>() + k * bytes, static_cast<size_t>(bytes));
  }
}
void scatter(const Params&, const RunContext& r) {
  std::fill_n(r.out[0].as<char>(), r.out[0].bytes(), char{0});
  put(r.out[0], r.in[0], r.in[1]);
}
void scatter_set(const Params&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data) std::copy_n(r.in[0].as<char>(), r.in[0].bytes(), r.out[0].as<char>());
  put(r.out[0], r.in[1], r.in[2]);
}

// (M, ...) into a tensor: the indices' other axes, then the tensor's axes after the first M.
Shape slices(const InferShape& c, const Shape& data, const Shape& indices) {
  if (!data.ndim_known() || !indices.ndim_known()) return Shape::unknown();
  if (indices.ndim() == 0) c.fail(Code::shape, "indices: expected at least 1 dimension, got ()");
  if (indices[0] < 0) return Shape::unknown();
  if (indices[0] > data.ndim()) {
    c.fail(Code::shape, concat("indices: expected at most ", data.ndim(), " rows for ", data, ", got ", indices));
  }
  Shape out(indices.data() + 1, indices.ndim() - 1);
  for (int i = static_cast<int>(indices[0]); i < data.ndim(); ++i) out.push_back(data[i]);
  if (out.ndim() == 0) out.push_back(1);
  return out;
}
void infer_gather(InferShape& c) { c.set_out(0, slices(c, c.in[0], c.in[1])); }
void infer_scatter(InferShape& c) {
  c.set_out(0, c.params<Params>().shape);
  c.set_in(0, slices(c, c.out[0], c.in[1]));
}
void infer_scatter_set(InferShape& c) {
  if (c.params<Params>().shape.ndim() > 0) c.set_in(0, c.params<Params>().shape);
  c.set_in(0, c.out[0]);
  c.set_out(0, c.in[0]);
  c.set_in(1, slices(c, c.in[0], c.in[2]));
}

// The last input holds indices and may have any dtype.
void infer_type(InferType& c) {
  const int last = c.num_inputs() - 1;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < last; ++i) c.set_out(0, c.in[static_cast<size_t>(i)]);
    for (int i = 0; i < last; ++i) c.set_in(i, c.out[0]);
  }
  if (c.in.back() == DType::unknown) c.in.back() = c.out[0];
}

//[full
// Slices with the same address are added.
void gather_backward(const NoParams&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "gather_nd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* dy = r.in[0].as<T>();
    T* dx = r.out[0].as<T>();
    std::fill_n(dx, r.out[0].size(), static_cast<T>(A(0)));
    if (r.in[0].size() == 0) return;
    const Address address(r.out[0].shape, r.in[1]);
    for (int64_t k = 0; k < address.count; ++k) {
      T* to = dx + address.at(k);
      const T* from = dy + k * address.inner;
      for (int64_t i = 0; i < address.inner; ++i)
        to[i] = static_cast<T>(static_cast<A>(to[i]) + static_cast<A>(from[i]));
    }
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[2]); }
void gather_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_gather_nd", {g.output_grad(0), g.input(1), g.input(0)})[0]);
}
void scatter_gradient(GradientContext& g) { g.set(0, g.make("gather_nd", {g.output_grad(0), g.input(1)})); }
void scatter_set_gradient(GradientContext& g) {
  const Entry dy = g.output_grad(0), index = g.input(2);
  const Attributes shape{{"shape", g.params<Params>().shape}};
  if (g.wants(0)) g.set(0, g.make("_scatter_set_nd", {dy, g.make("zeros_like", {g.input(1)}), index}, shape));
  if (g.wants(1)) g.set(1, g.make("gather_nd", {dy, index}));
}
void add_samples(OpBuilder<>& take, OpBuilder<Params>& make, OpBuilder<Params>& put) {
  take.doc(
      "Slices of data: output[j, ...] = data[indices[0, j], ..., indices[M-1, j], ...]. Negative indices count from "
      "the end; others out of range raise an error, or give zeros on a GPU.");
  take.gradient(gather_gradient);
  take.sample({{3, 3, 2}, {2, 4}}).integers({1}, 3);
  take.sample({{3, 3}, {2, 2, 2}}).integers({1}, 3);
  take.sample({{1}, {1, 1}}).integers({1}, 1);
  take.sample({{3, 2}, {1, 0}});
  make.doc(
      "Zeros of the given shape with slices set: output[indices[0, j], ..., indices[M-1, j], ...] = data[j, ...]. Of "
      "slices with one address the last counts. On a GPU a slice out of range is left out.");
  make.gradient(scatter_gradient);
  make.sample({{1, 3}, {2, 1}}, {{"shape", Shape{2, 2, 3}}}).integers({1}, 2);
  make.sample({{1}, {1, 1}}, {{"shape", Shape{1}}}).integers({1}, 1);
  make.sample({{0, 2}, {1, 0}}, {{"shape", Shape{3, 2}}});
  put.doc(
      "lhs with slices set: output[indices[0, j], ..., indices[M-1, j], ...] = rhs[j, ...]. On a GPU a slice out of "
      "range is left out.");
  put.gradient(scatter_set_gradient);
  put.sample({{3, 2}, {1, 2}, {1, 1}}, {{"shape", Shape{3, 2}}}).integers({2}, 3);
  put.sample({{1}, {1}, {1, 1}}, {{"shape", Shape{1}}}).integers({2}, 1);
  put.sample({{3, 2}, {0, 2}, {1, 0}}, {{"shape", Shape{3, 2}}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> take(registry, "gather_nd");
  take.input("data", "Any shape and dtype.").input("indices", "(M, ...): row i holds indices into axis i of data.");
  take.infer_shape(infer_gather).infer_type(infer_type).kernel(gather);
  OpBuilder<Params> make(registry, "scatter_nd");
  make.param("shape", &Params::shape).required().range(0).doc("Shape of the output.");
  make.input("data", "The slices.").input("indices", "(M, ...): row i holds indices into axis i of the output.");
  make.infer_shape(infer_scatter).infer_type(infer_type).kernel(scatter);
  OpBuilder<Params> put(registry, "_scatter_set_nd");
  put.param("shape", &Params::shape).required().range(0).doc("Shape of the output, that of lhs.");
  put.input("lhs", "The whole.")
      .input("rhs", "The slices.")
      .input("indices", "(M, ...): row i holds indices into axis i.");
  put.inplace(0, 0).infer_shape(infer_scatter_set).infer_type(infer_type).kernel(scatter_set);
  //[full
  add_samples(take, make, put);
  OpBuilder<> grad(registry, "_backward_gather_nd");
  grad.hidden().input("output_grad").input("indices").input("data").shape_only({2}).infer_shape(infer_backward);
  grad.infer_type(infer_backward_type).kernel(gather_backward).no_gradient("linear; use gather_nd for higher orders");
  //]
}

}  // namespace mixnet::op::gather_nd
