// Symbols called on arrays, and traced functions.
#include "handles.h"

using namespace mixnet;
using Floats = std::vector<float>;

TEST_CASE("a symbol is called on arrays") {
  HandleCount handles;
  const CachedOp op(op::FullyConnected(Symbol::variable("data")).num_hidden(2).no_bias(true).name("fc").symbol(),
                    {"fc_weight"});
  const NDArray x = NDArray::ones({4, 3}), weight = NDArray::full({2, 3}, 0.5);
  CHECK_EQ(op({&x, &weight})[0].values(), Floats(8, 1.5));
  const NDArray grad = attach_grad(weight);
  std::vector<NDArray> y;
  {
    const Recording recording;
    y = op({&x, &weight});
  }
  backward({&y[0]});
  CHECK_EQ(grad.values(), Floats(6, 4));
  CHECK_NE(op.describe().find("FullyConnected"), std::string::npos);
  CHECK_THROWS_AS(op({&x}), Error);
}

TEST_CASE("functions are traced once for each shape and mode") {
  HandleCount handles;
  NDArray weight({2, 3}, {2});
  const NDArray grad = attach_grad(weight);
  int runs = 0;
  Jit layer([&](const std::vector<NDArray>& in) {
    ++runs;
    return array_list(op::tanh(in[0] * weight).array());
  });
  const NDArray x({0, 0}, {2});
  for (int i = 0; i < 3; ++i) {
    std::vector<NDArray> y;
    {
      const Recording recording;
      y = layer({&x});
    }
    backward({&y[0]});
  }
  CHECK_EQ(runs, 1);
  CHECK_EQ(grad.values(), Floats{0, 0});
  weight.fill(0);
  const NDArray ones = NDArray::ones({2}), more = NDArray::ones({5, 2});
  CHECK_EQ(layer({&ones})[0].values(), Floats{0, 0});
  layer({&more});
  CHECK_EQ(layer.traces(), 3);
  Jit outer([&](const std::vector<NDArray>& in) { return array_list(layer({&in[0]})[0] + 1); });
  CHECK_EQ(outer({&ones})[0].values(), Floats{1, 1});
}

TEST_CASE("what cannot be traced says so, and ends the trace") {
  HandleCount handles;
  const NDArray x = NDArray::ones({2});
  Jit nothing([](const std::vector<NDArray>&) { return std::vector<NDArray>(); });
  CHECK_THROWS_WITH_AS(nothing({&x}), "[Jit] expected a function that returns arrays, got none", Error);
  Jit reads([](const std::vector<NDArray>& in) { return array_list(in[0] + in[0].values()[0]); });
  CHECK_THROWS_AS(reads({&x}), Error);
  const NDArray sum = x + 1;
  CHECK_EQ(sum.values(), Floats{2, 2});
}
