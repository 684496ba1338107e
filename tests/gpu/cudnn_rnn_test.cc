// RNNs by cuDNN, by a stand-in of the library (stand_ins/cudnn_rnn.cc) on emulated GPUs: the CPU's results for every cell, dtype and shape, by every way of
// running; and our own kernels' where it refuses or is not asked.
#if defined(MIXNET_STAND_INS)
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/taped.h"
#include "base/setting.h"
#include "device/gpu.h"
#include "executor/small_nets.h"
#include "executor/step_graphs.h"
#include "op/core/gpu/cudnn.h"
#include "op/core/gpu/cudnn_rnn.h"
#include "op/evaluate.h"

namespace mixnet::test {
namespace {

constexpr DeviceId cpu{DeviceKind::cpu, 0}, gpu_0{DeviceKind::gpu, 0};
const std::string library = MIXNET_STAND_INS "/libcudnn.so";

// The stand-in in use.
class StandIn {
 public:
  explicit StandIn(bool plain = false, int refused = 0)
      : cudnn_("MIXNET_CUDNN", library), it_(dlopen(library.c_str(), RTLD_NOW)) {
    REQUIRE(it_);
    gpu::cudnn::reopen();
    function<void (*)(bool)>("stand_in_rnn_plain")(plain);
    refuse(refused);
  }
  ~StandIn() { refuse(0); }
  void refuse(int what) const { function<void (*)(int)>("stand_in_rnn_refuse")(what); }
  int64_t math() const { return function<int64_t (*)()>("stand_in_rnn_last_math")(); }
  int64_t live() const { return function<int64_t (*)()>("stand_in_rnn_live")(); }

 private:
  template <class F> F function(const char* name) const { return reinterpret_cast<F>(dlsym(it_, name)); }

  // When the setting is as it was.
  struct Reopen {
    ~Reopen() { gpu::cudnn::reopen(); }
  };
  const Reopen reopen_;
  const Setting cudnn_;
  void* const it_;
};

// Calls of the library since this was made.
class Calls {
 public:
  int64_t forward() const { return gpu::cudnn_rnn_counts().forward - forward_; }
  int64_t backward() const { return gpu::cudnn_rnn_counts().backward - backward_; }
  int64_t copied() const { return gpu::cudnn_rnn_counts().copied - copied_; }
  int64_t refused() const { return gpu::cudnn_rnn_counts().refused - refused_; }

 private:
  const int64_t forward_ = gpu::cudnn_rnn_counts().forward, backward_ = gpu::cudnn_rnn_counts().backward,
                copied_ = gpu::cudnn_rnn_counts().copied, refused_ = gpu::cudnn_rnn_counts().refused;
};

struct Case {
  const char* mode = "lstm";
  int64_t layers = 2, directions = 2;
  bool states = true;
  DType dtype = DType::f32;
  double dropped = 0;
  int64_t steps = 4, batch = 2, input = 3, hidden = 5;

