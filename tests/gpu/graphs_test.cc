// Bound plans as graphs of a GPU: the same bits as without, whatever changes between steps; and what cannot be captured runs as ever.
#include <doctest/doctest.h>

#include <cmath>

#include "base/setting.h"
#include "device/gpu.h"
#include "executor/invoke.h"
#include "executor/plan.h"
#include "executor/small_nets.h"
#include "executor/step_graphs.h"
#include "gpu/arrays.h"
#if defined(MIXNET_GPU_EMULATED)
#include "device/emulated/emulated_gpu.h"
#endif

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};
using Values = std::vector<std::vector<float>>;

// Streams as with the threaded engine, whichever engine the tests run under; afterwards as before.
class Freely {
 public:
  explicit Freely(bool in_step = false, int device = 0)
      : stream_(*gpu_device(device).stream()), before_(stream_.in_step()) {
    stream_.set_in_step(in_step);
  }
  ~Freely() { stream_.set_in_step(before_); }

 private:
  Stream& stream_;
  const bool before_;
};

// Since this was made. Errors of earlier tests are none of these.
class Counted {
 public:
  Counted() : before_(settled()) {}
  GraphCounts counts() const {
    engine().wait_all();
    const GraphCounts now = graph_counts();
    return {now.captured - before_.captured, now.recaptured - before_.recaptured, now.launched - before_.launched,
            now.refused - before_.refused, now.given_up - before_.given_up};
  }

 private:
  static GraphCounts settled() {
    try {
      engine().wait_all();
    } catch (const Error&) {
    }
    return graph_counts();
  }
  const GraphCounts before_;
};

Symbol variable(const char* name) { return Symbol::variable(name); }

Symbol lenet() {
  Symbol x = conv(variable("data"), 4, 3, "conv1");
  x = apply("BatchNorm", {{"fix_gamma", false}}, {x}, "norm1");
  x = apply("Activation", {{"act_type", "tanh"}}, {x}, "act1");
  x = apply("Pooling", {{"kernel", Shape{2, 2}}, {"stride", Shape{2, 2}}, {"pool_type", "max"}}, {x}, "pool1");
  x = apply("FullyConnected", {{"num_hidden", 12}}, {x}, "fc1");
  x = apply("Dropout", {{"p", 0.5}}, {x}, "drop");
  x = apply("Activation", {{"act_type", "relu"}}, {x}, "act2");
  x = apply("FullyConnected", {{"num_hidden", 5}}, {x}, "fc2");
  return apply("SoftmaxOutput", {}, {x}, "softmax");
}

std::shared_ptr<Executor> bound(const Symbol& symbol, std::vector<std::pair<std::string, Shape>> shapes,
                                DeviceId device = gpu, GradRequest request = GradRequest::write,
                                const std::shared_ptr<Executor>& shared = nullptr) {
  SimpleBindArguments arguments;
  arguments.shapes = std::move(shapes);
  arguments.default_request = request;
  return simple_bind(symbol, device, arguments, shared);
}

void fill_all(const Executor& e) {
  uint32_t seed = 1;
  for (const NDArray& a : e.bound().arguments) fill(a, ++seed, 1);
}

void add_values(const Executor& e, Values* all) {
  for (const auto* list : {&e.outputs(), &e.bound().gradients, &e.bound().states, &e.bound().arguments}) {
    for (const NDArray& a : *list) {
      if (!a.none()) all->push_back(values(a));
    }
  }
}

// The weights go down by a rate that changes from step to step.
void update(const Executor& e, int step) {
  const OpSchema& sgd = registry().at("sgd_update");
  const ParamsPtr params = sgd.make_params({{"lr", 0.1 / (1 + step)}});
  for (size_t i = 1; i + 1 < e.bound().arguments.size(); ++i) {
    const std::vector<NDArray> in{e.bound().arguments[i], e.bound().gradients[i]};
    std::vector<NDArray> out{in[0]};
    invoke(sgd, params, in, out);
  }
}

