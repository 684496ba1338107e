// Colours of images, channels last: _image_random_brightness, _contrast, _saturation, _hue, _color_jitter, _lighting and
// _image_adjust_lighting, for training on varied data.
#include "op/image/image_color.h"

#include "op/core/builder.h"

namespace mixnet::op::image_color {
namespace {

struct Here : OnHost {
  template <class T>
  static const double* mean_gray(const RunContext&, const T* x, int64_t pixels, int64_t channels, double* mean) {
    double sum = 0;
    for (int64_t i = 0; i < pixels; ++i) sum += gray_of(x, i, channels);
    *mean = sum / static_cast<double>(std::max<int64_t>(1, pixels));
    return mean;
  }
};

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
      {"brightness", "Multiplies an image by a random factor.", random_change<Here, Change::brightness>},
      {"contrast", "Moves an image away from its mean gray by a random factor.", random_change<Here, Change::contrast>},
      {"saturation", "Moves pixels away from their gray by a random factor.", random_change<Here, Change::saturation>},
      {"hue", "Turns the hue of an image by a random share of a circle.", random_change<Here, Change::hue>}};
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
  OpBuilder<Params> all = add(registry, "random_color_jitter", jitter<Here>);
  all.param("brightness", &Params::brightness).required().range(0).doc("The factor is within so much of 1.");
  all.param("contrast", &Params::contrast).required().range(0).doc("The factor is within so much of 1.");
  all.param("saturation", &Params::saturation).required().range(0).doc("The factor is within so much of 1.");
  all.param("hue", &Params::hue).required().range(0).doc("The turn is within so much of 0.");
  all.random();
  OpBuilder<Params> fixed = add(registry, "adjust_lighting", adjust_lighting<Here>);
  fixed.param("alpha", &Params::alpha).required().doc("Multiples of the three components.");
  fixed.check([](const Params& p) {
    MIXNET_CHECK(p.alpha.size() == 3, invalid, "alpha: expected 3 numbers, got ", p.alpha.size());
  });
  OpBuilder<Params> drawn = add(registry, "random_lighting", random_lighting<Here>);
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
