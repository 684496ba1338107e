// _sample_multinomial: class numbers drawn with given probabilities, and their log-likelihood when asked for.
#include "op/random/multinomial.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "op/core/builder.h"

namespace mixnet::op::multinomial {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("shape", &Params::shape).range(0).doc("Draws per distribution; one when empty.");
  op.param("get_prob", &Params::get_prob)
      .doc("Gives the logarithms of the probabilities of what was drawn as a second output.");
  op.param("dtype", &Params::dtype).doc("The dtype of the class numbers.");
}

// By inversion: the first class at which the sum of the probabilities passes u times their total.
int64_t draw(const std::vector<double>& sums, double u) {
  const auto passed = std::upper_bound(sums.begin(), sums.end(), u * sums.back());
  return std::min<int64_t>(passed - sums.begin(), static_cast<int64_t>(sums.size()) - 1);
}
template <class T>
void add_up(const T* weights, std::vector<double>& sums) {
  double sum = 0;
  for (size_t k = 0; k < sums.size(); ++k) sums[k] = sum += static_cast<double>(weights[k]);
}
void forward(const Params& p, const RunContext& r) {
  const int64_t classes = r.in[0].shape.back(), count = each(p);
  dispatch_float(r.in[0].dtype, "sample_multinomial", [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch_all(r.out[0].dtype, "sample_multinomial", [&](auto out) {
      using O = typename decltype(out)::type;
      const int64_t rows = count > 0 ? r.out[0].size() / count : 0;
      parallel_for(rows, std::max<int64_t>(1, 4096 / (classes + count)), [&](int64_t first, int64_t last) {
        std::vector<double> sums(static_cast<size_t>(classes));
        for (int64_t row = first; row < last; ++row) {
          const T* weights = r.in[0].as<T>() + row * classes;
          add_up(weights, sums);
          for (int64_t i = row * count; i < (row + 1) * count; ++i) {
            const PhiloxBlock block = philox(r.context.random, static_cast<uint64_t>(i));
            const int64_t k = draw(sums, uniform_double(block.word[0], block.word[1]));
            r.out[0].as<O>()[i] = static_cast<O>(static_cast<accumulator_t<O>>(k));
            if (p.get_prob) r.out[1].as<T>()[i] = static_cast<T>(std::log(static_cast<accumulator_t<T>>(weights[k])));
          }
        }
      });
    });
  });
}
std::vector<std::string> outputs(const Params& p) {
  return p.get_prob ? std::vector<std::string>{"output0", "output1"} : std::vector<std::string>{"output"};
}
int visible(const Params& p) { return p.get_prob ? 2 : 1; }
void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  const Shape& in = c.in[0];
  if (!in.ndim_known()) return;
  if (in.back() == 0) c.fail(Code::shape, concat("data: expected at least one class, got ", in));
  Shape out(in.data(), in.ndim() - 1);
  for (int64_t extent : c.params<Params>().shape) out.push_back(extent);
  if (out.ndim() == 0) out.push_back(1);
  for (size_t i = 0; i < c.out.size(); ++i) c.set_out(static_cast<int>(i), out);
}
void infer_type(InferType& c) {
  c.set_out(0, c.params<Params>().dtype);
  if (c.out.size() > 1) c.set_out(1, c.in[0]);
}

//[full
// (gradient of the log-likelihoods, data, class numbers): each draw adds dy / probability at its class.
void backward(const Params& p, const RunContext& r) {
  const int64_t classes = r.in[1].shape.back(), count = each(p);
  dispatch_float(r.in[1].dtype, "sample_multinomial", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    T* dx = r.out[0].as<T>();
    std::fill_n(dx, r.out[0].size(), T(0.0f));
    dispatch_all(r.in[2].dtype, "sample_multinomial", [&](auto drawn) {
      for (int64_t i = 0; i < r.in[2].size(); ++i) {
        const int64_t at = i / count * classes +
                           static_cast<int64_t>(static_cast<double>(r.in[2].as<typename decltype(drawn)::type>()[i]));
        dx[at] = static_cast<T>(static_cast<A>(dx[at]) +
                                static_cast<A>(r.in[0].as<T>()[i]) / static_cast<A>(r.in[1].as<T>()[at]));
      }
    });
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[1]); }
void infer_backward_type(InferType& c) { c.set_out(0, c.in[1]); }
void gradient(GradientContext& g) {
  if (g.params<Params>().get_prob)
    g.set(0, g.make_backward("_backward_sample_multinomial", {g.output_grad(1), g.input(0), g.output(0)})[0]);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_sample_multinomial");
  op.alias("sample_multinomial");
  add_params(op);
  op.input("data", "(..., classes): the probabilities of the classes.")
      .output_names(outputs)
      .visible_outputs(visible)
      .random();
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.doc(
      "Class numbers drawn from distributions along the last axis: data's other extents, then shape. The gradient of "
      "the second output serves REINFORCE.");
  op.gradient(gradient);
  op.sample({{2, 3}}, {{"shape", Shape{4}}}).range(0.1, 1);
  op.sample({{2, 3}}, {{"get_prob", true}}).range(0.1, 1);
  op.sample({{3}}, {{"dtype", "float32"}}).range(0.1, 1);
  op.sample({{1}}).range(0.1, 1);
  op.sample({{0, 2}});
  OpBuilder<Params> grad(registry, "_backward_sample_multinomial");
  add_params(grad);
  grad.hidden()
      .input("output_grad")
      .input("data")
      .input("drawn")
      .infer_shape(infer_backward)
      .infer_type(infer_backward_type)
      .kernel(backward);
  grad.no_gradient("the second derivative of a draw's likelihood is not provided");
  //]
}

}  // namespace mixnet::op::multinomial