  bool lstm() const { return std::string(mode) == "lstm"; }
  int64_t gates() const { return lstm() ? 4 : std::string(mode) == "gru" ? 3 : 1; }
  int64_t parameters() const {
    int64_t n = 0;
    for (int64_t layer = 0; layer < layers; ++layer)
      n += directions * gates() * hidden * ((layer == 0 ? input : directions * hidden) + hidden + 2);
    return n;
  }
  Attributes attributes() const {
    return {{"mode", mode},
            {"state_size", hidden},
            {"num_layers", layers},
            {"bidirectional", directions == 2},
            {"state_outputs", states},
            {"p", dropped}};
  }
  std::vector<Shape> inputs() const {
    std::vector<Shape> shapes{{steps, batch, input}, {parameters()}, {layers * directions, batch, hidden}};
    if (lstm()) shapes.push_back(shapes[2]);
    return shapes;
  }
  std::string text() const {
    return std::string(mode) + " " + dtype_name(dtype) + ", layers " + std::to_string(layers) + ", directions " +
           std::to_string(directions) + (states ? ", states" : "");
  }
};

NDArray random_array(const Shape& shape, DType dtype, DeviceId device, uint64_t seed) {
  NDArray a(shape, dtype, device);
  Tensor t = random_tensor(shape, dtype, -0.8, 0.8, seed);
  a.copy_from_host(t.view().data, a.bytes());
  a.wait_to_read();
  return a;
}

std::vector<double> doubles(const NDArray& a) {
  Tensor t(a.shape(), a.dtype());
  a.copy_to_host(t.view().data, a.bytes());
  return t.values();
}

using Results = std::vector<std::vector<double>>;

// The operator and its gradient, called by name; of hidden outputs nothing. The backward part runs twice on what forward has kept.
Results results_of(const Case& k, DeviceId device, bool training = true) {
  const OpSchema &rnn = registry().at("RNN"), &back = registry().at("_backward_RNN");
  const ParamsPtr params = rnn.make_params(k.attributes()), back_params = back.make_params(k.attributes());
  InvokeOptions options;
  options.training = training;
  std::vector<NDArray> in, out, all;
  uint64_t seed = 1;
  for (const Shape& shape : k.inputs()) in.push_back(random_array(shape, k.dtype, device, ++seed));
  seed_random(9);
  invoke(rnn, params, in, out, options);
  const auto visible = static_cast<size_t>(rnn.num_visible(params.get()));
  Results results;
  for (size_t i = 0; i < visible; ++i) {
    results.push_back(doubles(out[i]));
    all.push_back(random_array(out[i].shape(), k.dtype, device, ++seed));
  }
  all.insert(all.end(), in.begin(), in.end());
  all.push_back(out[0]);
  all.push_back(out[visible]);
  for (int run = 0; run < 2; ++run) {
    std::vector<NDArray> grads;
    invoke(back, back_params, all, grads, options);
    for (const NDArray& g : grads) results.push_back(doubles(g));
  }
  return results;
}

void check_same(const Results& got, const Results& want, DType dtype) {
  const double bound = dtype == DType::f64 ? 1e-9 : dtype == DType::f32 ? 2e-5 : dtype == DType::f16 ? 1e-2 : 8e-2;
  REQUIRE(got.size() == want.size());
  for (size_t r = 0; r < got.size(); ++r) {
    REQUIRE(got[r].size() == want[r].size());
    for (size_t i = 0; i < got[r].size(); ++i) {
      const bool same = std::fabs(got[r][i] - want[r][i]) <= bound * std::max(1.0, std::fabs(want[r][i]));
      CHECK_MESSAGE(same, "result ", r, ", element ", i, ": expected ", want[r][i], ", got ", got[r][i]);
      if (!same) return;
    }
  }
}

// What an executor gives in three steps of training and two of prediction: outputs and gradients.
Results bound_results(const Case& k, DeviceId device, bool data_gradient) {
  std::vector<Symbol> inputs{apply("tanh", {}, {Symbol::variable("data")}), Symbol::variable("parameters"),
                             Symbol::variable("state")};
  if (k.lstm()) inputs.push_back(Symbol::variable("state_cell"));
  const Symbol x = apply("RNN", k.attributes(), inputs, "rnn");
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", k.inputs()[0]}};
  if (!data_gradient) arguments.requests = {{"data", GradRequest::null}, {"state", GradRequest::null}};
  const auto e = simple_bind(x, device, arguments);
  uint32_t seed = 3;
  for (const NDArray& a : e->bound().arguments) fill(a, ++seed, 1);
  Results all;
  const auto add = [&](const NDArray& a) {
    if (!a.none()) all.push_back(doubles(a));
  };
  std::vector<NDArray> heads;
  for (int step = 0; step < 5; ++step) {
    fill(e->bound().arguments[0], 70 + static_cast<uint32_t>(step), 1);
    e->forward(step < 3);
    for (const NDArray& a : e->outputs()) add(a);
    if (step >= 3) continue;
    for (size_t i = 0; i < e->outputs().size(); ++i) {
      if (heads.size() == i) heads.emplace_back(e->outputs()[i].shape(), DType::f32, device);
      fill(heads[i], ++seed, 1);
    }
    e->backward(heads);
    for (const NDArray& a : e->bound().gradients) add(a);
  }
  return all;
}

}  // namespace

TEST_CASE("cudnn rnn: every cell, depth, direction and dtype gives what the CPU gives") {
  const StandIn library;
  for (const char* mode : {"rnn_relu", "rnn_tanh", "lstm", "gru"}) {
    for (const int64_t layers : {1, 2, 3}) {
      for (const int64_t directions : {1, 2}) {
        for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
          Case k{mode, layers, directions, layers != 2 || directions == 1, dtype};
          INFO(k.text());
          const Results want = results_of(k, cpu);
          const Calls calls;
          check_same(results_of(k, gpu_0), want, dtype);
          CHECK(calls.forward() == 1);
          CHECK(calls.backward() == 2);
          CHECK(calls.copied() == 3);
        }
      }
    }
  }
}

