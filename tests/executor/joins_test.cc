// Values made where a Concat, a slice or an output needs them, against plans that copy, with oneDNN and without.
#include <doctest/doctest.h>

#include <cstdlib>

#include "op/core/registry.h"
#include "small_nets.h"

namespace mixnet {
namespace {

using namespace test;

// Sets variables of the environment while it lives.
class Environment {
 public:
  explicit Environment(std::vector<const char*> names, const char* value) : names_(std::move(names)) {
    for (const char* name : names_) setenv(name, value, 1);
  }
  ~Environment() {
    for (const char* name : names_) unsetenv(name);
  }

 private:
  std::vector<const char*> names_;
};

Symbol data() { return Symbol::variable("data"); }
Symbol relu(Symbol x) { return apply("Activation", {{"act_type", "relu"}}, {std::move(x)}); }
Symbol join(std::vector<Symbol> parts, int64_t axis = 1) {
  const int64_t count = static_cast<int64_t>(parts.size());
  return apply("Concat", {{"num_args", count}, {"dim", axis}}, std::move(parts));
}
Symbol pooled(Symbol x) { return apply("Pooling", {{"kernel", Shape{1, 1}}, {"global_pool", true}}, {std::move(x)}); }
Symbol ended(Symbol x) { return apply("square", {}, {pooled(std::move(x))}); }

struct Case {
  const char* name;
  Symbol net;
  int joined;  // Concat, slices and views that do not run
};

int count(const std::string& text, const std::string& word) {
  int n = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

// A block as DenseNet's: every layer reads all before it.
Symbol dense(int layers) {
  Symbol x = conv(data(), 16, 1, "stem");
  for (int i = 0; i < layers; ++i) {
    const std::string name = "layer" + std::to_string(i);
    x = join({x, conv(relu(x), 16, 1, name)});
  }
  return ended(x);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"branches", ended(join({conv(data(), 16, 1, "a"), conv(data(), 32, 1, "b")})), 1});
  all.push_back({"nested",
                 ended(join({join({conv(data(), 16, 1, "a"), conv(data(), 16, 1, "b")}), conv(data(), 32, 1, "c")})),
                 2});
  all.push_back({"dense", dense(3), 3});
  Symbol shared = conv(data(), 16, 1, "a");
  // Joined, the last result would be held from the start, and the arena larger.
  all.push_back({"in three joins",
                 ended(join({apply("elemwise_add", {},
                                   {ended(join({shared, conv(data(), 16, 1, "b")})),
                                    ended(join({conv(data(), 16, 1, "c"), shared}))}),
                             pooled(join({shared, conv(data(), 16, 1, "d")}))})),
                 0});
  all.push_back(
      {"two readers", ended(join({shared, apply("elemwise_mul", {}, {shared, conv(data(), 16, 1, "b")})})), 1});
  all.push_back({"twice", ended(join({shared, shared})), 0});
  all.push_back({"external", ended(join({data(), conv(data(), 16, 1, "a")})), 0});
  all.push_back({"an input is an output", Symbol::group({shared, ended(join({shared, conv(data(), 16, 1, "b")}))}), 0});
  all.push_back({"is an output", join({apply("square", {}, {conv(data(), 16, 1, "a")}), conv(data(), 32, 1, "b")}), 1});
  Symbol flat = apply("Flatten", {}, {conv(data(), 16, 1, "a")});
  all.push_back({"views", apply("square", {}, {join({flat, apply("Flatten", {}, {shared})})}), 3});
  const Symbol parts = apply("SliceChannel", {{"num_outputs", 2}}, {conv(data(), 32, 1, "a")});
  all.push_back({"cut", apply("elemwise_mul", {}, {pooled(parts.output(0)), ended(parts.output(1))}), 1});
  all.push_back({"cut and joined", ended(join({parts.output(1), parts.output(0)})), 1});
  const Attributes part{{"axis", 1}, {"begin", 16}, {"end", 32}};
  all.push_back({"slice_axis", ended(apply("slice_axis", part, {conv(data(), 48, 1, "a")})), 1});
  return all;
}

std::shared_ptr<Executor> bound(const Symbol& net, GradRequest request, int64_t batch = 1) {
  SimpleBindArguments arguments;
  arguments.shapes = {{"data", {batch, 16, 12, 12}}};
  arguments.default_request = request;
  const auto e = simple_bind(net, {}, arguments);
  for (size_t i = 0; i < e->bound().arguments.size(); ++i)
    fill(e->bound().arguments[i], static_cast<uint32_t>(i), 0.6f);
  return e;
}

void check_same(const std::shared_ptr<Executor>& a, const std::shared_ptr<Executor>& b, bool training) {
  for (int step = 0; step < 2; ++step) {
    for (const auto& e : {a, b}) {
      e->forward(training);
      if (training) e->backward({});
    }
    for (size_t i = 0; i < a->outputs().size(); ++i) CHECK(difference(a->outputs()[i], b->outputs()[i]) < 1e-4);
    for (size_t i = 0; training && i < a->bound().gradients.size(); ++i) {
      if (!a->bound().gradients[i].none()) CHECK(difference(a->bound().gradients[i], b->bound().gradients[i]) < 1e-3);
    }
  }
}

int steps_that_move(const Executor& e) {
  const std::string text = e.describe();
  return count(text, "Concat") + count(text, "SliceChannel") + count(text, "slice_axis") + count(text, "Flatten");
}

}  // namespace

