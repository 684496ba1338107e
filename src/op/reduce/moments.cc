// moments: mean and variance over axes.
#include "op/reduce/moments.h"

namespace mixnet::op::moments {
namespace {

// Two passes over `width` neighbouring columns: the sums, then the squares of the distances from the mean.
template <class T>
void columns(const T* x, const StridedLoop<1>& summed, int64_t width, double* mean, double* square) {
  using A = accumulator_t<T>;
  const double count = static_cast<double>(std::max<int64_t>(1, summed.size()));
  std::fill_n(mean, width, 0.0);
  std::fill_n(square, width, 0.0);
  summed.run(
      [&](const auto& at, int64_t m, const auto& step) {
        for (int64_t j = 0; j < m; ++j) {
          const T* row = x + at[0] + j * step[0];
          for (int64_t k = 0; k < width; ++k) mean[k] += static_cast<double>(static_cast<A>(row[k]));
        }
      },
      reduction::serial);
  for (int64_t k = 0; k < width; ++k) mean[k] /= count;
  summed.run(
      [&](const auto& at, int64_t m, const auto& step) {
        for (int64_t j = 0; j < m; ++j) {
          const T* row = x + at[0] + j * step[0];
          for (int64_t k = 0; k < width; ++k) {
            const double d = static_cast<double>(static_cast<A>(row[k])) - mean[k];
            square[k] += d * d;
          }
        }
      },
      reduction::serial);
  for (int64_t k = 0; k < width; ++k) square[k] /= count;
}

// One result: lanes side by side along rows without gaps.
template <class T, class F>
double line(const T* x, const StridedLoop<1>& summed, F of) {
  constexpr int lanes = 8;
  double lane[lanes] = {};
  summed.run(
      [&](const auto& at, int64_t m, const auto& step) {
        const T* row = x + at[0];
        int64_t i = 0;
        if (step[0] == 1) {
          for (; i + lanes <= m; i += lanes) {
            for (int l = 0; l < lanes; ++l)
              lane[l] += of(static_cast<double>(static_cast<accumulator_t<T>>(row[i + l])));
          }
        }
        for (; i < m; ++i) lane[i % lanes] += of(static_cast<double>(static_cast<accumulator_t<T>>(row[i * step[0]])));
      },
      reduction::serial);
  double sum = 0;
  for (double v : lane) sum += v;
  return sum / static_cast<double>(std::max<int64_t>(1, summed.size()));
}

template <class T>
void run(const RunContext& r, const reduction::Geometry& g) {
  constexpr int64_t block = 256;
  const T* x = r.in[0].as<T>();
  auto put = [&](int64_t at, double mean, double variance) {
    r.out[0].as<T>()[at] = static_cast<T>(static_cast<accumulator_t<T>>(mean));
    r.out[1].as<T>()[at] = static_cast<T>(static_cast<accumulator_t<T>>(variance));
  };
  g.kept.run(
      [&](const auto& at, int64_t n, const auto& stride) {
        if (g.rows_inside || stride[1] != 1) {
          for (int64_t k = 0; k < n; ++k) {
            const T* from = x + at[1] + k * stride[1];
            const double mean = line(from, g.summed, [](double v) { return v; });
            put(at[0] + k * stride[0], mean,
                line(from, g.summed, [mean](double v) { return (v - mean) * (v - mean); }));
          }
          return;
        }
        double mean[block], square[block];
        for (int64_t first = 0; first < n; first += block) {
          const int64_t width = std::min(block, n - first);
          columns(x + at[1] + first, g.summed, width, mean, square);
          for (int64_t k = 0; k < width; ++k) put(at[0] + (first + k) * stride[0], mean[k], square[k]);
        }
      },
      g.grain());
}
void forward(const Params& p, const RunContext& r) {
  const reduction::Geometry g(r.in[0].shape, reduced_axes(p.reduce(), r.in[0].ndim(), "moments"));
  dispatch_float(r.in[0].dtype, "moments", [&](auto tag) { run<typename decltype(tag)::type>(r, g); });
}

void infer(InferShape& c) {
  if (!c.in[0].ndim_known()) return;
  const Params& p = c.params<Params>();
  const Shape out = reduced_shape(c.in[0], reduced_axes(p.reduce(), c.in[0].ndim(), c.place().c_str()), p.keepdims);
  for (int i = 0; i < 2; ++i) c.set_out(i, out);
}

//[full
// d mean = 1/n; d var = 2 (x - mean) / n, in which the mean's own change cancels.
void gradient(GradientContext& g) {
  const ReduceParams p = g.params<Params>().reduce();
  Entry total;
  if (g.has_output_grad(0)) total = reduction::spread(g, p, g.output_grad(0), true);
  if (g.has_output_grad(1)) {
    const Entry distance = g.make("elemwise_sub", {g.input(0), reduction::spread(g, p, g.output(0))});
    const Entry scale = g.make("_mul_scalar", {reduction::spread(g, p, g.output_grad(1), true)}, {{"scalar", 2.0}});
    const Entry part = g.make("elemwise_mul", {scale, distance});
    total = total ? g.make("elemwise_add", {total, part}) : part;
  }
  if (total) g.set(0, total);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "moments");
  op.param("axes", &Params::axes).doc("Axes to reduce, negative ones from the end; none means all.");
  op.param("keepdims", &Params::keepdims).doc("Keeps reduced axes with extent 1.");
  op.input("data", "Any shape, float.").outputs({"output0", "output1"}).infer_shape(infer).kernel(forward);
  //[full
  op.doc("Mean and variance (divided by the number of elements) over axes.").gradient(gradient);
  op.sample({{2, 3, 4}}, {{"axes", Shape{0, 2}}});
  op.sample({{3, 4}}, {{"axes", Shape{0}}, {"keepdims", true}});
  op.sample({{2, 3}});
  op.sample({{1}}, {{"axes", Shape{0}}});
  op.sample({{0, 3}}, {{"axes", Shape{1}}});
  //]
}

}  // namespace mixnet::op::moments
