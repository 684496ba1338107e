// Chains in strips against the same chains member by member: random windows, strips of every height, both providers.
#include "op/core/strips.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "evaluate.h"
#include "op/core/strip_schedule.h"
#include "pass/infer.h"
#if defined(MIXNET_ONEDNN)
#include "op/core/dnnl_kernel.h"
#endif

namespace mixnet {
namespace {

using test::evaluate;
using test::random_tensor;
using test::Tensor;

// Draws and graphs of one case.
class Chain {
 public:
  Chain(uint32_t seed, DType dtype) : draw_(seed), dtype_(dtype) {
    const int axes = pick({1, 2, 2, 2, 3});
    shape_ = Shape{pick({1, 2}), pick({1, 3, 8, 16})};
    for (int i = 0; i < axes; ++i) shape_.push_back(i ? between(3, 9) : between(4, 30));
    add_variable(shape_, dtype);
    value_ = {variables_.back(), 0};
    for (int count = between(2, 5); count > 0;) count -= add_member();
  }

  // The largest difference, relative to the largest value.
  double difference(int64_t height) {
    auto node = std::make_shared<Node>();
    const auto op = make_strips_operator(members_, height);
    node->op = op.get();
    node->params = op;
    for (const NodePtr& v : variables_) node->inputs.push_back({v, 0});
    const Tensor expected = result(value_), got = result({node, 0});
    REQUIRE(expected.shape() == got.shape());
    double most = 0, size = 1e-3;
    for (int64_t i = 0; i < got.size(); ++i) {
      const double a = got.get(i), b = expected.get(i);
      // Of windows of nothing but padding the maximum is infinite.
      if (a != b) most = std::max(most, std::isfinite(a) && std::isfinite(b) ? std::fabs(a - b) : INFINITY);
      if (std::isfinite(b)) size = std::max(size, std::fabs(b));
    }
    return most / size;
  }
  int64_t rows() const { return shape_[2]; }
  std::string describe() const {
    std::string text = concat(values_.at(variables_[0].get()).shape());
    for (const StripMember& m : members_) {
      text += " " + m.op->name;
      for (const auto& [name, value] : m.op->params_text(m.params.get())) text += " " + name + "=" + value;
    }
    return text;
  }
  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(draw_); }

 private:
  int pick(std::vector<int> from) { return from[static_cast<size_t>(between(0, static_cast<int>(from.size()) - 1))]; }
  bool coin() { return between(0, 1) == 1; }
  Shape each(int low, int high) {
    Shape s;
    for (int i = 2; i < shape_.ndim(); ++i) s.push_back(between(low, high));
    return s;
  }
  void add_variable(const Shape& shape, DType dtype) {
    variables_.push_back(make_variable("v" + std::to_string(variables_.size())));
    values_.emplace(variables_.back().get(), random_tensor(shape, dtype, -1, 1, variables_.size()));
  }

  // 1 when it fits the value that is there.
  int add_member() {
    switch (between(0, 3)) {
      case 0: return add("Activation", {{"act_type", coin() ? "relu" : "tanh"}});
      case 1: {
        // Windows with padding whose values are all below 0.
        return add("_minus_scalar", {{"scalar", 0.75}});
      }
      case 2: {
        Shape kernel = each(1, 4), pad;
        for (int64_t k : kernel) pad.push_back(between(0, static_cast<int>(k) - 1));
        return add("Pooling",
                   {{"kernel", kernel},
                    {"stride", each(1, 3)},
                    {"pad", pad},
                    {"pool_type", std::vector<const char*>{"max", "avg", "sum", "lp"}[size_t(between(0, 3))]},
                    {"p_value", 2},
                    {"count_include_pad", coin()},
                    {"pooling_convention", coin()   ? "valid"
                                           : coin() ? "full"
                                                    : "same"}});
      }
      default: {
        const int groups = shape_[1] % 2 == 0 && coin() ? 2 : 1;
        return add("Convolution", {{"kernel", each(1, 4)},
                                   {"stride", each(1, 3)},
                                   {"dilate", each(1, 2)},
                                   {"pad", each(0, 3)},
                                   {"num_filter", pick({2, 6, 16})},
                                   {"num_group", groups},
                                   {"no_bias", coin()}});
      }
    }
  }

  int add(const char* name, const Attributes& attributes) {
    const OpSchema& op = registry().at(name);
    StripMember member{&op, op.make_params(attributes)};
    InferShape shapes(op, member.params.get(), "");
    shapes.in.assign(static_cast<size_t>(op.num_inputs(member.params.get())), Shape::unknown());
    shapes.in[0] = shape_;
    shapes.out.assign(1, Shape::unknown());
    try {
      op.infer_shape(shapes);
    } catch (const Error&) {
      return 0;  // the window does not fit
    }
    if (!can_strip(*strip_window(member), shape_[2], shapes.out[0][2])) return 0;
    std::vector<Entry> inputs{value_};
    for (size_t i = 1; i < shapes.in.size(); ++i) {
      add_variable(shapes.in[i], dtype_);
      inputs.push_back({variables_.back(), 0});
    }
    value_ = PlainNodeBuilder().make(op, member.params, std::move(inputs), "")[0];
    members_.push_back(std::move(member));
    shape_ = shapes.out[0];
    return 1;
  }

