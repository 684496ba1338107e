// Random numbers: _random_uniform, _random_normal and the rest of MXNet's distributions, drawn with Philox.
#include "op/random/sample.h"

#include "op/core/builder.h"

namespace mixnet::op::sample {
namespace {

template <class F>
void generate(const TensorView& out, const PhiloxKey& key, F f) {
  dispatch_all(out.dtype, "random", [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(out.size(), 1024, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        Draws s(key, i);
        out.as<T>()[i] = static_cast<T>(static_cast<accumulator_t<T>>(f(s, i)));
      }
    });
  });
}
// f(u, v) of the two numbers that Draws gives first: it takes the second half of a block before the first.
template <class F>
void generate_simple(const TensorView& out, const PhiloxKey& key, F f) {
  dispatch_all(out.dtype, "random", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const y = out.as<T>();
    parallel_for(out.size(), 1024, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const PhiloxBlock block = philox(key, static_cast<uint64_t>(i) << 20);
        const double u = uniform_double(block.word[2], block.word[3]) + 0x1p-54,
                     v = uniform_double(block.word[0], block.word[1]) + 0x1p-54;
        y[i] = static_cast<T>(static_cast<accumulator_t<T>>(f(u, v)));
      }
    });
  });
}
template <Kind K>
void kernel(const Params& p, const RunContext& r) {
  const double a = p.a, b = p.b;
  if (K == Kind::uniform)
    return generate_simple(r.out[0], r.context.random, [=](double u, double) { return a + (b - a) * (u - 0x1p-54); });
  if (K == Kind::normal)
    return generate_simple(r.out[0], r.context.random, [=](double u, double v) { return a + b * box_muller(u, v); });
  generate(r.out[0], r.context.random, [&](Draws& s, int64_t) { return draw(K, s, p.a, p.b); });
}
void infer(InferShape& c) { c.set_out(0, c.params<Params>().shape); }
void infer_type(InferType& c) { c.set_out(0, c.params<Params>().dtype); }
// _sample_*: one distribution per element of the parameter arrays, `shape` draws of each.
template <Kind K>
void kernel_each(const Params& p, const RunContext& r) {
  const int64_t each = p.shape.ndim() ? p.shape.size() : 1;
  auto value = [&](size_t k, int64_t i) {
    if (k >= r.in.size()) return 1.0;
    return dispatch_all(r.in[k].dtype, "sample", [&](auto tag) {
      using T = typename decltype(tag)::type;
      return static_cast<double>(static_cast<accumulator_t<T>>(r.in[k].as<T>()[i]));
    });
  };
  generate(r.out[0], r.context.random,
           [&](Draws& s, int64_t i) { return draw(K, s, value(0, i / each), value(1, i / each)); });
}
void infer_each(InferShape& c) {
  for (int i = 1; i < c.num_inputs(); ++i) c.set_in(i, c.in[0]);
  if (!c.in[0].ndim_known()) return;
  Shape out = c.in[0];
  for (int64_t extent : c.params<Params>().shape) out.push_back(extent);
  c.set_out(0, out);
}
void infer_each_type(InferType& c) {
  for (int i = 1; i < c.num_inputs(); ++i) c.set_in(i, c.in[0]);
  c.set_out(0, c.params<Params>().dtype);
}

