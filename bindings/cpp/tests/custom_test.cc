// Operators defined in C++, and those of a plug-in.
#include "handles.h"

using namespace mixnet;
using Floats = std::vector<float>;

namespace {

class Power : public CustomOperator {
 public:
  explicit Power(double exponent) : exponent_(exponent) {}
  void forward(CustomArrays& a) override {
    a.inputs[0].wait_to_read();
    op::_power_scalar(a.inputs[0]).scalar(exponent_).into(a.outputs[0]);
  }
  void backward(CustomArrays& a) override {
    if (a.inputs[0].scalar() < 0) throw std::runtime_error("negative");
    const NDArray slope = op::_power_scalar(a.inputs[0]).scalar(exponent_ - 1);
    const NDArray grad = slope * exponent_;
    op::elemwise_mul(grad, a.output_grads[0]).into(a.input_grads[0]);
  }

 private:
  double exponent_;
};

class PowerProp : public CustomProp {
 public:
  explicit PowerProp(double exponent) : exponent_(exponent) {}
  std::unique_ptr<CustomOperator> create() const override { return std::make_unique<Power>(exponent_); }

 private:
  double exponent_;
};

}  // namespace

TEST_CASE("a custom operator in C++ has values, a gradient and errors") {
  register_custom("cpp_power", [](const std::map<std::string, std::string>& params) {
    return std::make_unique<PowerProp>(std::stod(params.at("exponent")));
  });
  HandleCount handles;
  const NDArray x({3}, {1});
  const NDArray grad = attach_grad(x);
  NDArray y;
  {
    const Recording recording;
    y = op::Custom({x}).op_type("cpp_power").op_params(R"({"exponent": 3})").array();
  }
  backward({&y});
  CHECK_EQ(y.values(), Floats{27});
  CHECK_EQ(grad.values(), Floats{27});
  CHECK_THROWS_AS(op::Custom({x}).op_type("cpp_nothing").array(), Error);
  const Symbol net = op::Custom({Symbol::variable("x")}).op_type("cpp_power").op_params(R"({"exponent": 2})").name("p");
  CHECK_EQ(Symbol::from_json(net.to_json()).to_json(), net.to_json());
}

TEST_CASE("a plug-in's operators are called by name") {
  CHECK_THROWS_AS(load_library("/nonexistent.so"), Error);
  const std::vector<std::string> names = load_library(MIXNET_EXAMPLE_PLUGIN);
  CHECK_EQ(names, std::vector<std::string>{"swish", "centred"});
  HandleCount handles;
  CHECK(load_library(MIXNET_EXAMPLE_PLUGIN).empty());
  const Op swish("swish", {"data"});
  const NDArray x({0, 1}, {2});
  const NDArray y = NoOptions(swish, {x}).array();
  CHECK_EQ(y.values()[0], 0);
  CHECK(std::abs(y.values()[1] - 0.7310586f) < 1e-6f);
}
