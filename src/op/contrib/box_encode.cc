// _contrib_box_encode and _contrib_box_decode: boxes as offsets from anchors, for training and for reading a network's output.
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::box_encode {
namespace {

void encode(const NoParams&, const RunContext& r) {
  dispatch_wide(r.in[2].dtype, "box_encode", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].shape[1], refs = r.in[3].shape[1];
    const bool shared = r.in[2].shape[0] == 1;
    const T *mean = r.in[4].as<T>(), *std = r.in[5].as<T>();
    parallel_for(r.in[0].size(), 1024, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        T *target = r.out[0].as<T>() + k * 4, *mask = r.out[1].as<T>() + k * 4;
        const T match = r.in[1].as<T>()[k];
        const bool positive = r.in[0].as<T>()[k] > T(0.5) && refs > 0;
        std::fill_n(target, 4, T(0));
        std::fill_n(mask, 4, positive ? T(1) : T(0));
        if (!positive) continue;
        const int64_t j = match > 0 ? static_cast<int64_t>(std::min(match, static_cast<T>(refs - 1))) : 0;
        T ref[4], anchor[4];
        store_box(load_box(r.in[3].as<T>() + (k / n * refs + j) * 4, BoxFormat::corner), BoxFormat::center, ref);
        store_box(load_box(r.in[2].as<T>() + (shared ? k % n : k) * 4, BoxFormat::corner), BoxFormat::center, anchor);
        for (int i = 0; i < 4; ++i) {
          const T raw = i < 2 ? (ref[i] - anchor[i]) / anchor[i + 2] : std::log(ref[i] / anchor[i]);
          target[i] = (raw - mean[i]) / std[i];
        }
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_encode(const PrepareContext& c) {
  return std::make_unique<WideKernel<NoParams>>(c, encode, 0);
}
void infer_encode(InferShape& c) {
  for (int i : {0, 1}) c.expect_ndim(i, 2, 2);
  for (int i : {2, 3}) c.expect_ndim(i, 3, 3);
  c.set_in(0, c.in[1]);
  c.set_in(1, c.in[0]);
  const Shape pairs = c.in[0].ndim_known() ? c.in[0] : Shape{-1, -1};
  c.set_in(2, Shape{-1, pairs[1], 4});
  c.set_in(3, Shape{pairs[0], -1, 4});
  const int64_t anchors = c.in[2][0];
  if (anchors > 1 && pairs[0] >= 0 && anchors != pairs[0])
    c.fail(Code::shape, concat("anchors: expected 1 or ", pairs[0], " times anchors, got ", c.in[2]));
  for (int i : {0, 1}) {
    c.set_in(i, Shape{c.in[3][0], c.in[2][1]});
    c.set_out(i, Shape{c.in[3][0], c.in[2][1], 4});
  }
  for (int i : {4, 5}) c.set_in(i, Shape{4});
}

struct Params {
  double std0 = 1, std1 = 1, std2 = 1, std3 = 1, clip = -1;
  BoxFormat format = BoxFormat::center;
};

void decode(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "box_decode", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T std[4] = {static_cast<T>(p.std0), static_cast<T>(p.std1), static_cast<T>(p.std2), static_cast<T>(p.std3)};
    const int64_t n = r.in[0].shape[1];
    parallel_for(r.in[0].size() / 4, 1024, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) {
        const T* x = r.in[0].as<T>() + k * 4;
        T a[4], box[4];
        store_box(load_box(r.in[1].as<T>() + k % n * 4, p.format), BoxFormat::center, a);
        for (int i = 0; i < 2; ++i) {
          T size = x[i + 2] * std[i + 2];
          if (p.clip > 0) size = std::min(size, static_cast<T>(p.clip));
          box[i] = x[i] * std[i] * a[i + 2] + a[i];
          box[i + 2] = std::exp(size) * a[i + 2];
        }
        store_box(load_box(box, BoxFormat::center), BoxFormat::corner, r.out[0].as<T>() + k * 4);
      }
    });
  });
}
std::unique_ptr<Kernel> prepare_decode(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, decode, 0);
}
void infer_decode(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.expect_ndim(1, 3, 3);
  c.set_in(0, c.out[0]);
  c.set_in(0, Shape{-1, -1, 4});
  c.set_in(1, Shape{1, c.in[0][1], 4});
  c.set_in(0, Shape{-1, c.in[1][1], 4});
  c.set_out(0, c.in[0]);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> to(registry, "_contrib_box_encode");
  to.input("samples", "(B, N): above 0.5 where an anchor has a box.").input("matches", "(B, N): which, clipped.");
  to.input("anchors", "(B, N, 4) or (1, N, 4), corners.").input("refs", "(B, M, 4), corners: the boxes.");
  to.input("means", "(4,): taken off the offsets.").input("stds", "(4,): which they are divided by.");
  to.outputs({"output0", "output1"}).infer_shape(infer_encode).prepare(prepare_encode).zero_gradient();
  OpBuilder<Params> from(registry, "_contrib_box_decode");
  from.param("std0", &Params::std0).doc("Multiplies the offset of x.");
  from.param("std1", &Params::std1).doc("Multiplies the offset of y.");
  from.param("std2", &Params::std2).doc("Multiplies the logarithm of the width's factor.");
  from.param("std3", &Params::std3).doc("Multiplies the logarithm of the height's factor.");
  from.param("clip", &Params::clip).doc("Above 0: limits those logarithms.");
  from.param("format", &Params::format, box_formats()).doc("How anchors have boxes.");
  from.input("data", "(B, N, 4), float: offsets.").input("anchors", "(1, N, 4): boxes.");
  from.infer_shape(infer_decode).prepare(prepare_decode).zero_gradient();
  //[full
  to.doc(
      "Offsets of boxes from anchors, for training, (B, N, 4), and 1 where there is a box, (B, N, 4): the distance of "
      "centres in sizes of the anchor and the logarithms of the sizes' quotients, less means, over stds.");
  to.sample({{2, 3}, {2, 3}, {1, 3, 4}, {2, 2, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 2);
  to.sample({{2, 2}, {2, 2}, {2, 2, 4}, {2, 3, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 3);
  to.sample({{1, 1}, {1, 1}, {1, 1, 4}, {1, 2, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 2);
  to.sample({{1, 2}, {1, 2}, {1, 2, 4}, {1, 0, 4}, {4}, {4}}).range(0.1, 1).integers({0, 1}, 2);
  from.doc(
      "Boxes from their offsets to anchors, (B, N, 4), corners: what box_encode does, backwards. No gradient flows.");
  from.sample({{2, 3, 4}, {1, 3, 4}}, {{"std0", 0.1}, {"std2", 0.2}});
  from.sample({{1, 2, 4}, {1, 2, 4}}, {{"std1", 0.1}, {"std3", 0.2}, {"format", "corner"}, {"clip", 0.1}});
  from.sample({{1, 0, 4}, {1, 0, 4}});
  //]
}

}  // namespace mixnet::op::box_encode