// Kernels without workspace, so that a join never costs memory.
TEST_CASE("joins: row-major plans of one image move nothing") {
  const Environment verified({"MIXNET_PLAN_VERIFY"}, "1");
  const bool onednn = onednn_enabled();
  set_onednn_enabled(false);
  for (const Case& c : cases()) {
    INFO(std::string(c.name));
    const auto joined = bound(c.net, GradRequest::null);
    const Environment copying({"MIXNET_PLAN_INPLACE"}, "0");
    const auto copied = bound(c.net, GradRequest::null);
    CHECK(steps_that_move(*copied) - steps_that_move(*joined) == c.joined);
    CHECK(joined->memory(false).planned <= copied->memory(false).planned);
    check_same(joined, copied, false);
  }
  set_onednn_enabled(onednn);
}

TEST_CASE("joins: the same values in every setting, trained or not") {
  const Environment verified({"MIXNET_PLAN_VERIFY"}, "1");
  const bool onednn = onednn_enabled();
  for (const bool with : {true, false}) {
    set_onednn_enabled(with && onednn);
    for (const int64_t batch : {1, 2}) {
      for (const Case& c : cases()) {
        INFO(std::string(c.name) << " onednn " << with << " batch " << batch);
        const auto joined = bound(c.net, GradRequest::write, batch);
        const auto added = bound(c.net, GradRequest::add, batch);
        added->forward(true);
        added->backward({});
        const Environment copying({"MIXNET_PLAN_INPLACE"}, "0");
        check_same(joined, bound(c.net, GradRequest::write, batch), true);
        check_same(bound(c.net, GradRequest::null, batch), bound(c.net, GradRequest::null, batch), false);
      }
    }
  }
  set_onednn_enabled(onednn);
}

TEST_CASE("joins: many branches need their result and little else") {
  const bool onednn = onednn_enabled();
  set_onednn_enabled(false);
  std::vector<Symbol> parts;
  for (int i = 0; i < 8; ++i) parts.push_back(conv(data(), 16, 1, "part" + std::to_string(i)));
  const auto joined = bound(ended(join(parts)), GradRequest::null);
  const Environment copying({"MIXNET_PLAN_INPLACE"}, "0");
  const auto copied = bound(ended(join(parts)), GradRequest::null);
  set_onednn_enabled(onednn);
  CHECK(joined->memory(false).planned < copied->memory(false).planned * 2 / 3);
}

TEST_CASE("joins: a monitor sees what did not run") {
  const Symbol both =
      apply("Concat", {{"num_args", 2}}, {conv(data(), 16, 1, "a"), conv(data(), 16, 1, "b")}, "joined");
  const auto e = bound(ended(both), GradRequest::null);
  int seen = 0;
  e->set_monitor([&seen](const std::string& name, const NDArray&) { seen += name.find("joined") == 0 ? 1 : 0; }, false);
  e->forward(false);
  CHECK(seen == 1);
}

}  // namespace mixnet