using Fn = void (*)(const Params&, const RunContext&);
struct Row {
  const char *name, *first, *second;  // distribution and its parameters; second may be empty
  const char* doc;
  double a, b, least;  // defaults and the least value of the parameters
  Fn plain, each;
};
#define MIXNET_ROW(stem, first, second, doc, a, b, least) \
  {#stem, first, second, doc, a, b, least, kernel<Kind::stem>, kernel_each<Kind::stem>}
const Row rows[] = {
    MIXNET_ROW(uniform, "low", "high", "Uniform in [low, high)", 0, 1, -1e300),
    MIXNET_ROW(normal, "loc", "scale", "Normal with mean loc and standard deviation scale", 0, 1, -1e300),
    MIXNET_ROW(gamma, "alpha", "beta", "Gamma with shape alpha and scale beta", 1, 1, 1e-300),
    MIXNET_ROW(exponential, "lam", "", "Exponential with rate lam", 1, 1, 1e-300),
    MIXNET_ROW(poisson, "lam", "", "Poisson with rate lam", 1, 1, 0),
    MIXNET_ROW(negative_binomial, "k", "p", "Failures before k successes of probability p", 1, 1, 0),
    MIXNET_ROW(generalized_negative_binomial, "mu", "alpha", "Negative binomial with mean mu and dispersion alpha", 1,
               1, 0),
    MIXNET_ROW(randint, "low", "high", "Whole numbers in [low, high)", 0, 1, -1e300),
};
#undef MIXNET_ROW

const char* sampled_name(const Row& row, bool second) {
  const std::string name = row.name;
  if (name == "normal") return second ? "sigma" : "mu";
  return second ? row.second : row.first;
}

void describe(OpBuilder<Params>& op, const Row& row, bool with_shape) {
  op.param(row.first, &Params::a).range(row.least).doc("First parameter of the distribution.");
  if (row.second[0]) op.param(row.second, &Params::b).doc("Second parameter of the distribution.");
  if (with_shape) {
    op.param("shape", &Params::shape).range(0).doc("The shape of the output.");
    op.param("ctx", &Params::ctx).doc("Accepted for MXNet's files; the call says where.");
    op.param("dtype", &Params::dtype).doc("The dtype of the output.");
  }
  const DType dtype = std::string(row.name) == "randint" ? DType::i32 : DType::f32;
  op.defaults([a = row.a, b = row.b, dtype](Params& p) {
    p.a = a;
    p.b = b;
    p.dtype = dtype;
  });
}

}  // namespace

void register_ops(Registry& registry) {
  for (const Row& row : rows) {
    const std::string name = row.name;
    const bool integer = name == "randint";
    OpBuilder<Params> op(registry, "_random_" + name);
    op.alias("random_" + name);
    if (name == "uniform") op.alias("uniform");
    if (name == "normal") op.alias("normal");
    describe(op, row, true);
    op.random().infer_shape(infer).infer_type(infer_type).kernel(row.plain).no_gradient("draws have no gradient");
    //[full
    op.doc(std::string(row.doc) + ".");
    op.sample({}, {{"shape", Shape{3, 4}}});
    //]
    if (integer) continue;
    OpBuilder<Params> like(registry, "_random_" + name + "_like");
    describe(like, row, false);
    like.input("data", "Gives shape and dtype.")
        .shape_only({0})
        .random()
        .kernel(row.plain)
        .no_gradient("draws have no gradient");
    OpBuilder<Params> each(registry, "_sample_" + name);
    each.alias("sample_" + name);
    each.input(sampled_name(row, false), "First parameters, any shape.");
    if (row.second[0]) each.input(sampled_name(row, true), "Second parameters, the same shape.");
    each.param("shape", &Params::shape).range(0).doc("Draws per distribution; one when empty.");
    each.param("dtype", &Params::dtype).doc("The dtype of the output.");
    each.random()
        .infer_shape(infer_each)
        .infer_type(infer_each_type)
        .kernel(row.each)
        .no_gradient("draws have no gradient");
    //[full
    like.doc(std::string(row.doc) + ", in the shape and dtype of data.");
    like.sample({{2, 3}});
    like.sample({{1}});
    like.sample({{0}});
    each.doc(std::string(row.doc) +
             ", one distribution per element of the inputs. Output: their shape with `shape` added.");
    for (const Shape& shape : {Shape{2}, Shape{1}, Shape{0}}) {
      std::vector<Shape> inputs{shape};
      if (row.second[0]) inputs.push_back(shape);
      each.sample(inputs, {{"shape", Shape{3}}}).range(0.2, 0.8);
    }
    //]
  }
}

}  // namespace mixnet::op::sample
