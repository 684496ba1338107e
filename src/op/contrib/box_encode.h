// _contrib_box_encode and _contrib_box_decode, for any place.
#pragma once
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::box_encode {

// One anchor of one image.
template <class T>
struct EncodeAnchor {
  const T *samples, *matches, *anchors, *refs, *mean, *deviation;
  T *targets, *masks;
  int64_t count, boxes;
  bool shared;  // the anchors, by all images
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    T *target = targets + k * 4, *mask = masks + k * 4;
    const T match = matches[k];
    const bool positive = samples[k] > T(0.5) && boxes > 0;
    for (int i = 0; i < 4; ++i) {
      target[i] = T(0);
      mask[i] = positive ? T(1) : T(0);
    }
    if (!positive) return;
    const int64_t j = match > 0 ? static_cast<int64_t>(std::min(match, static_cast<T>(boxes - 1))) : 0;
    T ref[4], anchor[4];
    store_box(load_box(refs + (k / count * boxes + j) * 4, BoxFormat::corner), BoxFormat::center, ref);
    store_box(load_box(anchors + (shared ? k % count : k) * 4, BoxFormat::corner), BoxFormat::center, anchor);
    for (int i = 0; i < 4; ++i) {
      const T raw = i < 2 ? (ref[i] - anchor[i]) / anchor[i + 2] : std::log(ref[i] / anchor[i]);
      target[i] = (raw - mean[i]) / deviation[i];
    }
  }
};

template <class Place>
void encode(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[2].dtype, "box_encode", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto in = [&r](size_t i) { return r.in[i].as<T>(); };
    Place::each(r, r.in[0].size(), 1024,
                EncodeAnchor<T>{in(0), in(1), in(2), in(3), in(4), in(5), r.out[0].as<T>(), r.out[1].as<T>(),
                                r.in[0].shape[1], r.in[3].shape[1], r.in[2].shape[0] == 1});
  });
}

struct Params {
  double std0 = 1, std1 = 1, std2 = 1, std3 = 1, clip = -1;
  BoxFormat format = BoxFormat::center;
};

// One box.
template <class T>
struct DecodeBox {
  const T *offsets, *anchors;
  T* y;
  int64_t count;
  T factor[4], clip;
  BoxFormat format;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    const T* x = offsets + k * 4;
    T a[4], box[4];
    store_box(load_box(anchors + k % count * 4, format), BoxFormat::center, a);
    for (int i = 0; i < 2; ++i) {
      T size = x[i + 2] * factor[i + 2];
      if (clip > 0) size = std::min(size, clip);
      box[i] = x[i] * factor[i] * a[i + 2] + a[i];
      box[i + 2] = std::exp(size) * a[i + 2];
    }
    store_box(load_box(box, BoxFormat::center), BoxFormat::corner, y + k * 4);
  }
};

template <class Place>
void decode(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_decode", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto t = [](double v) { return static_cast<T>(v); };
    Place::each(r, r.in[0].size() / 4, 1024,
                DecodeBox<T>{r.in[0].as<T>(),
                             r.in[1].as<T>(),
                             r.out[0].as<T>(),
                             r.in[0].shape[1],
                             {t(p.std0), t(p.std1), t(p.std2), t(p.std3)},
                             t(p.clip),
                             p.format});
  });
}

}  // namespace mixnet::op::box_encode
