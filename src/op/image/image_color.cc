// Colours of images, channels last: _image_random_brightness, _contrast, _saturation, _hue, _color_jitter, _lighting and
// _image_adjust_lighting, for training on varied data.
#include <cmath>

#include "op/core/builder.h"

namespace mixnet::op::image_color {
namespace {

enum class Change { brightness, contrast, saturation, hue };

struct Params {
  double min_factor = 0, max_factor = 0;                         // one change
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;  // all of them
  double alpha_std = 0.05;
  std::vector<double> alpha;
};

// Whole numbers are truncated and kept within their range.
template <class T>
T stored(float v) {
  if constexpr (std::is_same<T, uint8_t>::value) return static_cast<uint8_t>(std::min(255.0f, std::max(0.0f, v)));
  else return static_cast<T>(static_cast<accumulator_t<T>>(v));
}

template <class T>
float gray(const T* x) {
  return 0.299f * static_cast<float>(x[0]) + 0.587f * static_cast<float>(x[1]) + 0.114f * static_cast<float>(x[2]);
}

// Turns the hue by shares of a circle; the largest and the smallest channel of a pixel stay what they are.
template <class T>
void turn_hue(double turns, const T* x, T* y) {
  const float r = static_cast<float>(x[0]), g = static_cast<float>(x[1]), b = static_cast<float>(x[2]);
  const float top = std::max(r, std::max(g, b)), low = std::min(r, std::min(g, b)), range = top - low;
  float angle = 0;
  if (range > 0) angle = top == r ? (g - b) / range : top == g ? 2 + (b - r) / range : 4 + (r - g) / range;
  const double sixths = static_cast<double>(angle) + 6 * (turns - std::floor(turns));
  for (int c = 0; c < 3; ++c) {
    const double at = std::fmod(sixths + 14 - 2 * c, 6);
    const double share = at < 1 ? at : at < 3 ? 1 : at < 4 ? 4 - at : 0;
    y[c] = stored<T>(low + range * static_cast<float>(share));
  }
}

template <class T>
void change(Change what, double factor, const T* x, T* y, int64_t pixels, int64_t channels) {
  const float a = static_cast<float>(factor);
  double mean = 0;
  if (what == Change::contrast) {
    for (int64_t i = 0; i < pixels; ++i)
      mean += static_cast<double>(channels == 3 ? gray(x + i * 3) : static_cast<float>(x[i]));
    mean /= static_cast<double>(std::max<int64_t>(1, pixels));
  }
  parallel_for(pixels, 4096, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const T* from = x + i * channels;
      T* to = y + i * channels;
      if (what == Change::hue && channels == 3) {
        turn_hue(factor, from, to);
        continue;
      }
      float rest = 0;
      if (what == Change::contrast) rest = (1 - a) * static_cast<float>(mean);
      if (what == Change::saturation && channels == 3) rest = (1 - a) * gray(from);
      const bool plain = channels == 1 && (what == Change::saturation || what == Change::hue);
      for (int64_t c = 0; c < channels; ++c)
        to[c] = plain ? from[c] : stored<T>(a * static_cast<float>(from[c]) + rest);
    }
  });
}

double draw(const RunContext& r, uint64_t i) {
  const PhiloxBlock block = philox(r.context.random, i);
  return uniform_double(block.word[0], block.word[1]);
}
double between(const RunContext& r, uint64_t i, double low, double high) { return low + (high - low) * draw(r, i); }

// f(type tag) for the dtypes images have.
template <class F>
void dispatch_image(DType dtype, F f) {
  if (dtype == DType::u8) return f(TypeTag<uint8_t>{});
  dispatch_float(dtype, "image", f);
}

template <Change What>
void random_change(const Params& p, const RunContext& r) {
  dispatch_image(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t channels = r.in[0].shape.back();
    if (r.out[0].size() == 0) return;
    change(What, between(r, 0, p.min_factor, p.max_factor), r.in[0].as<T>(), r.out[0].as<T>(),
           r.in[0].size() / channels, channels);
  });
}

// All changes that are asked for, in random order.
void jitter(const Params& p, const RunContext& r) {
  dispatch_image(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t channels = r.in[0].shape.back();
    if (r.out[0].size() == 0) return;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    const double amounts[4] = {p.brightness, p.contrast, p.saturation, p.hue};
    int order[4] = {0, 1, 2, 3};
    for (uint64_t i = 3; i > 0; --i)
      std::swap(order[i], order[static_cast<size_t>(draw(r, i) * static_cast<double>(i + 1))]);
    for (int i : order) {
      if (!(amounts[i] > 0)) continue;
      const double centre = i == 3 ? 0 : 1;
      change(static_cast<Change>(i), between(r, 8 + static_cast<uint64_t>(i), centre - amounts[i], centre + amounts[i]),
             x, y, r.in[0].size() / channels, channels);
      x = y;
    }
    if (x != y) std::copy_n(x, r.out[0].size(), y);
  });
}