TEST_CASE("cudnn rnn: a packed vector that lies as cuDNN has it is used as it is") {
  const StandIn library(true);
  Case k;
  k.hidden = 6;  // no kernel of an earlier test
  const Results want = results_of(k, cpu);
  const Calls calls;
  check_same(results_of(k, gpu_0), want, k.dtype);
  CHECK(calls.forward() == 1);
  CHECK(calls.copied() == 0);
  // But at an odd address it is copied.
  const OpSchema& rnn = registry().at("RNN");
  const ParamsPtr params = rnn.make_params(k.attributes());
  const NDArray longer = random_array({k.parameters() + 1}, k.dtype, gpu_0, 4);
  std::vector<NDArray> in, there, odd, even;
  for (const Shape& shape : k.inputs()) in.push_back(random_array(shape, k.dtype, gpu_0, in.size()));
  in[1] = longer.slice(1, k.parameters() + 1);
  invoke(rnn, params, in, odd);
  const std::vector<double> shifted = doubles(odd[0]);
  CHECK(calls.copied() == 1);
  there = in;
  there[1] = NDArray({k.parameters()}, k.dtype, gpu_0);
  copy(in[1], there[1]);
  invoke(rnn, params, there, even);
  CHECK(doubles(even[0]) == shifted);
  CHECK(calls.copied() == 1);
  CHECK(calls.forward() == 3);
}

TEST_CASE("cudnn rnn: executors, with and without graphs, in training and in prediction") {
  const StandIn library;
  for (const char* mode : {"lstm", "gru", "rnn_tanh"}) {
    for (const bool states : {false, true}) {
      for (const bool data_gradient : {false, true}) {
        Case k{mode, 2, 2, states};
        INFO(k.text(), data_gradient ? ", all gradients" : ", the parameters' gradient");
        const Results want = bound_results(k, cpu, data_gradient);
        for (const char* graphs : {"0", "1"}) {
          const Setting setting("MIXNET_GPU_GRAPHS", graphs);
          Stream& stream = *gpu_device(0).stream();
          const bool in_step = stream.in_step();
          stream.set_in_step(false);
          const Calls calls;
          const int64_t before = graph_counts().launched;
          check_same(bound_results(k, gpu_0, data_gradient), want, k.dtype);
          // Captured in the second step, and not called any more in the third.
          const bool captured = graphs[0] == '1';
          CHECK(calls.forward() == (captured ? 4 : 5));
          CHECK(calls.backward() == (captured ? 2 : 3));
          CHECK((graph_counts().launched > before) == captured);
          stream.set_in_step(in_step);
        }
      }
    }
  }
}

TEST_CASE("cudnn rnn: recorded, also when the tape is kept and read twice") {
  const StandIn library;
  const Case k{"gru", 2, 1, false};
  const auto gradients = [&](DeviceId device) {
    std::vector<Taped> in;
    for (const Shape& shape : k.inputs()) {
      Taped t(random_array(shape, k.dtype, device, in.size()));
      autograd::mark(t, NDArray(shape, k.dtype, device), GradRequest::write);
      in.push_back(t);
    }
    Taped y;
    {
      const Recording recording;
      y = call("square", {call("RNN", in, k.attributes())});
    }
    Results all;
    for (const bool retain : {true, false}) {
      autograd::BackwardOptions options;
      options.retain_graph = retain;
      backward(y, options);
      for (const Taped& t : in) all.push_back(doubles(t.node()->gradient));
    }
    return all;
  };
  const Results want = gradients(cpu);
  const Calls calls;
  check_same(gradients(gpu_0), want, k.dtype);
  CHECK(calls.forward() == 1);
  CHECK(calls.backward() == 2);
}

