// _contrib_Proposal and _contrib_MultiProposal (Ren et al., 2015): regions worth a look, from a region proposal network's scores and offsets.
//
// Cost per image: sorting the anchors, then kept boxes times candidates.
#include <cmath>

#include "op/contrib/boxes.h"

namespace mixnet::op::proposal {
namespace {

struct Params {
  int64_t rpn_pre_nms_top_n = 6000, rpn_post_nms_top_n = 300, rpn_min_size = 16, feature_stride = 16;
  double threshold = 0.7;
  std::vector<double> scales{4, 8, 16, 32}, ratios{0.5, 1, 2};
  bool output_score = false, iou_loss = false;
  int64_t anchors() const { return static_cast<int64_t>(scales.size() * ratios.size()); }
};

// Areas are counted in pixels here: a box from 0 to 0 is one pixel.
template <class T>
T pixel_overlap(const Box<T>& a, const Box<T>& b) {
  const T w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1) + 1, h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1) + 1;
  if (!(w > 0 && h > 0)) return T(0);
  return w * h / ((a.width() + 1) * (a.height() + 1) + (b.width() + 1) * (b.height() + 1) - w * h);
}

// The anchor of a ratio and a scale at the first pixel; extents are rounded to pixels before they are scaled.
template <class T>
Box<T> base_anchor(const Params& p, int64_t a) {
  const int64_t n = static_cast<int64_t>(p.scales.size());
  const double ratio = p.ratios[static_cast<size_t>(a / n)], scale = p.scales[static_cast<size_t>(a % n)];
  const double side = static_cast<double>(p.feature_stride), centre = 0.5 * (side - 1);
  const double w = std::floor(std::sqrt(std::floor(side * side / ratio)) + 0.5), h = std::floor(w * ratio + 0.5);
  const double x = 0.5 * (w * scale - 1), y = 0.5 * (h * scale - 1);
  return {static_cast<T>(centre - x), static_cast<T>(centre - y), static_cast<T>(centre + x),
          static_cast<T>(centre + y)};
}

template <class T>
Box<T> moved(const Params& p, const Box<T>& a, const T* delta, int64_t step) {
  const T dx = delta[0], dy = delta[step], dw = delta[2 * step], dh = delta[3 * step];
  if (p.iou_loss) return {a.x1 + dx, a.y1 + dy, a.x2 + dw, a.y2 + dh};
  const T w = a.width() + 1, h = a.height() + 1;
  const T x = dx * w + a.x1 + T(0.5) * (w - 1), y = dy * h + a.y1 + T(0.5) * (h - 1);
  const T half_w = T(0.5) * (std::exp(dw) * w - 1), half_h = T(0.5) * (std::exp(dh) * h - 1);
  return {x - half_w, y - half_h, x + half_w, y + half_h};
}

template <class T>
struct Image {
  const Params& p;
  const T *scores, *deltas, *info;  // of this image; info: height, width, scale
  int64_t height, width;
  Box<T>* boxes;
  T* score;
  int64_t* order;
  int64_t count() const { return height * width * p.anchors(); }