  Tensor result(const Entry& head) const {
    const Graph graph({head});
    std::map<const Node*, Tensor> values = values_;
    test::EvaluateOptions options;
    options.training = false;
    return evaluate(graph, values, options)[static_cast<size_t>(graph.entry(head))];
  }

  std::mt19937 draw_;
  DType dtype_;
  Shape shape_;  // of the last value
  Entry value_;
  std::vector<NodePtr> variables_;
  std::map<const Node*, Tensor> values_;
  std::vector<StripMember> members_;
};

struct Providers {
  explicit Providers(bool onednn) : before_(onednn_enabled()) {
    set_onednn_enabled(onednn && before_);
#if defined(MIXNET_ONEDNN)
    dnnl_takes_any_size = true;
#endif
  }
  ~Providers() {
    set_onednn_enabled(before_);
#if defined(MIXNET_ONEDNN)
    dnnl_takes_any_size = false;
#endif
  }
  bool before_;
};

}  // namespace

TEST_CASE("strips: random chains give what their members give one by one") {
  for (const bool onednn : {true, false}) {
    const Providers providers(onednn);
    for (uint32_t seed = 0; seed < 150; ++seed) {
      Chain chain(seed, seed % 8 == 7 ? DType::f64 : DType::f32);
      for (const int64_t height : {int64_t{1}, int64_t{2}, int64_t{chain.between(3, 9)}, chain.rows()}) {
        INFO(concat("oneDNN ", onednn, ", seed ", seed, ", height ", height, ": ", chain.describe()));
        CHECK(chain.difference(height) < 1e-5);
      }
    }
  }
}

TEST_CASE("strips: 16-bit floats") {
  for (uint32_t seed = 200; seed < 220; ++seed) {
    Chain chain(seed, seed % 2 ? DType::f16 : DType::bf16);
    INFO(chain.describe());
    CHECK(chain.difference(2) < 0.02);
  }
}

TEST_CASE("strips: every row is computed once and is there when it is read") {
  std::mt19937 draw(1);
  auto between = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(draw); };
  for (int round = 0; round < 300; ++round) {
    std::vector<RowWindow> windows;
    std::vector<int64_t> rows{between(1, 60)};
    for (int64_t m = between(1, 5); m > 0; --m) {
      const int64_t reach = between(1, 5), stride = between(1, 3), pad = between(0, reach - 1);
      const int64_t room = rows.back() + 2 * pad - reach;
      if (room < 0 || !can_strip({reach, stride, pad}, rows.back(), room / stride + 1)) continue;
      windows.push_back({reach, stride, pad});
      rows.push_back(room / stride + 1);
    }
    if (windows.empty()) continue;
    const StripSchedule schedule = schedule_strips(windows, rows, between(1, 7));
    for (size_t m = 0; m < windows.size(); ++m) {
      int64_t done = 0;
      for (const std::vector<StripStep>& strip : schedule) {
        const StripStep& step = strip[m];
        if (!step.runs()) continue;
        CHECK(step.out_first >= done);
        if (m + 1 == windows.size()) CHECK(step.out_first == done);
        done = step.out_last;
        // All rows that its windows read, and no padding that is a row.
        const int64_t first = step.out_first * windows[m].stride - windows[m].pad,
                      last = (step.out_last - 1) * windows[m].stride - windows[m].pad + windows[m].reach;
        CHECK(step.in_first == std::max<int64_t>(0, first));
        CHECK(step.in_last == std::min(rows[m], last));
        CHECK(step.above == std::max<int64_t>(0, -first));
        CHECK((step.below > 0) == (windows[m].pad > 0 && step.in_last == rows[m]));
        if (m > 0 && strip[m - 1].runs()) CHECK(strip[m - 1].out_last == step.in_last);
      }
      if (m + 1 == windows.size()) CHECK(done == rows.back());
    }
  }
}

TEST_CASE("strips: what cannot be cut") {
  CHECK(can_strip({3, 1, 1}, 5, 5));
  CHECK_FALSE(can_strip({3, 1, 3}, 5, 9));  // the first window is padding
  CHECK_FALSE(can_strip({2, 2, 1}, 3, 3));  // the last one
  const OpSchema& pooling = registry().at("Pooling");
  CHECK_FALSE(strip_window({&pooling, pooling.make_params({{"global_pool", true}})}).has_value());
  const OpSchema& sum = registry().at("elemwise_add");
  CHECK_FALSE(strip_window({&sum, sum.make_params({})}).has_value());
  const OpSchema& softmax = registry().at("softmax");
  CHECK_FALSE(strip_window({&softmax, softmax.make_params({})}).has_value());
}

}  // namespace mixnet
