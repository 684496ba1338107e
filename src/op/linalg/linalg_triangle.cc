// Diagonals and triangles of matrices as vectors, and back: extractdiag, makediag, extracttrian, maketrian; sumlogdiag.
#include "op/linalg/linalg_triangle.h"

#include <cmath>

#include "op/linalg/matrices.h"

namespace mixnet::op::linalg_triangle {
namespace {

// The places of a diagonal or a triangle, in their order in the vector: f(offset in a matrix of extent n).
struct Places {
  const Params& p;
  bool triangle;
  int64_t n;  // extent of the matrix
  int64_t length() const {
    const int64_t m = n - std::abs(p.offset);
    return m <= 0 ? 0 : triangle ? m * (m + 1) / 2 : m;
  }
  template <class F>
  void each(F f) const {
    const int64_t shift = std::abs(p.offset), m = n - shift;
    // The upper triangle goes column by column, so that it is the lower one of the transposed matrix.
    const bool upper = p.offset > 0 || (triangle && p.offset == 0 && !p.lower);
    int64_t k = 0;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = triangle ? 0 : i; j <= i; ++j) f(upper ? j * n + i + shift : (i + shift) * n + j, k++);
    }
  }
};
// The extent of the matrix whose diagonal or triangle has this many elements; -1 when there is none.
int64_t extent_of(const Params& p, bool triangle, int64_t length) {
  int64_t m = length;
  if (triangle) {
    m = static_cast<int64_t>(std::sqrt(2.0 * static_cast<double>(length)));
    if (m * (m + 1) / 2 != length) return -1;
  }
  return m + std::abs(p.offset);
}

template <bool Triangle>
void extract(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "linalg_extract", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    const Places places{p, Triangle, m.rows};
    const int64_t length = places.length();
    for (int64_t i = 0; i < m.count; ++i) {
      const T* x = r.in[0].as<T>() + i * m.area();
      T* y = r.out[0].as<T>() + i * length;
      places.each([&](int64_t at, int64_t k) { y[k] = x[at]; });
    }
  });
}
template <bool Triangle>
void make(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "linalg_make", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.out[0].shape);
    const Places places{p, Triangle, m.rows};
    const int64_t length = places.length();
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0.0f));
    for (int64_t i = 0; i < m.count; ++i) {
      const T* x = r.in[0].as<T>() + i * length;
      T* y = r.out[0].as<T>() + i * m.area();
      places.each([&](int64_t at, int64_t k) { y[at] = x[k]; });
    }
  });
}

template <bool Triangle>
void infer_extract(InferShape& c) {
  if (!infer_square(c, 0) || c.in[0].back() < 0) return;
  const Places places{c.params<Params>(), Triangle, c.in[0].back()};
  if (places.n > 0 && places.length() == 0)
    c.fail(Code::invalid, concat("offset: expected one inside of ", c.in[0], ", got ", places.p.offset));
  Shape out(c.in[0].data(), c.in[0].ndim() - 2);
  out.push_back(places.length());
  c.set_out(0, out);
}
template <bool Triangle>
void infer_make(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim - 1);
  const Shape& in = c.in[0];
  if (!in.ndim_known() || in.back() < 0) return;
  const int64_t n = extent_of(c.params<Params>(), Triangle, in.back());
  if (n < 0) c.fail(Code::shape, concat("A: expected n (n + 1) / 2 elements along the last axis, got ", in));
  Shape out(in.data(), in.ndim() - 1);
  out.push_back(n);
  out.push_back(n);
  c.set_out(0, out);
}

void sum_log(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_sumlogdiag", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[0].shape);
    m.each([&](int64_t i) {
      T sum = 0;
      for (int64_t k = 0; k < m.rows; ++k) sum += std::log(r.in[0].as<T>()[i * m.area() + k * (m.rows + 1)]);
      r.out[0].as<T>()[i] = sum;
    });
  });
}
void infer_sum_log(InferShape& c) {
  if (infer_square(c, 0)) c.set_out(0, one_per_matrix(c.in[0]));
}
std::unique_ptr<Kernel> prepare_sum_log(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, sum_log, 0);
}