  // Number k is anchor k % anchors of pixel k / anchors.
  void place() {
    const int64_t anchors = p.anchors(), area = height * width;
    const T stride = static_cast<T>(p.feature_stride), least = static_cast<T>(p.rpn_min_size) * info[2];
    const T rows = std::trunc(info[0] / stride), columns = std::trunc(info[1] / stride);
    auto inside = [](T v, T extent) { return std::max(T(0), std::min(v, extent - 1)); };
    for (int64_t a = 0; a < anchors; ++a) {
      const Box<T> base = base_anchor<T>(p, a);
      for (int64_t at = 0; at < area; ++at) {
        const T x = static_cast<T>(at % width) * stride, y = static_cast<T>(at / width) * stride;
        const Box<T> b =
            moved(p, {base.x1 + x, base.y1 + y, base.x2 + x, base.y2 + y}, deltas + a * 4 * area + at, area);
        Box<T>& box = boxes[at * anchors + a];
        box = {inside(b.x1, info[1]), inside(b.y1, info[0]), inside(b.x2, info[1]), inside(b.y2, info[0])};
        T& s = score[at * anchors + a];
        s = scores[(anchors + a) * area + at];
        if (static_cast<T>(at / width) >= rows || static_cast<T>(at % width) >= columns) s = T(-1);
        if (box.width() + 1 >= least && box.height() + 1 >= least) continue;
        box = {box.x1 - least / 2, box.y1 - least / 2, box.x2 + least / 2, box.y2 + least / 2};
        s = T(-1);
      }
    }
  }
  // The first of `order` are then the boxes that stay; returns their number.
  int64_t choose() {
    const int64_t n = count(), best = p.rpn_pre_nms_top_n > 0 ? std::min(n, p.rpn_pre_nms_top_n) : n;
    for (int64_t i = 0; i < n; ++i) order[i] = i;
    std::partial_sort(order, order + best, order + n,
                      [&](int64_t i, int64_t j) { return scores_before(score[i], i, score[j], j); });
    int64_t kept = 0;
    for (int64_t k = 0; k < best && kept < p.rpn_post_nms_top_n; ++k) {
      bool stays = true;
      for (int64_t j = 0; stays && j < kept; ++j)
        stays = !(pixel_overlap(boxes[order[j]], boxes[order[k]]) > static_cast<T>(p.threshold));
      if (stays) std::swap(order[kept++], order[k]);
    }
    return kept;
  }
  // Where too few stay they are written again from the first.
  void write(int64_t n, T* regions, T* out_score) const {
    const int64_t kept = n;
    for (int64_t i = 0; i < p.rpn_post_nms_top_n; ++i) {
      const int64_t k = kept > 0 ? order[i % kept] : -1;
      const Box<T> b = k < 0 ? Box<T>{0, 0, 0, 0} : boxes[k];
      T* row = regions + i * 5;
      row[1] = b.x1;
      row[2] = b.y1;
      row[3] = b.x2;
      row[4] = b.y2;
      if (out_score) out_score[i] = k < 0 ? T(0) : score[k];
    }
  }
};

template <class T>
size_t scratch(int64_t count) {
  return static_cast<size_t>(count) * (8 + sizeof(Box<T>) + sizeof(T));
}

void forward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "Proposal", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& s = r.in[0].shape;
    const int64_t count = p.anchors() * s[2] * s[3], rows = p.rpn_post_nms_top_n;
    const size_t each = (scratch<T>(count) + 63) / 64 * 64;
    parallel_for(s[0], 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) {
        int64_t* order =
            reinterpret_cast<int64_t*>(static_cast<char*>(r.context.workspace) + static_cast<size_t>(n) * each);
        Box<T>* boxes = reinterpret_cast<Box<T>*>(order + count);
        Image<T> image{p,
                       r.in[0].as<T>() + n * count * 2,
                       r.in[1].as<T>() + n * count * 4,
                       r.in[2].as<T>() + n * 3,
                       s[2],
                       s[3],
                       boxes,
                       reinterpret_cast<T*>(boxes + count),
                       order};
        image.place();
        T* regions = r.out[0].as<T>() + n * rows * 5;
        image.write(image.choose(), regions, r.out[1].data ? r.out[1].as<T>() + n * rows : nullptr);
        for (int64_t i = 0; i < rows; ++i) regions[i * 5] = static_cast<T>(n);
      }
    });
  });
}
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  const Shape& s = c.inputs[0].shape;
  const int64_t count = c.params<Params>().anchors() * s[2] * s[3];
  const size_t each = c.inputs[0].dtype == DType::f64 ? scratch<double>(count) : scratch<float>(count);
  return std::make_unique<WideKernel<Params>>(c, forward, static_cast<size_t>(s[0]) * ((each + 63) / 64 * 64));
}

