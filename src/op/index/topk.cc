// topk, sort, argsort: elements along an axis in order.
//
// The order is total and the same on every run: equal elements keep their order, NaN counts as larger than everything.
// Elements become unsigned keys that compare like them, so that one sort serves every dtype.
#include "op/index/topk.h"

#include <cstring>

#include "op/core/builder.h"
#include "op/core/set_zero.h"

namespace mixnet::op::topk {
namespace {

struct Item {
  uint64_t key;
  int64_t index;
  bool operator<(const Item& o) const { return key < o.key || (key == o.key && index < o.index); }
};

// Work is cut into at most this many parts, each with a line of items in the workspace.
constexpr int64_t most_parts = 16;

class Sorter : public Kernel {
 public:
  explicit Sorter(const PrepareContext& c) : p_(c.params<Params>()), lines_(p_, c.inputs[0].shape) {
    parts_ = std::min(most_parts, lines_.count());
  }
  size_t workspace() const override { return static_cast<size_t>(parts_ * lines_.n) * sizeof(Item); }

  void run(const RunContext& r) const override {
    const bool mask = p_.ret == Return::mask;
    if (mask) set_zero(r.out[0]);
    if (lines_.count() == 0 || lines_.k == 0) return;
    Item* items = static_cast<Item*>(r.context.workspace);
    parallel_for(parts_, std::max<int64_t>(1, 2048 * parts_ / (lines_.count() * lines_.n)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t part = first; part < last; ++part) {
                     for (int64_t l = part; l < lines_.count(); l += parts_) {
                       Item* line = items + part * lines_.n;
                       load(r.in[0], l, line);
                       if (lines_.k * 8 < lines_.n) std::partial_sort(line, line + lines_.k, line + lines_.n);
                       else std::sort(line, line + lines_.n);
                       if (mask) mark(r.out[0], l, line);
                       else store(r, l, line);
                     }
                   }
                 });
  }

 private:
  void load(const TensorView& x, int64_t l, Item* line) const {
    dispatch_all(x.dtype, "topk", [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T* from = x.as<T>() + lines_.at(l, 0, lines_.n);
      for (int64_t i = 0; i < lines_.n; ++i) {
        const uint64_t key = sort_key(from[i * lines_.inner]);
        line[i] = {p_.is_ascend ? key : ~key, i};
      }
    });
  }
  void mark(const TensorView& out, int64_t l, const Item* line) const {
    dispatch_all(out.dtype, "topk", [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (int64_t i = 0; i < lines_.k; ++i)
        out.as<T>()[lines_.at(l, line[i].index, lines_.n)] = static_cast<T>(accumulator_t<T>(1));
    });
  }
  void store(const RunContext& r, int64_t l, const Item* line) const {
    const int64_t item = dtype_size(r.in[0].dtype);
    const bool values = p_.ret != Return::indices;
    for (int64_t i = 0; values && r.out[0].data && i < lines_.k; ++i) {
      const char* from = r.in[0].as<char>() + lines_.at(l, line[i].index, lines_.n) * item;
      std::memcpy(r.out[0].as<char>() + lines_.at(l, i, lines_.k) * item, from, static_cast<size_t>(item));
    }
    for (size_t o = values ? 1 : 0; o < r.out.size(); ++o) {
      if (r.out[o].data) store_indices(r.out[o], l, line);
    }
  }
  void store_indices(const TensorView& out, int64_t l, const Item* line) const {
    dispatch_all(out.dtype, "topk", [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* to = out.as<T>();
      for (int64_t i = 0; i < lines_.k; ++i)
        to[lines_.at(l, i, lines_.k)] = static_cast<T>(static_cast<accumulator_t<T>>(line[i].index));
    });
  }

  const Params p_;
  const Lines lines_;
  int64_t parts_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Sorter>(c); }

// Where values are returned, a last hidden output keeps their indices exactly for the gradient.
std::vector<std::string> output_names(const Params& p) {
  if (p.ret == Return::both) return {"output0", "output1", "output2"};
  if (p.ret == Return::value) return {"output0", "output1"};
  return {"output"};
}
int visible_outputs(const Params& p) { return p.ret == Return::both ? 2 : 1; }

void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  const Shape& in = c.in[0];
  if (!in.known()) return;
  if (p.axis) normalize_axis(*p.axis, in.ndim(), c.place().c_str());
  const Lines lines(p, in);
  if (lines.k > lines.n) c.fail(Code::invalid, concat("k: expected at most ", lines.n, ", got ", p.k));
  if (p.ret == Return::mask) return c.set_out(0, in);
  Shape out = in;
  if (p.axis) out[normalize_axis(*p.axis, in.ndim(), "topk")] = lines.k;
  else out = Shape{lines.k};
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), out);
}
void infer_type(InferType& c) {
  const Params& p = c.params<Params>();
  if (p.ret == Return::indices) return c.set_out(0, p.dtype);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (p.ret == Return::both) c.set_out(1, p.dtype);
  if (p.ret != Return::mask) c.set_out(static_cast<int>(c.out.size()) - 1, DType::i64);
}
void check(const Params& p) {
  const bool fits = p.dtype != DType::boolean && p.dtype != DType::i8 && p.dtype != DType::bf16;
  MIXNET_CHECK(fits, invalid, "dtype: expected uint8, int32, int64, float16, float32 or float64, got ", p.dtype);
}

