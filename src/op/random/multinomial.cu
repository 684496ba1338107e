// _sample_multinomial on GPUs.
#include "op/random/multinomial.h"

#include <cmath>

#include "op/core/gpu/any.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::multinomial {
namespace {

struct Plus {
  MIXNET_ON_DEVICE double operator()(double a, double b) const { return a + b; }
};

// By inversion. The class at which the sum of probabilities passes is found by halving what it may be, each half summed by all members.
template <class T>
struct Draw {
  const T* weights;
  int64_t classes, count;
  PhiloxKey key;
  gpu::Any out;
  T* log;  // or null
  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t i, const Group& group) const {
    const PhiloxBlock block = philox(key, static_cast<uint64_t>(i));
    const T* w = weights + i / count * classes;
    const double target = uniform_double(block.word[0], block.word[1]) * sum(w, 0, classes, group);
    double before = 0;
    int64_t first = 0, last = classes;
    while (last - first > 1) {
      const int64_t middle = first + (last - first) / 2;
      const double passed = before + sum(w, first, middle, group);
      if (passed > target) {
        last = middle;
      } else {
        first = middle;
        before = passed;
      }
    }
    if (group.rank() > 0) return;
    out.set(i, static_cast<double>(first));
    if (log) log[i] = static_cast<T>(std::log(static_cast<accumulator_t<T>>(w[first])));
  }
  template <class Group>
  MIXNET_ON_DEVICE static double sum(const T* w, int64_t first, int64_t last, const Group& group) {
    double mine = 0;
    for (int64_t k = first + group.rank(); k < last; k += group.size()) mine += static_cast<double>(w[k]);
    return group.reduce(mine, Plus());
  }
};
void forward(const Params& p, const RunContext& r) {
  const int64_t classes = r.in[0].shape.back();
  dispatch_float(r.in[0].dtype, "sample_multinomial", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::for_each_row(*r.context.stream, r.out[0].size(), classes,
                      Draw<T>{r.in[0].as<T>(), classes, each(p), r.context.random, gpu::Any(r.out[0]),
                              p.get_prob ? r.out[1].as<T>() : nullptr});
  });
}

// Every class collects the draws that took it.
template <class T>
struct Collect {
  const T *dy, *weights;
  gpu::Any drawn;
  int64_t classes, count;
  T* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    using A = accumulator_t<T>;
    const int64_t which = i / classes, k = i - which * classes;
    A sum = 0;
    for (int64_t d = which * count; d < (which + 1) * count; ++d)
      if (static_cast<int64_t>(drawn.get(d)) == k) sum += static_cast<A>(dy[d]) / static_cast<A>(weights[i]);
    dx[i] = static_cast<T>(sum);
  }
};
void backward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[1].dtype, "sample_multinomial", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, r.out[0].size(),
             Collect<T>{r.in[0].as<T>(), r.in[1].as<T>(), gpu::Any(r.in[2]), r.in[1].shape.back(), each(p),
                        r.out[0].as<T>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::kernel<Params>(registry, "_sample_multinomial", forward);
  gpu::kernel<Params>(registry, "_backward_sample_multinomial", backward);
}

}  // namespace mixnet::op::multinomial