TEST_CASE("cudnn rnn: what it refuses is our own kernel's, and is asked for once") {
  for (const int how : {1, 2}) {
    const StandIn library(false, how);
    Case k;
    k.hidden = 6 + how;
    const Results want = results_of(k, cpu);
    const Calls calls;
    const int64_t live = library.live();
    check_same(results_of(k, gpu_0), want, k.dtype);
    CHECK(calls.forward() + calls.backward() == 0);
    CHECK(calls.refused() == 2);  // of 32 and of 16 bits
    check_same(results_of(k, gpu_0), want, k.dtype);
    CHECK(calls.refused() == 2);
    CHECK(library.live() == live);
  }
  // Of one dtype only.
  const StandIn library(false, 4);
  Case k;
  k.hidden = 9;
  k.dtype = DType::f16;
  const Calls calls;
  check_same(results_of(k, gpu_0), results_of(k, cpu), k.dtype);
  CHECK(calls.forward() == 0);
  k.dtype = DType::f32;
  check_same(results_of(k, gpu_0), results_of(k, cpu), k.dtype);
  CHECK(calls.forward() == 1);
}

TEST_CASE("cudnn rnn: dropout in training has the CPU's draws, in prediction there is none") {
  const StandIn library;
  Case k;
  k.dropped = 0.4;
  const Calls calls;
  check_same(results_of(k, gpu_0), results_of(k, cpu), k.dtype);
  CHECK(calls.forward() == 0);
  const OpSchema& rnn = registry().at("RNN");
  const bool wanted[] = {true, true, true, false};
  InvokeOptions options;
  options.wanted = wanted;
  Results results[2];
  for (const DeviceId device : {cpu, gpu_0}) {
    std::vector<NDArray> in, out;
    for (const Shape& shape : k.inputs()) in.push_back(random_array(shape, k.dtype, device, in.size()));
    invoke(rnn, rnn.make_params(k.attributes()), in, out, options);
    for (int i = 0; i < 3; ++i) results[device == gpu_0].push_back(doubles(out[static_cast<size_t>(i)]));
  }
  check_same(results[1], results[0], k.dtype);
  CHECK(calls.forward() == 1);
}

TEST_CASE("cudnn rnn: settings") {
  Case k;
  k.hidden = 10;
  const auto calls_of = [&] {
    const Calls calls;
    results_of(k, gpu_0);
    ++k.hidden;  // not the kernel that was prepared before
    return calls.forward();
  };
  {
    const StandIn library;
    CHECK(calls_of() == 1);
    CHECK(library.math() == 1);  // of float16, which is asked for last
    const Setting exact("MIXNET_ENFORCE_DETERMINISM", "1");
    gpu::cudnn::reopen();
    CHECK(calls_of() == 0);
  }
  for (const char* rounded : {"0", "1"}) {
    const Setting setting("MIXNET_GPU_TF32", rounded);
    const StandIn library(false, 4);
    CHECK(calls_of() == 1);
    CHECK(library.math() == (rounded[0] == '1' ? 0 : 3));
  }
  const Setting none("MIXNET_CUDNN", "0");
  gpu::cudnn::reopen();
  CHECK(calls_of() == 0);
}

TEST_CASE("cudnn rnn: an error says what cuDNN says") {
  const StandIn library;
  Case k;
  k.hidden = 20;
  results_of(k, gpu_0);
  library.refuse(3);
  std::string said;
  try {
    results_of(k, gpu_0);
  } catch (const Error& error) {
    said = error.what();
  }
  try {
    engine().wait_all();  // so that no later test is told
  } catch (const Error&) {
  }
  CHECK(said.find("[gpu] cuDNN, an RNN: CUDNN_STATUS_EXECUTION_FAILED") != std::string::npos);
}

TEST_CASE("cudnn rnn: no steps, and no samples, are our own kernel's") {
  const StandIn library;
  for (const bool steps : {false, true}) {
    Case k;
    (steps ? k.batch : k.steps) = 0;
    const Calls calls;
    check_same(results_of(k, gpu_0), results_of(k, cpu), k.dtype);
    CHECK(calls.forward() == 0);
  }
}

}  // namespace mixnet::test
#endif