Values trained(const Symbol& symbol, int steps) {
  const auto e = bound(symbol, {{"data", {3, 2, 8, 8}}});
  fill_all(*e);
  seed_random(11);
  Values all;
  for (int step = 0; step < steps; ++step) {
    fill(e->bound().arguments[0], static_cast<uint32_t>(100 + step / 2), 2);  // every batch comes twice
    e->forward(true);
    e->backward({});
    update(*e, step);
    add_values(*e, &all);
  }
  e->forward(false);
  add_values(*e, &all);
  return all;
}

// The same without graphs.
template <class F>
auto without_graphs(const F& f) {
  const Setting off("MIXNET_GPU_GRAPHS", "0");
  const Counted counted;
  auto result = f();
  CHECK(counted.counts().launched == 0);
  return result;
}

// y = tanh(exp(x)), step by step, on arrays that are handed to each run.
class Chain {
 public:
  Chain() : symbol_(apply("tanh", {}, {apply("exp", {}, {variable("x")})})) {
    PlanRequest request;
    request.heads = symbol_.outputs();
    request.head_arrays = {filled(0)};
    request.variables = {{find_variables(request.heads).arguments[0].get(), filled(0)}};
    request.num_forward_heads = 1;
    request.device = gpu;
    request.fuse = false;
    plan_ = std::make_unique<Plan>(request);
    arena_ = std::make_unique<Chunk>(gpu, static_cast<size_t>(plan_->arena_bytes()));
  }
  void run(const NDArray& x, const NDArray& y) {
    const std::vector<NDArray> externals{x, y};
    plan_->run(0, plan_->num_steps(), static_cast<char*>(arena_->data()), {}, externals);
  }

 private:
  const Symbol symbol_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Chunk> arena_;
};

float chained(float x) { return std::tanh(std::exp(x)); }

}  // namespace

TEST_CASE("gpu graphs: training gives the same bits, with dropout, moving statistics and rates that change") {
  const Freely freely;
  const auto train = [] { return trained(lenet(), 7); };
  const Values want = without_graphs(train);
  const Counted counted;
  CHECK(train() == want);
  const GraphCounts counts = counted.counts();
  CHECK(counts.captured >= 3);  // forward before and after Dropout, backward
  CHECK(counts.launched >= 6 * 3);
  CHECK(counts.recaptured == 0);
  CHECK(counts.refused == 0);
}

TEST_CASE("gpu graphs: numbers are drawn anew in every step") {
  const Freely freely;
  Symbol x = apply("tanh", {}, {apply("exp", {}, {variable("data")})});
  x = apply("Dropout", {{"p", 0.5}}, {x});
  const auto e = bound(apply("sin", {}, {apply("exp", {}, {x})}), {{"data", {400}}}, gpu, GradRequest::null);
  fill_all(*e);
  Values seen;
  for (int step = 0; step < 5; ++step) {
    e->forward(true);
    seen.push_back(values(e->outputs()[0]));
    for (int before = 0; before < step; ++before) CHECK(seen[static_cast<size_t>(before)] != seen.back());
  }
}

// An LSTM and what else may draw, but does not with these parameters.
Symbol lstm(double dropped) {
  Symbol x = apply("tanh", {}, {variable("data")});
  x = apply("RNN", {{"mode", "lstm"}, {"state_size", 5}, {"num_layers", 2}},
            {x, variable("parameters"), variable("state"), variable("state_cell")}, "rnn");
  x = apply("LeakyReLU", {{"act_type", "elu"}}, {x});
  x = apply("Dropout", {{"p", dropped}}, {x});
  return apply("FullyConnected", {{"num_hidden", 3}}, {apply("exp", {}, {x})}, "fc");
}

