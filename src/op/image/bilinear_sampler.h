// The forward of BilinearSampler, for any place.
#pragma once
#include "op/image/sampling.h"

namespace mixnet::op::bilinear_sampler {

struct Params {
  std::optional<bool> cudnn_off;
};

template <class Place>
void forward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "BilinearSampler", [&](auto tag) {
    using T = typename decltype(tag)::type;
    sample_bilinear<Place>(r, r.in[0], r.in[1].as<T>(), r.out[0]);
  });
}

}  // namespace mixnet::op::bilinear_sampler