template <bool Multi>
void infer(InferShape& c) {
  const Params& p = c.params<Params>();
  c.expect_ndim(0, 4, 4);
  c.expect_ndim(1, 4, 4);
  c.expect_ndim(2, 2, 2);
  for (int i = 0; i < 2; ++i) {
    const size_t other = static_cast<size_t>(1 - i);
    const Shape& s = c.in[other].ndim_known() ? c.in[other] : c.in[static_cast<size_t>(i)];
    if (!s.ndim_known()) continue;
    c.set_in(i, Shape{s[0], p.anchors() * (i == 0 ? 2 : 4), s[2], s[3]});
  }
  const int64_t n = c.in[0].ndim_known() ? c.in[0][0] : Multi ? -1 : 1;
  if (!Multi && n > 1)
    c.fail(Code::shape, concat("cls_prob: expected one image, got ", c.in[0], "; use MultiProposal"));
  c.set_in(2, Shape{n, 3});
  c.set_out(0, Shape{n < 0 ? -1 : n * p.rpn_post_nms_top_n, 5});
  c.set_out(1, Shape{n < 0 ? -1 : n * p.rpn_post_nms_top_n, 1});
}
int visible(const Params& p) { return p.output_score ? 2 : 1; }
void check(const Params& p) {
  MIXNET_CHECK(!p.scales.empty() && !p.ratios.empty(), invalid, "scales and ratios: expected at least one number each");
  for (double v : p.ratios) MIXNET_CHECK(v > 0, invalid, "ratios: expected numbers above 0, got ", v);
}

void describe(OpBuilder<Params>& op) {
  op.param("rpn_pre_nms_top_n", &Params::rpn_pre_nms_top_n).doc("So many of the best boxes are looked at; 0: all.");
  op.param("rpn_post_nms_top_n", &Params::rpn_post_nms_top_n)
      .range(0, 1 << 24)
      .doc("Regions per image; where fewer are found they are repeated.");
  op.param("threshold", &Params::threshold).doc("Boxes that overlap a better one by more than this go.");
  op.param("rpn_min_size", &Params::rpn_min_size).doc("Smaller boxes, in pixels before im_info's scale, come last.");
  op.param("scales", &Params::scales).doc("Sizes of anchors, as multiples of feature_stride.");
  op.param("ratios", &Params::ratios).doc("Height over width of anchors.");
  op.param("feature_stride", &Params::feature_stride)
      .range(1, 1 << 24)
      .doc("Pixels of the image per pixel of the map.");
  op.param("output_score", &Params::output_score).doc("Shows the scores as a second output.");
  op.param("iou_loss", &Params::iou_loss).doc("Offsets are distances of the corners.");
  op.check(check);
  op.input("cls_prob", "(N, 2 A, H, W), float: background's probabilities, then the object's, for A anchors.")
      .input("bbox_pred", "(N, 4 A, H, W): offsets.")
      .input("im_info", "(N, 3): the image's height, width and scale.");
  op.outputs({"output", "score"}).visible_outputs(visible).optional_outputs().prepare(prepare).zero_gradient();
}

//[full
void document(OpBuilder<Params>& op, int64_t most) {
  op.doc(
      "Regions of images from a region proposal network: anchors moved by their offsets, cut off at the borders, "
      "without "
      "those that overlap a better one. (N rpn_post_nms_top_n, 5): image, x1, y1, x2, y2. No gradient flows.");
  const std::vector<double> one{2}, three{0.5, 1, 2};
  op.sample(
        {{most, 6, 2, 3}, {most, 12, 2, 3}, {most, 3}},
        {{"scales", one}, {"ratios", three}, {"rpn_post_nms_top_n", 4}, {"output_score", true}, {"rpn_min_size", 4}})
      .range(20, 40);
  op.sample({{1, 4, 2, 2}, {1, 8, 2, 2}, {1, 3}}, {{"scales", std::vector<double>{1, 2}},
                                                   {"ratios", std::vector<double>{1}},
                                                   {"rpn_post_nms_top_n", 3},
                                                   {"iou_loss", true},
                                                   {"rpn_pre_nms_top_n", 5}})
      .range(1, 40);
  op.sample({{1, 2, 1, 1}, {1, 4, 1, 1}, {1, 3}},
            {{"scales", one}, {"ratios", std::vector<double>{1}}, {"rpn_post_nms_top_n", 2}})
      .range(0, 1);
  op.sample({{1, 2, 0, 2}, {1, 4, 0, 2}, {1, 3}},
            {{"scales", one}, {"ratios", std::vector<double>{1}}, {"rpn_post_nms_top_n", 2}});
}
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> one(registry, "_contrib_Proposal"), many(registry, "_contrib_MultiProposal");
  describe(one);
  describe(many);
  one.infer_shape(infer<false>);
  many.infer_shape(infer<true>);
  //[full
  document(one, 1);
  document(many, 2);
  //]
}

}  // namespace mixnet::op::proposal