TEST_CASE("gpu graphs: an LSTM is captured with what is around it, and so is whatever may draw but does not") {
  const Freely freely;
  const Setting separate("MIXNET_FUSION", "0");
  const auto train = [](double dropped) {
    const auto e = bound(lstm(dropped), {{"data", {4, 3, 2}}});
    fill_all(*e);
    seed_random(5);
    Values all;
    for (int step = 0; step < 5; ++step) {
      e->forward(true);
      e->backward({});
      add_values(*e, &all);
    }
    for (int step = 0; step < 5; ++step) {
      e->forward(false);
      all.push_back(values(e->outputs()[0]));
    }
    return all;
  };
  for (const double dropped : {0.0, 0.5}) {
    const Values want = without_graphs([&] { return train(dropped); });
    const Counted counted;
    CHECK(train(dropped) == want);
    const GraphCounts counts = counted.counts();
    // Forward in training, which Dropout cuts in two, backward, and forward in prediction, where it does nothing.
    CHECK(counts.captured == (dropped > 0 ? 4 : 3));
    CHECK(counts.launched == 4 * counts.captured);
    CHECK(counts.refused == 0);
  }
}

TEST_CASE("gpu graphs: a step that is many kernels is a graph by itself") {
  const Freely freely;
  const Symbol x = apply("RNN", {{"mode", "gru"}, {"state_size", 3}, {"num_layers", 1}},
                         {variable("data"), variable("parameters"), variable("state")}, "rnn");
  const auto e = bound(x, {{"data", {4, 2, 2}}}, gpu, GradRequest::null);
  fill_all(*e);
  const Counted counted;
  for (int step = 0; step < 3; ++step) e->forward(false);
  CHECK(counted.counts().captured == 1);
  CHECK(counted.counts().launched == 2);
}

TEST_CASE("gpu graphs: what an operator says that it does not draw, it does not") {
  int seen = 0;
  for (const OpSchema* op : registry().all()) {
    if (!op->draws_with) continue;
    for (const Sample& sample : op->samples) {
      const ParamsPtr params = op->make_params(sample.attributes);
      for (const bool training : {false, true}) {
        if (op->draws(params.get(), training)) continue;
        ++seen;
        INFO(op->name, training ? ", training" : ", prediction");
        InvokeOptions options;
        options.training = training;
        Values got[2];
        for (int run = 0; run < 2; ++run) {
          std::vector<NDArray> in, out;
          for (const Shape& shape : sample.inputs) {
            in.emplace_back(shape, DType::f32, gpu);
            fill(in.back(), static_cast<uint32_t>(in.size()), 1);
          }
          seed_random(static_cast<uint64_t>(100 + run));
          invoke(*op, params, in, out, options);
          for (int i = 0; i < op->num_visible(params.get()); ++i)
            got[run].push_back(values(out[static_cast<size_t>(i)]));
        }
        CHECK(got[0] == got[1]);
      }
    }
  }
  CHECK(seen >= 20);
}

TEST_CASE("gpu graphs: gradients that are added to are added to once per step") {
  const Freely freely;
  const auto e = bound(apply("sum", {}, {apply("square", {}, {apply("tanh", {}, {variable("x")})})}), {{"x", {50}}},
                       gpu, GradRequest::add);
  fill_all(*e);
  const NDArray& gradient = e->bound().gradients[0];
  std::vector<float> once;
  for (int step = 1; step <= 5; ++step) {
    e->forward(true);
    e->backward({});
    const std::vector<float> now = values(gradient);
    if (step == 1) once = now;
    CHECK(now[7] == doctest::Approx(static_cast<float>(step) * once[7]));
  }
}

