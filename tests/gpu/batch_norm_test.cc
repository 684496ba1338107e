// The statistics of BatchNorm on GPUs against sums in double, for data far from zero and channels that begin with a value far from all others: in planes, in planes
// that are cut into parts, and in rows of channels; and the same bits every time.
#include <doctest/doctest.h>

#include <cmath>

#include "executor/invoke.h"
#include "op/sample_node.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};

NDArray on_gpu(Tensor t) {
  NDArray a(t.shape(), t.dtype(), gpu);
  a.copy_from_host(t.view().data, a.bytes());
  return a;
}
Tensor to_host(const NDArray& a) {
  Tensor t(a.shape(), a.dtype());
  a.copy_to_host(t.view().data, a.bytes());
  return t;
}

struct Case {
  Shape shape;
  int64_t axis;
};

void check(const Case& c, DType dtype, double centre, double first) {
  const int axis = static_cast<int>(c.axis);
  const int64_t channels = c.shape[axis], inner = c.shape.size(axis + 1, c.shape.ndim());
  Tensor x = random_tensor(c.shape, dtype, -1, 1, 3);
  const auto channel = [&](int64_t i) { return i / inner % channels; };
  std::vector<bool> begun(static_cast<size_t>(channels));
  std::vector<double> mean(begun.size()), variance(begun.size());
  const double n = static_cast<double>(x.size() / channels);
  for (int64_t i = 0; i < x.size(); ++i) {
    const size_t k = static_cast<size_t>(channel(i));
    x.set(i, begun[k] ? x.get(i) + centre : first);
    begun[k] = true;
    mean[k] += x.get(i) / n;
  }
  for (int64_t i = 0; i < x.size(); ++i) {
    const size_t k = static_cast<size_t>(channel(i));
    variance[k] += (x.get(i) - mean[k]) * (x.get(i) - mean[k]) / n;
  }
  const DType statistics = dtype == DType::f64 ? DType::f64 : DType::f32;
  const Shape one{channels};
  std::vector<NDArray> in{on_gpu(x)};
  for (int i = 0; i < 4; ++i) in.push_back(on_gpu(random_tensor(one, statistics, 0.5, 1, 5)));
  InvokeOptions options;
  options.training = true;
  options.device = gpu;
  const OpSchema& op = registry().at("BatchNorm");
  std::vector<NDArray> out, again;
  for (std::vector<NDArray>* to : {&out, &again}) {
    *to = {NDArray(c.shape, dtype, gpu), NDArray(one, statistics, gpu), NDArray(one, statistics, gpu)};
    invoke(op, op.make_params({{"axis", c.axis}, {"eps", 1e-5}, {"output_mean_var", true}}), in, *to, options);
  }
  for (size_t i = 0; i < out.size(); ++i) CHECK(to_host(out[i]).values() == to_host(again[i]).values());
  const Tensor means = to_host(out[1]), inverses = to_host(out[2]);
  const double close = statistics == DType::f64 ? 1e-10 : 1e-6;
  for (int64_t k = 0; k < channels; ++k) {
    const double want_mean = mean[static_cast<size_t>(k)],
                 want_inverse = 1 / std::sqrt(variance[static_cast<size_t>(k)] + 1e-5);
    CHECK(means.get(k) == doctest::Approx(want_mean).epsilon(close));
    CHECK(inverses.get(k) == doctest::Approx(want_inverse).epsilon(close));
  }
}

}  // namespace

TEST_CASE("gpu BatchNorm: statistics of data far from zero, and with a first value far from the others") {
  for (const Case& c : {Case{{3, 5, 8, 9}, 1}, {{2, 3, 70, 70}, 1}, {{20, 7, 16}, 2}, {{300, 5}, 1}}) {
    INFO(c.shape.str());
    for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
      INFO(dtype_name(dtype));
      check(c, dtype, 0, 1);
      check(c, dtype, 200, 200);
      check(c, dtype, 200, 0);
    }
    check(c, DType::f32, 30000, 30000);
    check(c, DType::f32, 30000, -30000);
  }
}

}  // namespace mixnet::test
