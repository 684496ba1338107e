// AdaGrad steps (Duchi et al., 2011), per element and with one rate per row; a row_sparse gradient touches the rows that it has.
#include "op/optimizer/adagrad.h"

#include "op/core/builder.h"

namespace mixnet::op::adagrad {
namespace {

// Rows of weight and gradient in turn: body(row of the weight, row of the gradient).
template <class Body>
void for_rows(const TensorView& grad, int64_t rows, int64_t width, Body body) {
  const bool sparse = grad.kind == StorageKind::row_sparse;
  const int64_t count = sparse ? grad.sparse->count : rows;
  parallel_for(count, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, width)), [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) body(sparse ? grad.sparse->indices[k] : k, k);
  });
}

// history += g^2, w -= lr g / sqrt(history + epsilon); by row: history += the mean of g^2.
template <bool ByRow>
void step(const Params& p, const RunContext& r) {
  const TensorView &weight = r.in[0], &grad = r.in[1];
  if (weight.size() == 0) return;
  if (r.out[0].data != weight.data) std::memcpy(r.out[0].data, weight.data, static_cast<size_t>(weight.bytes()));
  const int64_t rows = weight.shape[0], width = weight.size() / rows;
  dispatch_float(weight.dtype, "adagrad", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* gradient = grad.kind == StorageKind::dense ? grad.as<T>() : grad.sparse->as<T>();
    for_rows(grad, rows, width, [&](int64_t row, int64_t at) {
      T *w = r.out[0].as<T>() + row * width, *h = r.in[2].as<T>() + (ByRow ? row : row * width);
      const T* g = gradient + at * width;
      auto scaled = [&](int64_t i) { return adagrad::scaled(p, static_cast<A>(g[i])); };
      A sum = 0;
      for (int64_t i = 0; ByRow && i < width; ++i) sum += scaled(i) * scaled(i);
      if (ByRow) h[0] = static_cast<T>(static_cast<A>(h[0]) + sum / static_cast<A>(width));
      for (int64_t i = 0; i < width; ++i) {
        if (!ByRow) h[i] = static_cast<T>(static_cast<A>(h[i]) + scaled(i) * scaled(i));
        w[i] = static_cast<T>(stepped(p, static_cast<A>(w[i]), scaled(i), static_cast<A>(h[ByRow ? 0 : i])));
      }
    });
  });
}
void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.all_same();
}
void infer_rows(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.in[1]);
  c.set_in(1, c.in[0]);
  if (!c.in[0].ndim_known()) return;
  Shape history = c.in[0];
  for (int i = 1; i < history.ndim(); ++i) history[i] = 1;
  c.set_in(2, history);
}

//[full
bool rows(InferStorage& c) {
  if (c.in[1] != StorageKind::row_sparse) return false;
  c.in[0] = c.in[2] = c.out[0] = StorageKind::dense;
  return true;
}
//]

OpBuilder<Params> make(Registry& registry, const char* name, bool by_row) {
  OpBuilder<Params> op(registry, name);
  op.param("lr", &Params::lr).required().doc("Learning rate.");
  if (!by_row) op.param("epsilon", &Params::epsilon).doc("Keeps the division finite.");
  if (!by_row) op.param("wd", &Params::wd).range(0, 0).doc("Weight decay; only 0 is possible.");
  op.param("rescale_grad", &Params::rescale_grad).doc("Multiplies the gradient first.");
  op.param("clip_gradient", &Params::clip_gradient).doc("Limits gradients to [-c, c]; off below 0.");
  if (by_row) op.param("epsilon", &Params::epsilon).doc("Keeps the division finite.");
  if (by_row) op.defaults([](Params& p) { p.epsilon = 1e-5; });
  op.input("weight", "Any shape of at least one dimension, float.").input("grad", "Its gradient.");
  op.input("history", by_row ? "(rows, 1, ...): sums of the mean squares of rows." : "Sums of squares.");
  return op;
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op = make(registry, "_sparse_adagrad_update", false);
  op.mutates({2}).inplace(0, 0).infer_shape(infer).kernel(step<false>);
  op.no_gradient("an optimizer's step has no gradient");
  OpBuilder<Params> group = make(registry, "_contrib_group_adagrad_update", true);
  group.mutates({2}).inplace(0, 0).infer_shape(infer_rows).kernel(step<true>);
  group.no_gradient("an optimizer's step has no gradient");
  //[full
  op.doc("history += g^2, weight -= lr g / sqrt(history + epsilon), in the rows of a row_sparse gradient.");
  group.doc("AdaGrad with one rate per row: history += mean(g^2), weight -= lr g / sqrt(history + epsilon).");
  op.sparse(rows, step<false>);
  group.sparse(rows, step<true>);
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0, 3}}) {
    Shape history = shape;
    if (shape.ndim() == 2) history[1] = 1;
    op.sample({shape, shape, shape}, {{"lr", 0.1}}).range(0.5, 2);
    group.sample({shape, shape, history}, {{"lr", 0.1}}).range(0.5, 2);
  }
  //]
}

}  // namespace mixnet::op::adagrad
