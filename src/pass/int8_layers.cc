#include "pass/int8_layers.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/contains.h"
#include "pass/rewriter.h"

namespace mixnet {
namespace {

Value int8_field(const Node& node, const char* name) { return node.op->field(name)->get(node.params.get()); }
bool int8_is(const Node& node, const char* op) { return !node.is_variable() && node.op->name == op; }
bool is_int8_sums(const Node& node) {
  return int8_is(node, "_contrib_quantized_conv") || int8_is(node, "_contrib_quantized_fully_connected");
}

struct Int8Limits {
  double low, high;
  double reach() const { return std::max(std::fabs(low), std::fabs(high)); }
};

// A layer and the nodes that go with it, by their numbers; -1: none.
struct Int8Chain {
  int layer = -1, finish = -1;  // finish: requantize or dequantize of the sums, or of the sum with the shortcut
  int first_finish = -1, sum = -1, relu = -1;
  Entry shortcut;
};

class Int8Joiner {
 public:
  Int8Joiner(const Typed& typed, const std::vector<const Node*>& inputs)
      : typed_(typed),
        g_(typed.graph),
        inputs_(inputs),
        limits_(static_cast<size_t>(g_.num_entries())),
        readers_(limits_.size()),
        reader_(limits_.size(), -1),
        last_of_(static_cast<size_t>(g_.num_nodes()), -1),
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) {
        ++readers_[entry(e)];
        reader_[entry(e)] = id;
      }
      find_limits(id);
    }
    for (const Entry& e : g_.heads()) readers_[entry(e)] += 2;
  }

  std::vector<Entry> run() {
    for (int id = g_.num_nodes() - 1; id >= 0; --id) {
      if (is_int8_sums(*g_.node(id)) && last_of_[static_cast<size_t>(id)] < 0) find_chain(id);
    }
    for (int id = 0; id < g_.num_nodes(); ++id) {
      const int chain = last_of_[static_cast<size_t>(id)];
      if (chain < 0) keep(id);
      else if (last(chains_[static_cast<size_t>(chain)]) == id) join(chains_[static_cast<size_t>(chain)]);
    }
    return new_.heads();
  }

 private:
  size_t entry(const Entry& e) const { return static_cast<size_t>(g_.entry(e)); }
  size_t entry(int id, int output) const { return static_cast<size_t>(g_.entry(id, output)); }
  const std::optional<Int8Limits>& limits(const Entry& e) const { return limits_[entry(e)]; }
  DType type(const Entry& e) const { return typed_.types[entry(e)]; }
  double step(const Entry& e) const {
    return limits(e)->reach() / static_cast<double>(type(e) == DType::u8 ? 255 : 127);
  }

  // What the first output of a node stands for, where that is known before it runs.
  void find_limits(int id) {
    const Node& node = *g_.node(id);
    if (node.is_variable()) return;
    std::optional<Int8Limits>& known = limits_[entry(id, 0)];
    const bool quantises = int8_is(node, "_contrib_quantize_v2") || int8_is(node, "_contrib_requantize");
    if (quantises && !int8_field(node, "min_calib_range").is_none()) {
      known = Int8Limits{int8_field(node, "min_calib_range").as_real(), int8_field(node, "max_calib_range").as_real()};
      if (typed_.types[entry(id, 0)] == DType::i8) known = Int8Limits{-known->reach(), known->reach()};
    }
    const bool keeps = int8_is(node, "_contrib_quantized_pooling") || int8_is(node, "_contrib_quantized_flatten") ||
                       int8_is(node, "_contrib_quantized_act");
    if (keeps && node.inputs[1] == Entry{node.inputs[0].node, 1}) known = limits(node.inputs[0]);
  }

  // Whether only this node reads the first output, and nobody else its range.
  int only_reader(int id) const {
    if (readers_[entry(id, 0)] != 1) return -1;
    const int reader = reader_[entry(id, 0)];
    for (int o = 1; o < g_.num_outputs(id); ++o) {
      if (readers_[entry(id, o)] > 1 || (readers_[entry(id, o)] == 1 && reader_[entry(id, o)] != reader)) return -1;
    }
    return reader;
  }
  bool parameter(const Entry& e) const {
    const Node* node = e.node.get();
    return node->is_variable() && !contains(inputs_, node);
  }

  bool joinable(int id) const {
    const Node& node = *g_.node(id);
    const bool biased = !int8_field(node, "no_bias").as_bool();
    const Entry& data = node.inputs[0];
    const size_t ranges = biased ? 3 : 2;
    if (!limits(data) || node.inputs[ranges].node != data.node) return false;
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (i != ranges && i != ranges + 1 && !parameter(node.inputs[i])) return false;
    }
    return true;
  }
  // A requantize whose range is known, or a dequantize.
  bool finishes(int id) const {
    return id >= 0 && (int8_is(*g_.node(id), "_contrib_dequantize") ||
                       (int8_is(*g_.node(id), "_contrib_requantize") && limits_[entry(id, 0)]));
  }

  void find_chain(int id) {
    if (!joinable(id)) return;
    Int8Chain c;
    c.layer = id;
    c.finish = only_reader(id);
    if (!finishes(c.finish)) return;
    take_shortcut(c);
    take_relu(c);
    for (int part : {c.layer, c.first_finish, c.sum, c.finish, c.relu}) {
      if (part >= 0) last_of_[static_cast<size_t>(part)] = static_cast<int>(chains_.size());
    }
    chains_.push_back(c);
  }
  static int last(const Int8Chain& c) { return c.relu >= 0 ? c.relu : c.finish; }

  void take_shortcut(Int8Chain& c) const {
    if (!int8_is(*g_.node(c.finish), "_contrib_requantize")) return;
    const int sum = only_reader(c.finish);
    if (sum < 0 || !int8_is(*g_.node(sum), "_contrib_quantized_elemwise_add") ||
        last_of_[static_cast<size_t>(sum)] >= 0)
      return;
    const Node& node = *g_.node(sum);
    if (!int8_field(node, "min_calib_range").is_none()) return;
    const Entry other = node.inputs[node.inputs[0].node == g_.node(c.finish) ? 1 : 0];
    const int finish = only_reader(sum);
    if (other.node == g_.node(c.finish) || !limits(other) || limits(other)->reach() == 0 || !finishes(finish)) return;
    c.first_finish = c.finish;
    c.sum = sum;
    c.shortcut = other;
    c.finish = finish;
  }
  void take_relu(Int8Chain& c) const {
    if (!int8_is(*g_.node(c.finish), "_contrib_requantize")) return;
    const int reader = only_reader(c.finish);
    if (reader >= 0 && int8_is(*g_.node(reader), "_contrib_quantized_act") && last_of_[static_cast<size_t>(reader)] < 0)
      c.relu = reader;
  }

  std::vector<Entry> put(const char* op, std::vector<Entry> inputs, const Attributes& attributes,
                         const std::string& name, bool derived = false) {
    const OpSchema& schema = registry().at(op);
    std::vector<Entry> made = builder_.make(schema, schema.make_params(attributes, name), std::move(inputs), name);
    made[0].node->derived = derived;
    return made;
  }
  Entry derive(const char* op, std::vector<Entry> inputs, const Attributes& attributes, const std::string& name) {
    return put(op, std::move(inputs), attributes, name, true)[0];
  }
  Entry constant(double value, const std::string& name) {
    return put("_full", {}, {{"shape", Shape{1}}, {"value", value}, {"dtype", DType::f32}}, name)[0];
  }

  void keep(int id) {
    const Node& node = *g_.node(id);
    // A flattened tensor is the same numbers; what is known of its range need not be handed on.
    if (int8_is(node, "_contrib_quantized_flatten") && limits_[entry(id, 0)]) {
      new_.replace(id, 0, put("Flatten", {new_.now(node.inputs[0])}, {}, node.name)[0]);
    } else {
      new_.keep(id);
    }
    hand_on_limits(id, int8_is(node, "_contrib_quantized_flatten"));
  }
  // Readers of a known range get constants, so that nothing need be computed for them.
  void hand_on_limits(int id, bool all) {
    if (!limits_[entry(id, 0)]) return;
    for (int o : {1, 2}) {
      if (!all && readers_[entry(id, o)] == 0) continue;
      const Int8Limits& known = *limits_[entry(id, 0)];
      new_.replace(id, o, constant(o == 1 ? known.low : known.high, g_.node(id)->name + "_range"));
    }
  }

  void join(const Int8Chain& c) {
    const Node &layer = *g_.node(c.layer), &finish = *g_.node(c.finish);
    const bool conv = int8_is(layer, "_contrib_quantized_conv"), biased = !int8_field(layer, "no_bias").as_bool();
    const std::vector<Entry> in = new_.inputs(c.layer);
    const size_t ranges = biased ? 3 : 2;
    const std::string name = layer.name + "_joined";
    std::vector<Entry> inputs{in[0], in[1], scale(layer, in[ranges + 2], in[ranges + 3], name)};
    if (biased) {
      inputs.push_back(type(layer.inputs[2]) == DType::f32
                           ? in[2]
                           : derive("_contrib_dequantize", {in[2], in[ranges + 4], in[ranges + 5]}, {}, name));
    }
    if (c.shortcut) inputs.push_back(new_.now(c.shortcut));

    Attributes attributes;
    for (const auto& [key, text] : layer.op->params_text(layer.params.get())) attributes.emplace_back(key, text);
    const bool bytes = int8_is(finish, "_contrib_requantize");
    attributes.emplace_back("relu", c.relu >= 0);
    if (c.shortcut) attributes.emplace_back("sum_step", step(c.shortcut));
    attributes.emplace_back("out_type", typed_.types[entry(c.finish, 0)]);
    if (bytes) attributes.emplace_back("out_step", step({g_.node(c.finish), 0}));
    const Entry made = put(conv ? "_int8_convolution" : "_int8_fully_connected", inputs, attributes, name)[0];
    new_.replace(last(c), 0, made);
    if (bytes) hand_on_limits(last(c), true);
  }

  // What one unit of the sums stands for, per channel.
  Entry scale(const Node& layer, const Entry& low, const Entry& high, const std::string& name) {
    const bool conv = int8_is(layer, "_contrib_quantized_conv");
    const Entry reach = derive("_maximum", {derive("abs", {low}, {}, name), derive("abs", {high}, {}, name)}, {}, name);
    const Entry unit = derive("_mul_scalar", {reach}, {{"scalar", step(layer.inputs[0]) / 127}}, name);
    return derive("broadcast_to", {unit},
                  {{"shape", Shape{int8_field(layer, conv ? "num_filter" : "num_hidden").as_int()}}}, name);
  }

  const Typed& typed_;
  const Graph& g_;
  const std::vector<const Node*>& inputs_;
  std::vector<std::optional<Int8Limits>> limits_;  // by entry: what quantised data stand for
  std::vector<int> readers_, reader_;              // by entry: how many (a head counts as two), and one of them
  std::vector<int> last_of_;                       // by node: the chain that it is part of, or -1
  std::vector<Int8Chain> chains_;
  PlainNodeBuilder builder_;
  Rewriter new_;
};

}  // namespace

std::vector<Entry> join_int8_layers(const Typed& typed, const std::vector<const Node*>& inputs) {
  const Graph& g = typed.graph;
  bool any = false;
  for (int id = 0; id < g.num_nodes() && !any; ++id) any = is_int8_sums(*g.node(id));
  return any ? Int8Joiner(typed, inputs).run() : g.heads();
}

}  // namespace mixnet
