// Densities of samples on GPUs; see pdf.cc.
#include "op/random/pdf.h"

#include "op/core/gpu/any.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::pdf {
namespace {

// `each` samples of a distribution follow each other.
template <Kind K>
struct Forward {
  gpu::Any sample, first, second, out;
  int64_t each;
  bool is_log;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const double b = second ? second.get(i / each) : 1;
    out.set(i, value(K, density(K, sample.get(i), first.get(i / each), b), is_log));
  }
};
template <Kind K>
void forward(const Params& p, const RunContext& r) {
  const int64_t each = r.in[1].size() ? r.in[0].size() / r.in[1].size() : 1;
  gpu::map(*r.context.stream, r.in[0].size(),
           Forward<K>{gpu::Any(r.in[0]), gpu::Any(r.in[1]), r.in.size() > 2 ? gpu::Any(r.in[2]) : gpu::Any(),
                      gpu::Any(r.out[0]), each, p.is_log});
}

struct Pair {
  double first, second;
};
struct PairSum {
  MIXNET_ON_DEVICE Pair operator()(Pair a, Pair b) const { return {a.first + b.first, a.second + b.second}; }
};
template <Kind K>
struct Backward {
  gpu::Any dy, sample, first, second, dsample, dfirst, dsecond;
  int64_t each;
  bool is_log;
  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t k, const Group& group) const {
    const double a = first.get(k), b = second ? second.get(k) : 1;
    Pair mine{0, 0};
    for (int64_t i = k * each + group.rank(); i < (k + 1) * each; i += group.size()) {
      const Density d = density(K, sample.get(i), a, b);
      const double by = dy.get(i) * (is_log ? 1 : value(K, d, false));
      dsample.set(i, by * d.of_sample);
      mine.first += by * d.of_first;
      mine.second += by * d.of_second;
    }
    const Pair all = group.reduce(mine, PairSum());
    if (group.rank() > 0) return;
    dfirst.set(k, all.first);
    if (dsecond) dsecond.set(k, all.second);
  }
};
template <Kind K>
void backward(const Params& p, const RunContext& r) {
  const int64_t n = r.in[2].size(), each = n ? r.in[1].size() / n : 1;
  const bool two = r.in.size() > 3;
  gpu::for_each_row(
      *r.context.stream, n, each,
      Backward<K>{gpu::Any(r.in[0]), gpu::Any(r.in[1]), gpu::Any(r.in[2]), two ? gpu::Any(r.in[3]) : gpu::Any(),
                  gpu::Any(r.out[0]), gpu::Any(r.out[1]), two ? gpu::Any(r.out[2]) : gpu::Any(), each, p.is_log});
}

template <Kind K>
void add(Registry& registry, const std::string& name) {
  gpu::kernel<Params>(registry, "_random_pdf_" + name, forward<K>);
  gpu::kernel<Params>(registry, "_backward_pdf_" + name, backward<K>);
}

}  // namespace

void register_gpu(Registry& registry) {
  add<Kind::uniform>(registry, "uniform");
  add<Kind::normal>(registry, "normal");
  add<Kind::gamma>(registry, "gamma");
  add<Kind::exponential>(registry, "exponential");
  add<Kind::poisson>(registry, "poisson");
  add<Kind::negative_binomial>(registry, "negative_binomial");
  add<Kind::generalized_negative_binomial>(registry, "generalized_negative_binomial");
}

}  // namespace mixnet::op::pdf