//[full
template <bool Triangle>
Attributes attributes_of(const Params& p) {
  Attributes attributes{{"offset", p.offset}};
  if (Triangle) attributes.emplace_back("lower", p.lower);
  return attributes;
}
template <bool Triangle>
void extract_gradient(GradientContext& g) {
  g.set(0, g.make(Triangle ? "_linalg_maketrian" : "_linalg_makediag", {g.output_grad(0)},
                  attributes_of<Triangle>(g.params<Params>())));
}
template <bool Triangle>
void make_gradient(GradientContext& g) {
  g.set(0, g.make(Triangle ? "_linalg_extracttrian" : "_linalg_extractdiag", {g.output_grad(0)},
                  attributes_of<Triangle>(g.params<Params>())));
}
// (dy, A): dy / diagonal on the diagonal.
void sum_log_backward(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "linalg_sumlogdiag", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Matrices m(r.in[1].shape);
    std::fill_n(r.out[0].as<T>(), r.out[0].size(), T(0));
    m.each([&](int64_t i) {
      for (int64_t k = 0; k < m.rows; ++k) {
        const int64_t at = i * m.area() + k * (m.rows + 1);
        r.out[0].as<T>()[at] = r.in[0].as<T>()[i] / r.in[1].as<T>()[at];
      }
    });
  });
}
void infer_sum_log_backward(InferShape& c) { c.set_out(0, c.in[1]); }
std::unique_ptr<Kernel> prepare_sum_log_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, sum_log_backward, 0);
}
void sum_log_gradient(GradientContext& g) {
  g.set(0, g.make_backward("_backward_linalg_sumlogdiag", {g.output_grad(0), g.input(0)})[0]);
}
//]

template <bool Triangle>
void register_pair(Registry& registry, const std::string& what) {
  OpBuilder<Params> out(registry, "_linalg_extract" + what), in(registry, "_linalg_make" + what);
  for (OpBuilder<Params>* op : {&out, &in}) {
    op->param("offset", &Params::offset)
        .range(-(1 << 30), 1 << 30)
        .doc("Which diagonal: above the main one for positive, below it for negative numbers.");
    if (Triangle) op->param("lower", &Params::lower).doc("With offset 0: the lower triangle; else the upper one.");
  }
  out.alias("linalg_extract" + what)
      .input("A", "Square matrices, float.")
      .infer_shape(infer_extract<Triangle>)
      .kernel(extract<Triangle>);
  in.alias("linalg_make" + what)
      .input("A", "Vectors along the last axis, float.")
      .infer_shape(infer_make<Triangle>)
      .kernel(make<Triangle>);
  //[full
  out.doc(Triangle ? "The triangle at or beyond a diagonal of each matrix as a vector; the lower one row by row, the "
                     "upper one column by column."
                   : "A diagonal of each matrix as a vector.");
  in.doc(Triangle ? "Matrices with the vectors as a triangle, zero elsewhere; the inverse of extracttrian."
                  : "Matrices with the vectors as a diagonal, zero elsewhere.");
  out.gradient(extract_gradient<Triangle>);
  in.gradient(make_gradient<Triangle>);
  for (int64_t offset : {-1, 0, 2}) {
    for (bool lower : {false, true}) {
      if (!Triangle && lower) continue;
      Params p;
      p.offset = offset;
      p.lower = lower;
      out.sample({{2, 3, 3}}, attributes_of<Triangle>(p));
      in.sample({{2, 6}}, attributes_of<Triangle>(p));
    }
  }
  out.sample({{1, 1}});
  out.sample({{0, 2, 2}});
  in.sample({{1}});
  in.sample({{0, 3}});
  //]
}

}  // namespace

void register_ops(Registry& registry) {
  register_pair<false>(registry, "diag");
  register_pair<true>(registry, "trian");
  OpBuilder<> logs(registry, "_linalg_sumlogdiag");
  logs.alias("linalg_sumlogdiag")
      .input("A", "Square matrices with a positive diagonal, float.")
      .infer_shape(infer_sum_log)
      .prepare(prepare_sum_log);
  //[full
  logs.doc("The sum of the logarithms of each matrix's diagonal: one number per matrix, (1,) for a single one.")
      .gradient(sum_log_gradient);
  logs.sample({{3, 3}}).range(0.5, 2);
  logs.sample({{2, 2, 2, 2}}).range(0.5, 2);
  logs.sample({{1, 1}}).range(0.5, 2);
  logs.sample({{0, 2, 2}});
  OpBuilder<> back(registry, "_backward_linalg_sumlogdiag");
  back.hidden().input("output_grad").input("A").infer_shape(infer_sum_log_backward).prepare(prepare_sum_log_backward);
  back.no_gradient("compose it from extractdiag and log for higher orders");
  //]
}

}  // namespace mixnet::op::linalg_triangle
