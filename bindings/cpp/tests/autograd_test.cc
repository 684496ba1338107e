// Gradients of recorded operators.
#include "handles.h"

using namespace mixnet;
using Floats = std::vector<float>;

TEST_CASE("gradients of what was recorded reach the variables") {
  HandleCount handles;
  NDArray x({1, 2, 3}, {3});
  const NDArray grad = attach_grad(x);
  NDArray loss;
  {
    const Recording recording;
    loss = op::sum(x * x);
  }
  backward({&loss}, {}, true);
  CHECK_EQ(grad.values(), Floats{2, 4, 6});
  const NDArray ten({10}, {1});
  backward({&loss}, {&ten});
  CHECK_EQ(grad.values(), Floats{20, 40, 60});
  CHECK_THROWS_AS(backward({&loss}), Error);
  CHECK_THROWS_WITH_AS(backward({&loss}, {&ten, &ten}), "[backward] head_grads: expected 1, got 2", Error);
}

TEST_CASE("gradients are added on request, and the mode ends with the recording") {
  HandleCount handles;
  NDArray x({3}, {1});
  const NDArray grad = attach_grad(x, GradReq::add);
  for (int i = 0; i < 2; ++i) {
    NDArray y;
    {
      const Recording recording;
      y = op::square(x);
      const NDArray dropped = op::Dropout(NDArray::ones({64})).p(0.9);
      CHECK_NE(dropped.values(), Floats(64, 1));
    }
    const NDArray kept = op::Dropout(NDArray::ones({64})).p(0.9);
    CHECK_EQ(kept.values(), Floats(64, 1));
    backward({&y});
  }
  CHECK_EQ(grad.scalar(), 12);
}
