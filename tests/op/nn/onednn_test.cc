// oneDNN kernels give what the portable kernels give: outputs, hidden outputs and the states they move. Each row also says whether oneDNN
// takes the case, so that no row compares a kernel with itself.
#include <doctest/doctest.h>

#if defined(MIXNET_ONEDNN)
#include <cmath>
#include <memory>
#include <string>

#include "evaluate.h"
#include "op/core/registry.h"

namespace mixnet::test {
namespace {

struct Row {
  const char* op;
  Attributes attributes;
  std::vector<Shape> inputs;
  std::vector<int> positive = {};  // inputs that must be above zero
  bool taken = true, training = true;
  double tolerance = 1e-4;
  std::vector<bool> wanted = {};  // all outputs when empty
};

std::string label(const Row& row) {
  std::string s = row.op;
  for (const Shape& shape : row.inputs) s += " " + shape.str();
  for (const auto& [key, value] : row.attributes) s += " " + key + "=" + value.str();
  return s + (row.training ? " training" : " prediction");
}

// One row with its tensors; run() may be called once.
class Bench {
 public:
  explicit Bench(const Row& row, const std::vector<DType>& dtypes = {}) : op_(registry().at(row.op)), params_(op_.make_params(row.attributes)) {
    const size_t count = static_cast<size_t>(op_.num_outputs(params_.get()));
    InferShape shapes(op_, params_.get(), "");
    InferType types(op_, params_.get(), "");
    for (size_t i = 0; i < row.inputs.size(); ++i) {
      shapes.in.push_back(row.inputs[i]);
      types.in.push_back(dtypes.empty() ? DType::f32 : dtypes[std::min(i, dtypes.size() - 1)]);
      const bool positive = std::count(row.positive.begin(), row.positive.end(), static_cast<int>(i)) > 0;
      inputs.push_back(random_tensor(row.inputs[i], types.in.back(), positive ? 0.5 : -1, positive ? 2 : 1, 3 + i));
    }
    shapes.out.assign(count, Shape::unknown());
    types.out.assign(count, DType::unknown);
    op_.infer_shape(shapes);
    op_.infer_type(types);
    for (size_t i = 0; i < count; ++i) outputs.emplace_back(shapes.out[i], types.out[i] == DType::unknown ? types.in[0] : types.out[i]);
    for (size_t i = 0; i < count; ++i) wanted_[i] = row.wanted.empty() || row.wanted[i];
    for (Tensor& t : inputs) in_.push_back(t.view());
    for (Tensor& t : outputs) out_.push_back(t.view());
    context_.training = row.training;
  }
  bool wanted(size_t i) const { return wanted_[i]; }
  PrepareContext prepare_context() const {
    PrepareContext c;
    c.params_ = params_.get();
    c.inputs = in_;
    c.outputs = out_;
    c.wanted = Span<const bool>(wanted_, out_.size());
    c.training = context_.training;
    return c;
  }
  // nullptr: oneDNN does not take it.
  std::unique_ptr<Kernel> onednn() const {
    REQUIRE(!op_.kernels.empty());
    REQUIRE(op_.kernels[0].first == Provider::onednn);
    return op_.kernels[0].second(prepare_context());
  }
  void run(const Kernel& kernel) {
    for (size_t i = 0; i < out_.size(); ++i) if (!wanted_[i] && op_.optional_outputs) out_[i].data = nullptr;
    Tensor workspace(Shape{static_cast<int64_t>(kernel.workspace())}, DType::u8);
    context_.workspace = workspace.view().data;
    kernel.run({in_, out_, context_});
    CHECK(guards_intact(workspace));
    for (const auto* list : {&inputs, &outputs}) for (const Tensor& t : *list) CHECK(guards_intact(t));
  }
  void run_portable() { run(*op_.portable(prepare_context())); }

  std::vector<Tensor> inputs, outputs;

