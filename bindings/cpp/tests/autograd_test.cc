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

TEST_CASE("gradients come as new arrays, of second order too, and pauses are left out") {
  HandleCount handles;
  NDArray x({2}, {1});
  const NDArray grad = attach_grad(x);
  std::vector<NDArray> second;
  {
    const Recording recording;
    const NDArray y = x * x * x;
    const std::vector<NDArray> first = gradients({&y}, {&x}, true);
    CHECK_EQ(first[0].scalar(), 12);
    second = gradients({&first[0]}, {&x});
  }
  CHECK_EQ(second[0].scalar(), 12);
  NDArray z;
  {
    const Recording recording;
    NDArray constant;
    {
      const Pause pause;
      constant = x * x;
    }
    z = x * constant + detach(x);
  }
  backward({&z});
  CHECK_EQ(grad.scalar(), 4);
}

TEST_CASE("gradients are written by hand") {
  HandleCount handles;
  NDArray x({-1, 0.5, 3}, {3});
  const NDArray grad = attach_grad(x);
  const auto clipped = [&](size_t count) {
    return custom_gradient({&x}, [&x, count] {
      const auto pullback = [&x, count](const std::vector<NDArray>& dy) {
        std::vector<NDArray> found;
        for (size_t i = 0; i < count; ++i) found.push_back(dy[0] * (x > 0));
        return found;
      };
      return Custom{array_list(op::clip(x).a_min(0).a_max(1).array()), pullback};
    });
  };
  CHECK_EQ(clipped(1)[0].values(), Floats{0, 0.5, 1});
  for (const size_t count : {1, 2}) {
    NDArray y;
    {
      const Recording recording;
      y = clipped(count)[0] * 2;
    }
    if (count == 1) {
      backward({&y});
      CHECK_EQ(grad.values(), Floats{0, 2, 2});
    } else {
      CHECK_THROWS_WITH_AS(backward({&y}), "[custom_gradient] expected 1 gradients, got 2", Error);
    }
  }
}
