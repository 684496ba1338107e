// khatri_rao: the Kronecker product of matrices, column by column.
#include "op/linalg/khatri_rao.h"

namespace mixnet::op::khatri_rao {
namespace {

// Row i of the output is the product of one row of every matrix: i counts through them, the last matrix fastest.
template <class T>
void multiply_rows(const RunContext& r) {
  using A = accumulator_t<T>;
  const int64_t columns = r.out[0].shape[1];
  T* y = r.out[0].as<T>();
  parallel_for(r.out[0].shape[0], std::max<int64_t>(1, 8192 / std::max<int64_t>(1, columns)),
               [&](int64_t first, int64_t last) {
                 constexpr int64_t block = 256;
                 A product[block];
                 for (int64_t i = first; i < last; ++i) {
                   for (int64_t c = 0; c < columns; c += block) {
                     const int64_t n = std::min(block, columns - c);
                     std::fill_n(product, n, A(1));
                     int64_t rest = i;
                     for (size_t m = r.in.size(); m-- > 0;) {
                       const int64_t rows = r.in[m].shape[0];
                       const T* x = r.in[m].as<T>() + rest % rows * columns + c;
                       rest /= rows;
                       for (int64_t k = 0; k < n; ++k) product[k] *= static_cast<A>(x[k]);
                     }
                     for (int64_t k = 0; k < n; ++k) y[i * columns + c + k] = static_cast<T>(product[k]);
                   }
                 }
               });
}
void forward(const Params&, const RunContext& r) {
  dispatch_all(r.out[0].dtype, "khatri_rao", [&](auto tag) { multiply_rows<typename decltype(tag)::type>(r); });
}

void infer(InferShape& c) {
  int64_t rows = 1, columns = -1;
  for (int i = 0; i < c.num_inputs(); ++i) {
    c.expect_ndim(i, 2, 2);
    const Shape& s = c.in[static_cast<size_t>(i)];
    if (s.ndim_known() && columns < 0) columns = s[1];
    rows = rows < 0 || !s.ndim_known() || s[0] < 0 ? -1 : rows * s[0];
  }
  for (int i = 0; i < c.num_inputs(); ++i) c.set_in(i, Shape{-1, columns});
  c.set_out(0, Shape{rows, columns});
}

//[full
// The gradient of one matrix: over all rows of the output made from its row, output_grad times the rows of the others.
template <class T>
void backward_rows(const RunContext& r, size_t which) {
  using A = accumulator_t<T>;
  const TensorView& out = r.out[which];
  const Span<const TensorView> x = r.in.subspan(1, r.in.size() - 1);
  int64_t inner = 1;
  for (size_t m = which + 1; m < x.size(); ++m) inner *= x[m].shape[0];
  const int64_t columns = out.shape[1], own = out.shape[0], total = r.in[0].shape[0];
  for (int64_t row = 0; row < own; ++row) {
    parallel_for(columns, 256, [&](int64_t first, int64_t last) {
      for (int64_t c = first; c < last; ++c) {
        A sum = 0;
        for (int64_t i = row * inner; i < total; i += own * inner) {
          for (int64_t j = i; j < i + inner; ++j) {
            A product = static_cast<A>(r.in[0].as<T>()[j * columns + c]);
            int64_t rest = j;
            for (size_t m = x.size(); m-- > 0;) {
              const int64_t at = rest % x[m].shape[0];
              rest /= x[m].shape[0];
              if (m != which) product *= static_cast<A>(x[m].as<T>()[at * columns + c]);
            }
            sum += product;
          }
        }
        out.as<T>()[row * columns + c] = static_cast<T>(sum);
      }
    });
  }
}
void backward(const Params&, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "khatri_rao", [&](auto tag) {
    for (size_t m = 0; m < r.out.size(); ++m) {
      if (r.out[m].data) backward_rows<typename decltype(tag)::type>(r, m);
    }
  });
}
std::vector<std::string> backward_outputs(const Params& p) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < p.num_args; ++i) names.push_back("arg" + std::to_string(i));
  return names;
}
std::vector<std::string> backward_inputs(const Params& p) {
  std::vector<std::string> names = backward_outputs(p);
  names.insert(names.begin(), "output_grad");
  return names;
}
void infer_backward(InferShape& c) {
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), c.in[i + 1]);
}
void gradient(GradientContext& g) {
  std::vector<Entry> in{g.output_grad(0)};
  for (int i = 0; i < g.num_inputs(); ++i) in.push_back(g.input(i));
  const auto grads = g.make_backward("_backward_khatri_rao", std::move(in));
  for (int i = 0; i < g.num_inputs(); ++i) {
    if (g.wants(i)) g.set(i, grads[static_cast<size_t>(i)]);
  }
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "khatri_rao");
  op.param("num_args", &Params::num_args).required().range(1).doc("Number of matrices.");
  op.variadic("arg", "num_args", &Params::num_args).infer_shape(infer).kernel(forward);
  //[full
  op.doc(
      "Column k of the output is the Kronecker product of the columns k of the inputs: (r1, n), (r2, n), ... become "
      "(r1 r2 ..., n).");
  op.gradient(gradient);
  op.sample({{2, 3}, {4, 3}});
  op.sample({{2, 2}, {3, 2}, {2, 2}});
  op.sample({{1, 1}});
  op.sample({{0, 2}, {3, 2}});

  OpBuilder<Params> grad(registry, "_backward_khatri_rao");
  grad.param("num_args", &Params::num_args).required();
  grad.hidden().input_names(backward_inputs).output_names(backward_outputs).optional_outputs();
  grad.infer_shape(infer_backward).kernel(backward).no_gradient("has no second order");
  //]
}

}  // namespace mixnet::op::khatri_rao