 private:
  const OpSchema& op_;
  ParamsPtr params_;
  std::vector<TensorView> in_, out_;
  KernelContext context_;
  bool wanted_[8] = {};
};

void check_close(const std::string& what, const Tensor& got, const Tensor& want, double tolerance) {
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double x = got.get(i), y = want.get(i);
    if (x == y || std::fabs(x - y) <= tolerance * std::max(1.0, std::fabs(y))) continue;
    if (wrong++ == 0) first = i;
  }
  CHECK_MESSAGE(wrong == 0, what, ": ", wrong, " of ", want.size(), " differ, the first at ", first, ": expected ", want.get(std::max<int64_t>(0, first)),
                ", got ", got.get(std::max<int64_t>(0, first)));
}

void check_row(const Row& row, const std::vector<DType>& dtypes = {}) {
  const std::string what = label(row);
  INFO(what);
  Bench fast(row, dtypes), plain(row, dtypes);
  const std::unique_ptr<Kernel> kernel = fast.onednn();
  CHECK((kernel != nullptr) == row.taken);
  if (!kernel) return;
  fast.run(*kernel);
  plain.run_portable();
  for (size_t i = 0; i < plain.outputs.size(); ++i) {
    if (plain.wanted(i)) check_close("output " + std::to_string(i), fast.outputs[i], plain.outputs[i], row.tolerance);
  }
  for (size_t i = 0; i < plain.inputs.size(); ++i) check_close("input " + std::to_string(i), fast.inputs[i], plain.inputs[i], row.tolerance);
}

// The backward row needs the forward's own output where it compares values with it.
void check_pooling(const Shape& x, const Attributes& attributes, bool taken = true, DType dtype = DType::f32, double tolerance = 1e-4) {
  const Row forward{"Pooling", attributes, {x}, {}, taken, true, tolerance};
  check_row(forward, {dtype});
  Bench first(forward, {dtype});
  first.run_portable();
  const Row backward{"_backward_Pooling", attributes, {first.outputs[0].shape(), x, first.outputs[0].shape()}, {}, taken, true, tolerance};
  const std::string what = label(backward);
  INFO(what);
  Bench fast(backward, {dtype}), plain(backward, {dtype});
  for (Bench* b : {&fast, &plain}) {
    for (int64_t i = 0; i < x.size(); ++i) b->inputs[1].set(i, first.inputs[0].get(i));
    for (int64_t i = 0; i < first.outputs[0].size(); ++i) b->inputs[2].set(i, first.outputs[0].get(i));
  }
  const std::unique_ptr<Kernel> kernel = fast.onednn();
  CHECK((kernel != nullptr) == taken);
  if (!kernel) return;
  fast.run(*kernel);
  plain.run_portable();
  check_close("dx", fast.outputs[0], plain.outputs[0], tolerance);
}

}  // namespace

TEST_CASE("oneDNN: pooling") {
  for (const char* type : {"max", "avg"}) {
    for (const char* convention : {"valid", "full", "same"}) {
      check_pooling({2, 19, 23, 21}, {{"kernel", Shape{2, 2}}, {"stride", Shape{2, 2}}, {"pool_type", type}, {"pooling_convention", convention}, {"count_include_pad", false}});
      check_pooling({2, 19, 23, 20}, {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 1}}, {"pad", Shape{1, 1}}, {"pool_type", type}, {"pooling_convention", convention},
                                      {"count_include_pad", false}});
    }
    check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pad", Shape{1, 1}}, {"pool_type", type}});
    check_pooling({2, 40, 9, 9}, {{"global_pool", true}, {"pool_type", type}});
    check_pooling({2, 8, 400}, {{"kernel", Shape{4}}, {"stride", Shape{3}}, {"pad", Shape{2}}, {"pool_type", type}});
    check_pooling({2, 5, 9, 8, 10}, {{"kernel", Shape{2, 3, 2}}, {"stride", Shape{2, 2, 1}}, {"pad", Shape{0, 1, 1}}, {"pool_type", type}});
    check_pooling({1, 2, 5, 5}, {{"kernel", Shape{3, 3}}, {"pool_type", type}}, false);        // small
    check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"pool_type", type}}, false, DType::f64);
  }
  // Averages over windows that are cut off behind the padding divide by another count.
  check_pooling({2, 19, 23, 22}, {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"pool_type", "avg"}, {"pooling_convention", "full"}}, false);
  check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"pool_type", "sum"}}, false);
  check_pooling({2, 16, 24, 24}, {{"kernel", Shape{3, 3}}, {"pool_type", "lp"}, {"p_value", 2}}, false);
}

}  // namespace mixnet::test
#endif