// Adds multiples of the principal components of ImageNet's colours (Krizhevsky et al., 2012).
void light(const double (&alpha)[3], const RunContext& r) {
  constexpr double value[3] = {55.46, 4.794, 1.148};
  constexpr double vector[3][3] = {{-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  float shift[3] = {0, 0, 0};
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 3; ++i) shift[c] += static_cast<float>(alpha[i] * value[i] * vector[c][i]);
  dispatch_image(r.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool colour = r.in[0].shape.back() == 3;
    for (int64_t i = 0; i < r.out[0].size(); ++i) {
      const T v = r.in[0].as<T>()[i];
      r.out[0].as<T>()[i] = colour ? stored<T>(static_cast<float>(v) + shift[i % 3]) : v;
    }
  });
}
void adjust_lighting(const Params& p, const RunContext& r) { light({p.alpha[0], p.alpha[1], p.alpha[2]}, r); }
void random_lighting(const Params& p, const RunContext& r) {
  double alpha[3];
  for (uint64_t i = 0; i < 3; ++i) {
    const double u = 1 - draw(r, 2 * i);
    alpha[i] = p.alpha_std * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * draw(r, 2 * i + 1));
  }
  light(alpha, r);
}

void infer(InferShape& c) {
  c.expect_ndim(0, 3, 3);
  c.all_same();
  const Shape& s = c.in[0];
  if (s.ndim_known() && s[2] >= 0 && s[2] != 1 && s[2] != 3)
    c.fail(Code::shape, concat("data: expected 1 or 3 channels, got ", s));
}
void infer_type(InferType& c) {
  c.all_same();
  if (c.in[0] != DType::u8) c.expect_float(0);
}

OpBuilder<Params> add(Registry& registry, const std::string& name, void (*kernel)(const Params&, const RunContext&)) {
  OpBuilder<Params> op(registry, "_image_" + name);
  op.input("data", "(H, W, C) with 1 or 3 channels, uint8 or float.").infer_shape(infer).infer_type(infer_type);
  op.kernel(kernel).no_gradient("varies data; nothing is trained through it");
  return op;
}
//[full
void add_samples(OpBuilder<Params>& op, const Attributes& attributes) {
  op.sample({{3, 4, 3}}, attributes).range(0, 1);
  op.sample({{2, 3, 1}}, attributes).range(0, 1);
  op.sample({{1, 1, 1}}, attributes).range(0, 1);
  op.sample({{0, 2, 3}}, attributes);
}
//]

}  // namespace

void register_ops(Registry& registry) {
  struct Row {
    const char *name, *doc;
    void (*kernel)(const Params&, const RunContext&);
  };
  const Row rows[] = {
      {"brightness", "Multiplies an image by a random factor.", random_change<Change::brightness>},
      {"contrast", "Moves an image away from its mean gray by a random factor.", random_change<Change::contrast>},
      {"saturation", "Moves pixels away from their gray by a random factor.", random_change<Change::saturation>},
      {"hue", "Turns the hue of an image by a random share of a circle.", random_change<Change::hue>}};
  for (const Row& row : rows) {
    OpBuilder<Params> op = add(registry, std::string("random_") + row.name, row.kernel);
    op.param("min_factor", &Params::min_factor).required().range(0).doc("The least factor.");
    op.param("max_factor", &Params::max_factor).required().range(0).doc("The largest factor.");
    op.random();
    //[full
    op.doc(std::string(row.doc) + " The factor is uniform between min_factor and max_factor.");
    add_samples(op, {{"min_factor", 0.5}, {"max_factor", 1.5}});
    //]
  }
  OpBuilder<Params> all = add(registry, "random_color_jitter", jitter);
  all.param("brightness", &Params::brightness).required().range(0).doc("The factor is within so much of 1.");
  all.param("contrast", &Params::contrast).required().range(0).doc("The factor is within so much of 1.");
  all.param("saturation", &Params::saturation).required().range(0).doc("The factor is within so much of 1.");
  all.param("hue", &Params::hue).required().range(0).doc("The turn is within so much of 0.");
  all.random();
  OpBuilder<Params> fixed = add(registry, "adjust_lighting", adjust_lighting);
  fixed.param("alpha", &Params::alpha).required().doc("Multiples of the three components.");
  fixed.check([](const Params& p) {
    MIXNET_CHECK(p.alpha.size() == 3, invalid, "alpha: expected 3 numbers, got ", p.alpha.size());
  });
  OpBuilder<Params> drawn = add(registry, "random_lighting", random_lighting);
  drawn.param("alpha_std", &Params::alpha_std).range(0).doc("Standard deviation of the multiples.");
  drawn.random();
  //[full
  all.doc("Brightness, contrast, saturation and hue of an image, changed at random in random order.");
  add_samples(all, {{"brightness", 0.3}, {"contrast", 0.2}, {"saturation", 0.4}, {"hue", 0.1}});
  add_samples(all, {{"brightness", 0.0}, {"contrast", 0.0}, {"saturation", 0.0}, {"hue", 0.0}});
  const char* noise =
      "Adds multiples of the principal components of ImageNet's colours (Krizhevsky et al., 2012) to an image";
  fixed.doc(std::string(noise) + "; one channel stays as it is.");
  add_samples(fixed, {{"alpha", std::vector<double>{0.01, -0.02, 0.03}}});
  drawn.doc(std::string(noise) + ", drawn from a normal distribution; one channel stays as it is.");
  add_samples(drawn, {});
  //]
}

}  // namespace mixnet::op::image_color
