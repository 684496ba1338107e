// The forward of SpatialTransformer, for any place.
#pragma once
#include "op/image/sampling.h"

namespace mixnet::op::spatial_transformer {

enum class Transform { affine };
enum class Sampler { bilinear };
struct Params {
  Shape target_shape{0, 0};
  Transform transform = Transform::affine;
  Sampler sampler = Sampler::bilinear;
  std::optional<bool> cudnn_off;
};

// The grid is a hidden output, which backward reads.
template <class Place>
void forward(const Params&, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "SpatialTransformer", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& o = r.out[0].shape;
    T* grid = r.out[1].as<T>();
    affine_grid<Place>(r, r.in[1].as<T>(), o[0], o[2], o[3], grid);
    sample_bilinear<Place>(r, r.in[0], grid, r.out[0]);
  });
}

}  // namespace mixnet::op::spatial_transformer