TEST_CASE(
    "gpu graphs: captured the second time, again when an array is another one, and kept while arrays take turns") {
  const Freely freely;
  Chain chain;
  const NDArray a = filled(0.5f), b = filled(-0.5f), y = filled(0), z = filled(0);
  const auto check = [&](const NDArray& from, const NDArray& to, float x, const GraphCounts& want) {
    const Counted counted;
    copy(filled(0), to);
    to.wait_to_read();
    chain.run(from, to);
    CHECK(values(to)[63] == doctest::Approx(chained(x)));
    const GraphCounts got = counted.counts();
    CHECK(got.captured == want.captured);
    CHECK(got.recaptured == want.recaptured);
    CHECK(got.launched == want.launched);
  };
  const GraphCounts none, first{1, 0, 1, 0, 0}, again{1, 1, 1, 0, 0}, only_launched{0, 0, 1, 0, 0};
  check(a, y, 0.5f, none);
  check(a, y, 0.5f, first);
  check(a, y, 0.5f, only_launched);
  check(b, y, -0.5f, none);
  check(b, y, -0.5f, again);
  check(a, z, 0.5f, none);
  check(a, y, 0.5f, only_launched);
  check(b, y, -0.5f, only_launched);
  // New values at the same place.
  copy(filled(0.25f), a);
  a.wait_to_read();
  check(a, y, 0.25f, only_launched);
}

TEST_CASE("gpu graphs: captures that do not pay end") {
  const Freely freely;
  Chain chain;
  const Counted counted;
  const NDArray y = filled(0);
  std::vector<NDArray> kept;  // so that every array has a place of its own
  for (int i = 0; i < 20; ++i) {
    const float x = 0.1f * static_cast<float>(i);
    kept.push_back(filled(x));
    for (int twice = 0; twice < 2; ++twice) {
      chain.run(kept.back(), y);
      CHECK(values(y)[0] == doctest::Approx(chained(x)));
    }
  }
  const GraphCounts counts = counted.counts();
  CHECK(counts.captured == 8);
  CHECK(counts.launched == 8);
  CHECK(counts.given_up == 1);
}

TEST_CASE("gpu graphs: where kernels are waited for, and where the setting says so, there are none") {
  const NDArray x = filled(1), y = filled(0);
  const auto run = [&] {
    Chain chain;
    const Counted counted;
    for (int i = 0; i < 4; ++i) chain.run(x, y);
    CHECK(values(y)[0] == doctest::Approx(chained(1)));
    return counted.counts();
  };
  {
    const Freely in_step(true);
    CHECK(run().captured == 0);
  }
  const Freely freely;
  CHECK(run().captured == 1);
  const Setting off("MIXNET_GPU_GRAPHS", "0");
  CHECK(run().captured == 0);
}

TEST_CASE("gpu graphs: a step that waits runs by itself, between graphs, and so do its errors") {
  const Freely freely;
  const Setting separate("MIXNET_FUSION", "0");
  // take tells of indices that are out of range.
  const auto run = [] {
    Symbol x = apply("exp", {}, {apply("tanh", {}, {variable("data")})});
    x = apply("take", {{"mode", "raise"}}, {x, variable("rows")});
    const auto e = bound(apply("exp", {}, {apply("tanh", {}, {apply("sin", {}, {x})})}),
                         {{"data", {6, 4}}, {"rows", {3}}}, gpu, GradRequest::null);
    fill(e->bound().arguments[0], 1, 1);
    Values all;
    for (int step = 0; step < 8; ++step) {
      const std::vector<float> rows{0, static_cast<float>(step % 6), step == 5 ? 6.f : 5.f};
      e->bound().arguments[1].copy_from_host(rows.data(), 12);
      e->forward(false);
      if (step == 5) CHECK_THROWS_WITH_AS(e->outputs()[0].wait_to_read(), doctest::Contains("[take] indices"), Error);
      else all.push_back(values(e->outputs()[0]));
    }
    CHECK_THROWS_AS(engine().wait_all(), Error);
    return all;
  };
  const Values want = without_graphs(run);
  const Counted counted;
  CHECK(run() == want);
  const GraphCounts counts = counted.counts();
  CHECK(counts.refused == 1);
  CHECK(counts.captured == 2);
  CHECK(counts.launched > 4);
}

