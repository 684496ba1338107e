// Plans that are replayed: on which thread they run, what they keep, and that a call outlives its handle.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <thread>

#include "autograd/replay_plan.h"
#include "autograd/taped.h"
#include "c_api/handles.h"
#include "engine/engine.h"

namespace mixnet {
namespace {

using namespace test;
using autograd::CachedOp;
using autograd::ReplayPlan;
using autograd::ReplayRequest;

// Doubles one number, and remembers the thread on which it was done.
class Doubling : public Kernel {
 public:
  Doubling(bool foreign, std::thread::id* ran_on) : foreign_(foreign), ran_on_(ran_on) {}
  bool foreign_threads() const override { return foreign_; }
  void run(const RunContext& r) const override {
    *ran_on_ = std::this_thread::get_id();
    r.out[0].as<float>()[0] = 2 * r.in[0].as<float>()[0];
  }

 private:
  bool foreign_;
  std::thread::id* ran_on_;
};

struct Doubler {
  OpSchema op = registry().at("square");
  std::thread::id ran_on;

  explicit Doubler(bool foreign, std::function<void()> while_planned = [] {}) {
    op.name = "test_doubling";
    op.id = -1;
    op.pointwise = false;
    op.kernels.clear();
    op.tail_kernels.clear();
    op.portable = [this, foreign](const PrepareContext&) { return std::make_unique<Doubling>(foreign, &ran_on); };
    op.infer_shape = [infer = op.infer_shape, while_planned](InferShape& shapes) {
      while_planned();
      infer(shapes);
    };
  }
  Symbol symbol() const {
    PlainNodeBuilder builder;
    return Symbol(builder.make(op, op.make_params({}), {{make_variable("x"), 0}}, "doubled"));
  }
};

// Where the engine runs what is pushed and takes long: the naive one on the thread that asks.
std::thread::id pushed_to() {
  std::thread::id id;
  engine().push(make_task([&id] { id = std::this_thread::get_id(); }, "test"), {}, {});
  engine().wait_all();
  return id;
}

std::shared_ptr<ReplayPlan> plan_of(const Symbol& symbol) {
  ReplayRequest request;
  request.symbol = symbol;
  request.values = {NDArray(Shape{1}, DType::f32)};
  request.bound = request.wants = {false};
  return std::make_shared<ReplayPlan>(request);
}

}  // namespace

TEST_CASE("replay plan: kernels with threads of their own do not run on the thread that asks") {
  const auto here = std::this_thread::get_id();
  const bool naive = pushed_to() == here;
  for (const bool foreign : {false, true}) {
    Doubler doubler(foreign);
    CachedOp op(doubler.symbol(), {});
    Taped x = taped({1}, {3});
    Taped* inputs[] = {&x};
    CHECK(numbers(op.invoke(inputs)[0].array) == std::vector<float>{6});
    CHECK((doubler.ran_on == here) == (naive || !foreign));
  }
}

TEST_CASE("replay plan: two idle arenas are kept") {
  const Doubler doubler(false);
  const auto plan = plan_of(doubler.symbol());
  std::vector<std::shared_ptr<Chunk>> taken;
  std::vector<std::weak_ptr<Chunk>> watched;
  for (int i = 0; i < 5; ++i) taken.push_back(plan->take_arena());
  for (auto& arena : taken) {
    watched.push_back(arena);
    plan->give_arena(std::move(arena));
  }
  int kept = 0;
  for (const auto& arena : watched) kept += !arena.expired();
  CHECK(kept == 2);
  CHECK(plan->take_arena() != plan->take_arena());
}

TEST_CASE("replay plan: a second backward leaves outputs and states alone") {
  const Symbol x = Symbol::variable("x"), w = Symbol::variable("w"), m = Symbol::variable("m");
  const Symbol y = Symbol::create(registry().at("exp"), {}, {}, {{"", x}}, "y");
  const Symbol update = Symbol::create(registry().at("sgd_mom_update"), {{"lr", 1.0}, {"momentum", 0.5}}, {},
                                       {{"", w}, {"", w}, {"", m}}, "u");
  CachedOp op(Symbol({y.outputs()[0], update.outputs()[0]}), {});
  std::vector<Taped> arrays{variable({1}, {0}), taped({1}, {8}), taped({1}, {0})};
  const std::vector<std::string> order = op.symbol().list_arguments();
  REQUIRE(order == std::vector<std::string>{"x", "w"});
  std::vector<Taped*> inputs;
  for (Taped& t : arrays) inputs.push_back(&t);
  std::vector<Taped> outputs;
  {
    const Recording recording;
    outputs = op.invoke(inputs);
  }
  const auto momentum = numbers(arrays[2].array), updated = numbers(outputs[1].array);
  CHECK(momentum == std::vector<float>{-8});
  autograd::BackwardOptions retain;
  retain.retain_graph = true;
  test::backward(outputs[0], retain);
  const float one = 1;
  arrays[0].array.copy_from_host(&one, sizeof one);
  test::backward(outputs[0]);
  CHECK(gradient_of(arrays[0])[0] == doctest::Approx(std::exp(1.0)));
  CHECK(numbers(outputs[0].array) == std::vector<float>{1});
  CHECK(numbers(outputs[1].array) == updated);
  CHECK(numbers(arrays[2].array) == momentum);
}

TEST_CASE("replay plan: the handle of a cached operator may be freed during a call") {
  mxn_cached_op* handle = nullptr;
  std::weak_ptr<CachedOp> watched;
  bool alive = false;
  Doubler doubler(false, [&] {
    if (!handle) return;
    std::thread([&] { mxn_cached_op_free(std::exchange(handle, nullptr)); }).join();
    alive = !watched.expired();
  });
  handle = new mxn_cached_op{std::make_shared<CachedOp>(doubler.symbol(), std::vector<std::string>())};
  watched = handle->op;
  mxn_ndarray x(taped({1}, {3}));
  mxn_ndarray_t *inputs[] = {&x}, *outputs[] = {nullptr};
  int32_t count = 0;
  CHECK(mxn_cached_op_invoke(handle, inputs, 1, outputs, 1, &count) == 0);
  CHECK(alive);
  CHECK(watched.expired());
  REQUIRE(count == 1);
  CHECK(numbers(outputs[0]->array) == std::vector<float>{6});
  mxn_ndarray_free(outputs[0]);
}

}  // namespace mixnet
