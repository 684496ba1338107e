// _contrib_index_copy: a copy of an array in which some rows are replaced.
#include <cstring>

#include "op/core/builder.h"

namespace mixnet::op::index_copy {
namespace {

// Calls f(number, row) for every index; rows outside of [0, rows) are clipped.
template <class F>
void for_rows(const TensorView& index, int64_t rows, F f) {
  dispatch_all(index.dtype, "index_copy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; rows > 0 && i < index.size(); ++i) {
      const double v = static_cast<double>(static_cast<accumulator_t<T>>(index.as<T>()[i]));
      f(i, v > 0 ? static_cast<int64_t>(std::min(v, static_cast<double>(rows - 1))) : 0);
    }
  });
}

void forward(const NoParams&, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  char* y = r.out[0].as<char>();
  if (y != r.in[0].data) std::memcpy(y, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
  const size_t row = static_cast<size_t>(r.out[0].bytes() / r.out[0].shape[0]);
  for_rows(r.in[1], r.out[0].shape[0], [&](int64_t i, int64_t to) {
    std::memcpy(y + static_cast<size_t>(to) * row, r.in[2].as<char>() + static_cast<size_t>(i) * row, row);
  });
}
void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.expect_ndim(1, 1, 1);
  c.set_in(0, c.out[0]);
  c.set_out(0, c.in[0]);
  if (!c.in[0].ndim_known()) return;
  Shape rows = c.in[0];
  rows[0] = c.in[1].ndim_known() ? c.in[1][0] : -1;
  c.set_in(2, rows);
  c.set_in(1, Shape{c.in[2][0]});
}
void infer_type(InferType& c) {
  for (int pass = 0; pass < 2; ++pass) {
    c.set_out(0, c.in[0]);
    c.set_in(0, c.out[0]);
    c.set_in(2, c.in[0]);
    c.set_in(0, c.in[2]);
  }
}

//[full
// (dy, index): dy without the replaced rows, and the replaced rows. A row replaced twice counts for the last.
void backward(const NoParams&, const RunContext& r) {
  if (r.in[0].size() == 0) {
    if (r.out[1].bytes() > 0) std::memset(r.out[1].data, 0, static_cast<size_t>(r.out[1].bytes()));
    return;
  }
  const int64_t rows = r.in[0].shape[0];
  const size_t row = static_cast<size_t>(r.in[0].bytes() / rows);
  std::memcpy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
  std::vector<int64_t> last(static_cast<size_t>(rows), -1);
  for_rows(r.in[1], rows, [&](int64_t i, int64_t to) { last[static_cast<size_t>(to)] = i; });
  for_rows(r.in[1], rows, [&](int64_t i, int64_t to) {
    char* mine = r.out[1].as<char>() + static_cast<size_t>(i) * row;
    std::memset(r.out[0].as<char>() + static_cast<size_t>(to) * row, 0, row);
    if (last[static_cast<size_t>(to)] == i) std::memcpy(mine, r.in[0].as<char>() + static_cast<size_t>(to) * row, row);
    else std::memset(mine, 0, row);
  });
}
void infer_backward(InferShape& c) {
  c.set_out(0, c.in[0]);
  if (!c.in[0].ndim_known() || !c.in[1].ndim_known()) return;
  Shape rows = c.in[0];
  rows[0] = c.in[1][0];
  c.set_out(1, rows);
}
void infer_backward_type(InferType& c) {
  for (int i = 0; i < 2; ++i) c.set_out(i, c.in[0]);
}
void gradient(GradientContext& g) {
  const auto grads = g.make_backward("_backward_contrib_index_copy", {g.output_grad(0), g.input(1)});
  g.set(0, grads[0]);
  g.set(2, grads[1]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_contrib_index_copy");
  op.input("old_tensor", "Any shape with rows along axis 0.")
      .input("index_vector", "(K,): rows to replace, clipped to those there are.");
  op.input("new_tensor", "(K, ...): the new rows.")
      .inplace(0, 0)
      .infer_shape(infer)
      .infer_type(infer_type)
      .kernel(forward);
  //[full
  op.doc("A copy of old_tensor in which row index_vector[i] is new_tensor[i].").gradient(gradient);
  op.sample({{4, 2}, {2}, {2, 2}}).integers({1}, 4);
  op.sample({{2, 1, 2}, {4}, {4, 1, 2}}).integers({1}, 2);
  op.sample({{1}, {1}, {1}}).integers({1}, 1);
  op.sample({{3, 2}, {0}, {0, 2}}).integers({1}, 1);
  OpBuilder<> grad(registry, "_backward_contrib_index_copy");
  grad.hidden()
      .input("output_grad")
      .input("index_vector")
      .outputs({"old_tensor", "new_tensor"})
      .infer_shape(infer_backward);
  grad.infer_type(infer_backward_type).kernel(backward).no_gradient("linear; use index_copy for higher orders");
  //]
}

}  // namespace mixnet::op::index_copy