TEST_CASE("gpu graphs: executors of several shapes share memory and stay right when it grows") {
  const Freely freely;
  const auto run = [] {
    Values all;
    const auto small = bound(lenet(), {{"data", {2, 2, 8, 8}}});
    fill_all(*small);
    seed_random(3);
    const auto step = [&](const std::shared_ptr<Executor>& e, uint32_t seed) {
      fill(e->bound().arguments[0], seed, 2);
      e->forward(true);
      e->backward({});
      update(*e, 1);
      add_values(*e, &all);
    };
    for (uint32_t i = 0; i < 3; ++i) step(small, i);
    const auto large = bound(lenet(), {{"data", {6, 2, 8, 8}}}, gpu, GradRequest::write, small);
    for (uint32_t i = 0; i < 3; ++i) {
      step(large, i);
      step(small, 7 + i);
    }
    const auto other = reshape(large, false, false, {{"data", {4, 2, 8, 8}}, {"softmax_label", {4}}});
    for (uint32_t i = 0; i < 3; ++i) {
      step(other, i);
      step(large, 7 + i);
      step(small, 9 + i);
    }
    return all;
  };
  const Values want = without_graphs(run);
  const Counted counted;
  CHECK(run() == want);
  const GraphCounts counts = counted.counts();
  CHECK(counts.captured >= 6);
  CHECK(counts.given_up == 0);
}

TEST_CASE("gpu graphs: of a net on two devices the stretches on a GPU are captured") {
  const Freely freely;
  const Setting separate("MIXNET_FUSION", "0");
  const auto run = [] {
    const auto on = [](const char* group, const char* op, Attributes params, std::vector<Symbol> in) {
      std::vector<std::pair<std::string, Symbol>> named;
      for (Symbol& s : in) named.emplace_back("", std::move(s));
      return Symbol::create(registry().at(op), params, {{"ctx_group", group}}, named, "");
    };
    Symbol x = on("a", "tanh", {}, {on("a", "FullyConnected", {{"num_hidden", 6}}, {variable("data")})});
    x = on("b", "sin", {}, {on("b", "FullyConnected", {{"num_hidden", 6}}, {on("b", "exp", {}, {x})})});
    const Symbol loss = on("b", "MakeLoss", {}, {on("a", "square", {}, {on("a", "exp", {}, {x})})});
    const auto e = bound(loss.placed({{"a", gpu}, {"b", {}}}), {{"data", {3, 5}}});
    fill_all(*e);
    Values all;
    for (int step = 0; step < 4; ++step) {
      fill(e->bound().arguments[0], static_cast<uint32_t>(step), 1);
      e->forward(true);
      e->backward({});
      add_values(*e, &all);
    }
    return all;
  };
  const Values want = without_graphs(run);
  const Counted counted;
  CHECK(run() == want);
  CHECK(counted.counts().captured >= 3);
}

#if defined(MIXNET_GPU_EMULATED)
TEST_CASE("gpu graphs: a lost device is told of by graphs too, which run again when it is well") {
  constexpr DeviceId second{DeviceKind::gpu, 1};
  const Freely freely(false, 1);
  const auto e = bound(apply("exp", {}, {apply("tanh", {}, {apply("sin", {}, {variable("x")})})}), {{"x", {9}}}, second,
                       GradRequest::null);
  fill_all(*e);
  for (int step = 0; step < 3; ++step) e->forward(false);
  const std::vector<float> want = values(e->outputs()[0]);
  break_emulated_gpu(1, "an illegal memory access was encountered");
  CHECK_THROWS_AS(synchronize_gpus(), Error);
  e->forward(false);
  CHECK_THROWS_WITH_AS(e->outputs()[0].wait_to_read(), doctest::Contains("an illegal memory access"), Error);
  CHECK_THROWS_AS(engine().wait_all(), Error);
  mend_emulated_gpu(1);
  e->forward(false);
  CHECK(values(e->outputs()[0]) == want);
}
#endif

}  // namespace mixnet::test