//[full
void backward(const Params& p, const RunContext& r) {
  const Lines lines(p, r.out[0].shape);
  set_zero(r.out[0]);
  const int64_t* index = r.in[1].as<int64_t>();
  const int64_t item = dtype_size(r.out[0].dtype);
  parallel_for(
      lines.count(), std::max<int64_t>(1, 8192 / std::max<int64_t>(1, lines.k)), [&](int64_t first, int64_t last) {
        for (int64_t l = first; l < last; ++l) {
          for (int64_t i = 0; i < lines.k; ++i) {
            const int64_t from = lines.at(l, i, lines.k), to = lines.at(l, index[from], lines.n);
            std::memcpy(r.out[0].as<char>() + to * item, r.in[0].as<char>() + from * item, static_cast<size_t>(item));
          }
        }
      });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[2]); }
void infer_backward_type(InferType& c) {
  c.set_in(1, DType::i64);
  c.set_out(0, c.in[2]);
}
void gradient(GradientContext& g) {
  const Return ret = g.params<Params>().ret;
  if (ret == Return::indices || ret == Return::mask) return;
  const Entry order = g.output(ret == Return::both ? 2 : 1);
  g.set(0, g.make_backward("_backward_topk", {g.output_grad(0), order, g.input(0)})[0]);
}

void add_samples(OpBuilder<Params>& best, OpBuilder<Params>& sorted, OpBuilder<Params>& order) {
  best.doc(
      "The k largest or smallest elements along an axis in order, their indices, both, or a mask of ones where they "
      "are. Equal elements keep their order; NaN counts as the largest.");
  best.gradient(gradient);
  for (const char* ret : {"both", "indices", "mask", "value"}) {
    best.sample({{2, 5}}, {{"k", 2}, {"ret_typ", ret}});
    best.sample({{2, 4, 3}}, {{"axis", 1}, {"k", 3}, {"ret_typ", ret}, {"is_ascend", true}, {"dtype", "int32"}});
    best.sample({{2, 3}}, {{"axis", "None"}, {"k", 4}, {"ret_typ", ret}});
  }
  best.sample({{1}});
  best.sample({{0, 3}}, {{"k", 2}, {"ret_typ", "value"}});
  sorted.doc("data in order along an axis. Equal elements keep their order; NaN counts as the largest.")
      .gradient(gradient);
  order.doc("The indices that would sort data along an axis, of type dtype.").gradient(gradient);
  for (OpBuilder<Params>* op : {&sorted, &order}) {
    op->sample({{2, 5}});
    op->sample({{4, 3}}, {{"axis", 0}, {"is_ascend", false}});
    op->sample({{2, 3}}, {{"axis", "None"}});
    op->sample({{1}});
    op->sample({{0, 2}});
    op->sample({{2, 0}});
  }
}
//]

void add_axis(OpBuilder<Params>& op) { op.param("axis", &Params::axis).doc("The axis; None flattens data first."); }
void add_ascend(OpBuilder<Params>& op) { op.param("is_ascend", &Params::is_ascend).doc("Smallest first."); }
void add_dtype(OpBuilder<Params>& op) { op.param("dtype", &Params::dtype).doc("The dtype of indices."); }
void add_select(OpBuilder<Params>& op) {
  op.param("k", &Params::k).doc("How many elements; below 1 all.");
  op.param("ret_typ", &Params::ret, {"both", "indices", "mask", "value"}).doc("What is returned.");
}
void describe(OpBuilder<Params>& op) {
  op.input("data", "Any shape and dtype.")
      .output_names(output_names)
      .visible_outputs(visible_outputs)
      .optional_outputs();
  op.check(check).infer_shape(infer).infer_type(infer_type).prepare(prepare);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> best(registry, "topk");
  add_axis(best);
  add_select(best);
  add_ascend(best);
  add_dtype(best);
  describe(best);
  OpBuilder<Params> sorted(registry, "sort");
  add_axis(sorted);
  add_ascend(sorted);
  describe(sorted);
  sorted.defaults([](Params& p) {
    p.k = 0;
    p.ret = Return::value;
    p.is_ascend = true;
  });
  OpBuilder<Params> order(registry, "argsort");
  add_axis(order);
  add_ascend(order);
  add_dtype(order);
  describe(order);
  order.defaults([](Params& p) {
    p.k = 0;
    p.is_ascend = true;
  });
  //[full
  add_samples(best, sorted, order);
  OpBuilder<Params> grad(registry, "_backward_topk");
  add_axis(grad);
  add_select(grad);
  add_ascend(grad);
  add_dtype(grad);
  grad.hidden().input("output_grad").input("order").input("data").shape_only({2}).infer_shape(infer_backward);
  grad.infer_type(infer_backward_type).kernel(backward).no_gradient("linear; gather again for higher orders");
  //]
}

}  // namespace mixnet::op::topk
