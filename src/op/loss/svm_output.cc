// SVMOutput: passes scores on; backward gives the gradient of the hinge loss, whatever follows it.
#include "op/loss/svm_output.h"

#include <cstring>

#include "device/stream.h"
#include "op/core/wide.h"

namespace mixnet::op::svm_output {
namespace {

void add_params(OpBuilder<Params>& op) {
  op.param("margin", &Params::margin).doc("A score counts until it is this far on its side of 0.");
  op.param("regularization_coefficient", &Params::regularization_coefficient).doc("Multiplies the gradient.");
  op.param("use_linear", &Params::use_linear).doc("The linear hinge (L1-SVM) instead of the squared one (L2-SVM).");
}

void forward(const Params&, const RunContext& r) {
  if (r.out[0].size() > 0 && r.out[0].data != r.in[0].data)
    std::memcpy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void forward_gpu(const Params&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data)
    r.context.stream->copy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.out[0].bytes()));
}
void infer(InferShape& c) {
  c.expect_ndim(0, 2, Shape::max_ndim);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[0].ndim_known()) c.set_in(1, Shape{c.in[0][0]});
}

//[full
// (scores, label): each class is one problem, its sign +1 for the label and -1 for the others.
void backward(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "SVMOutput", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = r.in[0].shape[0], classes = r.in[0].shape.size(1, r.in[0].ndim());
    for (int64_t i = 0; i < n; ++i) {
      const int64_t label = static_cast<int64_t>(r.in[1].as<T>()[i]);
      for (int64_t k = 0; k < classes; ++k) {
        r.out[0].as<T>()[i * classes + k] = slope(p, r.in[0].as<T>()[i * classes + k], k == label);
      }
    }
  });
}
void infer_backward(InferShape& c) { c.set_out(0, c.in[0]); }
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<WideKernel<Params>>(c, backward, 0);
}
void gradient(GradientContext& g) { g.set(0, g.make_backward("_backward_SVMOutput", {g.output(0), g.input(1)})[0]); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "SVMOutput");
  add_params(op);
  op.input("data", "(N, classes): scores.").input("label", "(N,): class numbers.").shape_only({1});
  op.inplace(0, 0).infer_shape(infer).head().kernel(forward).gpu_kernel(forward_gpu);
  //[full
  op.doc(
      "Scores of classes; backward gives the gradient of the one-against-all hinge loss, squared or linear, and "
      "ignores the gradient of the output.");
  op.gradient(gradient);
  for (bool linear : {false, true})
    op.sample({{3, 4}, {3}}, {{"use_linear", linear}, {"margin", 0.5}}).integers({1}, 4);
  op.sample({{1, 1}, {1}}).integers({1}, 1);
  op.sample({{0, 3}, {0}});
  OpBuilder<Params> grad(registry, "_backward_SVMOutput");
  add_params(grad);
  grad.hidden().input("output").input("label").infer_shape(infer_backward).prepare(prepare_backward).zero_gradient();
  //]
}

}  // namespace mixnet::op::svm_output
