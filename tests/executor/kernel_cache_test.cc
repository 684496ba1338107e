// The cache of prepared kernels: it is bounded, it tells calls apart, and cached calls give what fresh ones give.
#include "executor/kernel_cache.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <set>
#include <thread>

#include "executor/invoke.h"

namespace mixnet::test {
namespace {

class Marked : public Kernel {
 public:
  void run(const RunContext&) const override {}
};

const auto marked = []() -> std::unique_ptr<Kernel> { return std::make_unique<Marked>(); };

// The key of a convolution, from what may differ.
struct Call {
  const char* op = "Convolution";
  Attributes attributes{{"kernel", Shape{3, 3}}, {"num_filter", 2}, {"no_bias", true}};
  Shape data{1, 2, 6, 6};
  DType dtype = DType::f32;
  DeviceId device;
  bool training = false, wanted = true;

  std::string key() const {
    const OpSchema& schema = registry().at(op);
    const ParamsPtr params = schema.make_params(attributes);
    TensorView in[2], out[1];
    in[0].shape = data;
    in[1].shape = {2, 2, 3, 3};
    out[0].shape = {data[0], 2, data[2] - 2, data[3] - 2};
    for (TensorView* v : {&in[0], &in[1], &out[0]}) v->dtype = dtype;
    PrepareContext c;
    c.params_ = params.get();
    c.inputs = Span<const TensorView>(in, 2);
    c.outputs = Span<const TensorView>(out, 1);
    c.wanted = Span<const bool>(&wanted, 1);
    c.device = device;
    c.training = training;
    return kernel_key(schema, c);
  }
};

NDArray array(const Shape& shape, float step) {
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(step * static_cast<float>(i));
  NDArray a(shape, DType::f32);
  a.copy_from_host(values.data(), a.bytes());
  return a;
}

std::vector<float> convolve(const NDArray& x, const NDArray& w, const Attributes& attributes) {
  const OpSchema& op = registry().at("Convolution");
  const NDArray inputs[] = {x, w};
  std::vector<NDArray> outputs;
  invoke(op, op.make_params(attributes), Span<const NDArray>(inputs, 2), outputs);
  std::vector<float> values(static_cast<size_t>(outputs[0].shape().size()));
  outputs[0].copy_to_host(values.data(), outputs[0].bytes());
  return values;
}

}  // namespace

TEST_CASE("kernel cache: the least recently used kernel goes first") {
  KernelCache cache(3);
  int made = 0;
  auto get = [&](const char* key) {
    return cache.get(key, [&] {
      ++made;
      return marked();
    });
  };
  const auto a = get("a");
  get("b");
  get("c");
  CHECK(get("a") == a);
  CHECK(made == 3);
  CHECK(cache.hits() == 1);
  get("d");  // in place of b
  CHECK(cache.size() == 3);
  CHECK(get("a") == a);
  get("c");
  CHECK(made == 4);
  get("b");
  CHECK(made == 5);
  for (int i = 0; i < 100; ++i) get(std::to_string(i).c_str());
  CHECK(cache.size() == 3);
  CHECK(get("a") != a);
}

TEST_CASE("kernel cache: nothing is kept of a kernel that could not be made") {
  KernelCache cache(3);
  auto broken = []() -> std::unique_ptr<Kernel> { fail(Code::unsupported, "no kernel"); };
  CHECK_THROWS_AS(cache.get("a", broken), Error);
  CHECK(cache.size() == 0);
  CHECK(cache.get("a", marked) != nullptr);
}

TEST_CASE("kernel cache: threads share what one of them made") {
  KernelCache cache(8);
  std::vector<std::thread> threads;
  std::atomic<int> empty{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        if (!cache.get(std::to_string((i * (t + 1)) % 20), marked)) ++empty;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(empty == 0);
  CHECK(cache.size() == 8);
  CHECK(cache.get("3", marked) == cache.get("3", marked));
}

TEST_CASE("kernel cache: whatever preparing may look at makes another key") {
  std::set<std::string> keys;
  size_t expected = 0;
  auto add = [&](const Call& call) {
    CHECK(call.key() == call.key());
    keys.insert(call.key());
    CHECK(keys.size() == ++expected);
  };
  Call call;
  add(call);
  (call = {}).attributes.emplace_back("stride", Shape{1, 2});
  add(call);
  (call = {}).attributes.emplace_back("pad", Shape{1, 2});
  add(call);
  (call = {}).attributes.emplace_back("num_group", 2);
  add(call);
  (call = {}).op = "Deconvolution";
  add(call);
  (call = {}).data = {2, 2, 6, 6};
  add(call);
  (call = {}).data = {1, 2, 6, 7};
  add(call);
  (call = {}).dtype = DType::f64;
  add(call);
  (call = {}).device = {DeviceKind::cpu, 1};
  add(call);
  (call = {}).training = true;
  add(call);
  (call = {}).wanted = false;
  add(call);
  const bool enabled = onednn_enabled();
  set_onednn_enabled(!enabled);
  add(Call());
  set_onednn_enabled(enabled);
}

TEST_CASE("kernel cache: repeated calls give what the first gave, other parameters something else") {
  const NDArray x = array({2, 3, 9, 9}, 0.7f), w = array({4, 3, 3, 3}, 0.3f), v = array({4, 3, 3, 3}, 0.9f);
  const Attributes plain{{"kernel", Shape{3, 3}}, {"num_filter", 4}, {"no_bias", true}};
  Attributes padded = plain, dilated = plain;
  padded.emplace_back("pad", Shape{1, 1});
  dilated.emplace_back("dilate", Shape{2, 2});
  const std::vector<float> first = convolve(x, w, plain), other = convolve(x, v, plain);
  CHECK(first != other);
  CHECK(convolve(x, w, padded).size() == 2 * 4 * 9 * 9);
  CHECK(convolve(x, w, dilated).size() == 2 * 4 * 5 * 5);
  CHECK(convolve(x, w, plain) == first);
  CHECK(convolve(x, v, plain) == other);

  // Several runs of one kernel in flight at once: workspaces are not shared.
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) wrong += convolve(x, t % 2 ? v : w, plain) != (t % 2 ? other : first);
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
}

}  // namespace mixnet::test
