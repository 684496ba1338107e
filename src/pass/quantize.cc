#include "pass/quantize.h"

#include <algorithm>

#include "base/contains.h"
#include "pass/rewriter.h"
#include "symbol/symbol.h"

namespace mixnet {

const char* const calibrate_attribute = "__calibrate__";

namespace {

Value option(const Node& node, const char* name) { return node.op->field(name)->get(node.params.get()); }

bool is_a(const Node& node, const char* op) { return !node.is_variable() && node.op->name == op; }
bool is_relu(const Node& node) {
  return is_a(node, "relu") || (is_a(node, "Activation") && option(node, "act_type").str() == "relu");
}

std::vector<Entry> put_node(const char* op, std::vector<Entry> inputs, const Attributes& attributes,
                            const std::string& name) {
  PlainNodeBuilder builder;
  const OpSchema& schema = registry().at(op);
  return builder.make(schema, schema.make_params(attributes, name), std::move(inputs), name);
}

// A tensor of 8-bit or 32-bit numbers with its range.
struct Ranged {
  Entry data, low, high;
  explicit operator bool() const { return bool(data); }
};
Ranged ranged(const std::vector<Entry>& e) { return {e[0], e[1], e[2]}; }

// What there is of a value of the old graph.
struct Form {
  Entry plain;
  Ranged bytes, sums;
  bool relu = false;       // the sums want it still
  std::string name, base;  // of the entry; of the nodes that are made for it
};

// Weights and biases of the new graph as expressions of the old parameters.
class Parameters {
 public:
  explicit Parameters(bool per_channel) : per_channel_(per_channel) {}

  Ranged weight(const std::string& name, const Entry& w, int64_t channels) {
    const std::string stem = name + "_quantize";
    const std::string extents = "(" + std::to_string(per_channel_ ? channels : 1) + ",)";
    const Ranged made = per_channel_ ? by_channel(w, stem)
                                     : ranged(put_node("_contrib_quantize_v2", {w}, {{"out_type", "int8"}}, stem));
    return {variable(stem, made.data, DType::i8, ""), variable(stem + "_min", made.low, DType::f32, extents),
            variable(stem + "_max", made.high, DType::f32, extents)};
  }
  Ranged bias(const std::string& name, const Entry& b) {
    const std::string stem = name + "_quantize";
    const auto limit = [&](const char* op) {
      return put_node("Reshape", {put_node(op, {b}, {}, stem)[0]}, {{"shape", Shape{1}}}, stem)[0];
    };
    return {variable(stem, b, DType::f32, ""), variable(stem + "_min", limit("min"), DType::f32, "(1,)"),
            variable(stem + "_max", limit("max"), DType::f32, "(1,)")};
  }
  std::vector<std::pair<std::string, Entry>> list;

 private:
  static Ranged by_channel(const Entry& w, const std::string& name) {
    const auto apply = [&](const char* op, std::vector<Entry> in, const Attributes& a = {}) {
      return put_node(op, std::move(in), a, name)[0];
    };
    Entry reach = apply("max", {apply("abs", {w})}, {{"axis", Shape{0}}, {"exclude", true}, {"keepdims", true}});
    reach = apply("_maximum_scalar", {reach}, {{"scalar", 1e-30}});
    const Entry levels =
        apply("rint", {apply("broadcast_div", {apply("_mul_scalar", {w}, {{"scalar", 127.0}}), reach})});
    const Entry high = apply("Reshape", {reach}, {{"shape", Shape{-1}}});
    return {apply("Cast", {levels}, {{"dtype", DType::i8}}), apply("negative", {high}), high};
  }
  Entry variable(const std::string& name, const Entry& value, DType dtype, const std::string& shape) {
    const NodePtr node = make_variable(name);
    node->attributes["__dtype__"] = std::to_string(static_cast<int>(dtype));
    if (!shape.empty()) node->attributes["__shape__"] = shape;
    list.emplace_back(name, value);
    return {node, 0};
  }
  bool per_channel_;
};

class Quantizer {
 public:
  Quantizer(const Graph& graph, const QuantizeOptions& options)
      : g_(graph),
        options_(options),
        parameters_(options.per_channel),
        forms_(static_cast<size_t>(graph.num_entries())),
        readers_(forms_.size()),
        reader_(forms_.size(), -1),
        taken_(static_cast<size_t>(graph.num_nodes())) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) {
        ++readers_[entry(e)];
        reader_[entry(e)] = id;
      }
    }
    for (const Entry& e : g_.heads()) readers_[entry(e)] += 2;
  }

  Quantized run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (!taken_[static_cast<size_t>(id)]) place(id);
    }
    Quantized result;
    for (const Entry& e : g_.heads()) result.heads.push_back(plain(e));
    result.parameters = std::move(parameters_.list);
    return result;
  }

 private:
  size_t entry(const Entry& e) const { return static_cast<size_t>(g_.entry(e)); }
  Form& form(const Entry& e) { return forms_[entry(e)]; }
  bool allowed(const Node& node) const {
    return !contains(options_.excluded_names, node.name) && !contains(options_.excluded_operators, node.op->name);
  }
  bool has_bytes(const Entry& e) { return options_.everything || form(e).bytes || form(e).sums; }
  bool all_bytes(const Node& node) {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Entry& e) { return has_bytes(e); });
  }

  void place(int id) {
    const NodePtr& node = g_.node(id);
    for (int o = 0; o < g_.num_outputs(id); ++o) {
      Form& f = forms_[static_cast<size_t>(g_.entry(id, o))];
      f.name = entry_name({node, o});
      f.base = node->name;
    }
    if (node->is_variable()) form({node, 0}).plain = {node, 0};
    else if (is_a(*node, "Dropout") && readers_[static_cast<size_t>(g_.entry(id, 0))] && g_.num_outputs(id) >= 1)
      form({node, 0}) = form(node->inputs[0]);
    else if (!allowed(*node)) keep(id);
    else if (is_layer(*node)) layer(id);
    else if (is_a(*node, "elemwise_add") && all_bytes(*node)) sum(id);
    else if (is_a(*node, "Pooling") && all_bytes(*node) && pools_bytes(*node)) moved(id, "_contrib_quantized_pooling");
    else if (is_a(*node, "Flatten") && all_bytes(*node)) moved(id, "_contrib_quantized_flatten");
    else if (is_relu(*node) && all_bytes(*node)) relu(id);
    else if (is_a(*node, "Concat") && all_bytes(*node)) concat_bytes(id);
    else keep(id);
  }
  void keep(int id) {
    const NodePtr& old = g_.node(id);
    std::vector<Entry> inputs;
    for (const Entry& e : old->inputs) inputs.push_back(plain(e));
    const NodePtr node = inputs == old->inputs ? old : copy_node(old, std::move(inputs));
    for (int o = 0; o < g_.num_outputs(id); ++o) forms_[static_cast<size_t>(g_.entry(id, o))].plain = {node, o};
  }

  static bool is_layer(const Node& node) {
    if (!is_a(node, "Convolution") && !is_a(node, "FullyConnected")) return false;
    return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [](const Entry& e) { return e.node->is_variable(); });
  }
  static bool pools_bytes(const Node& node) {
    const std::string type = option(node, "pool_type").str();
    return type == "max" || type == "avg";
  }

  // The node that alone reads the value, or -1.
  int follower(const Entry& e) const { return readers_[entry(e)] == 1 ? reader_[entry(e)] : -1; }
  bool follows(int id, const Entry& data) const {
    return id >= 0 && allowed(*g_.node(id)) && g_.node(id)->inputs[0] == data;
  }
  // The relu behind a value, taken in; the value that results.
  Entry take_relu(const Entry& e, bool* relu) {
    const int id = follower(e);
    *relu = follows(id, e) && is_relu(*g_.node(id));
    if (!*relu) return e;
    taken_[static_cast<size_t>(id)] = true;
    return {g_.node(id), 0};
  }
  bool takes_norm(int id, const Entry& e) const {
    if (!follows(id, e)) return false;
    const Node& norm = *g_.node(id);
    if (!is_a(norm, "BatchNorm")) return false;
    for (int o = 1; o < g_.num_outputs(id); ++o) {
      if (readers_[static_cast<size_t>(g_.entry(id, o))]) return false;
    }
    const bool variables =
        std::all_of(norm.inputs.begin() + 1, norm.inputs.end(), [](const Entry& i) { return i.node->is_variable(); });
    const int64_t axis = option(norm, "axis").as_int();
    const bool last = is_a(*e.node, "Convolution") && is_last(*e.node);
    return variables && (last ? axis == -1 || axis == option(*e.node, "kernel").as_ints().ndim() + 1 : axis == 1);
  }
  static bool is_last(const Node& conv) {
    const std::string layout = option(conv, "layout").str();
    return layout == "NHWC" || layout == "NDHWC";
  }

  // Weight and bias with BatchNorm taken in (see pass/fold.h).
  static void fold_norm(const Node& norm, const std::string& name, int ndim, Entry* w, Entry* b) {
    const auto apply = [&](const char* op, std::vector<Entry> in, const Attributes& a = {}) {
      return put_node(op, std::move(in), a, name + "_folded")[0];
    };
    Entry scale =
        apply("rsqrt", {apply("_plus_scalar", {norm.inputs[4]}, {{"scalar", option(norm, "eps").as_real()}})});
    if (!option(norm, "fix_gamma").as_bool()) scale = apply("elemwise_mul", {norm.inputs[1], scale});
    Shape rows = Shape::filled(ndim, 1);
    rows[0] = -1;
    *w = apply("broadcast_mul", {*w, apply("Reshape", {scale}, {{"shape", rows}})});
    const Entry centre = *b ? apply("elemwise_sub", {norm.inputs[3], *b}) : norm.inputs[3];
    *b = apply("elemwise_sub", {norm.inputs[2], apply("elemwise_mul", {centre, scale})});
  }

  void layer(int id) {
    const Node& node = *g_.node(id);
    const bool conv = is_a(node, "Convolution");
    Entry result{g_.node(id), 0}, w = node.inputs[1], b = node.inputs.size() > 2 ? node.inputs[2] : Entry();
    const int norm = follower(result);
    if (takes_norm(norm, result)) {
      fold_norm(*g_.node(norm), node.name, conv ? option(node, "kernel").as_ints().ndim() + 2 : 2, &w, &b);
      taken_[static_cast<size_t>(norm)] = true;
      result = {g_.node(norm), 0};
    }
    bool relu = false;
    result = take_relu(result, &relu);

    const Ranged data = bytes(node.inputs[0]);
    const int64_t channels = option(node, conv ? "num_filter" : "num_hidden").as_int();
    const Ranged weight = parameters_.weight(unused(node.inputs[1].node->name, node), w, channels);
    std::vector<Entry> inputs{data.data, weight.data};
    std::vector<Entry> ranges{data.low, data.high, weight.low, weight.high};
    if (b) {
      const std::string name = node.inputs.size() > 2 ? node.inputs[2].node->name : node.name + "_bias";
      const Ranged bias = parameters_.bias(unused(name, node), b);
      inputs.push_back(bias.data);
      ranges.insert(ranges.end(), {bias.low, bias.high});
    }
    inputs.insert(inputs.end(), ranges.begin(), ranges.end());
    Form& f = form(result);
    f.name = entry_name(result);
    f.base = node.name;
    f.relu = relu;
    f.sums = ranged(put_node(conv ? "_contrib_quantized_conv" : "_contrib_quantized_fully_connected", inputs,
                             parameters_of(node, b ? "False" : "True"), "quantized_" + node.name));
  }
  // A name for a parameter; layers that share one may need it in different forms.
  std::string unused(const std::string& name, const Node& node) const {
    const bool used = std::any_of(parameters_.list.begin(), parameters_.list.end(),
                                  [&](const auto& p) { return p.first == name + "_quantize"; });
    return used ? node.name + "_" + name : name;
  }
  static Attributes parameters_of(const Node& node, const char* no_bias = nullptr) {
    Attributes attributes;
    for (const auto& [name, text] : node.op->params_text(node.params.get()))
      attributes.emplace_back(name, no_bias && name == "no_bias" ? Value(no_bias) : Value(text));
    return attributes;
  }

  void sum(int id) {
    const Node& node = *g_.node(id);
    bool relu = false;
    const Entry result = take_relu({g_.node(id), 0}, &relu);
    const Ranged a = bytes(node.inputs[0]), b = bytes(node.inputs[1]);
    Form& f = form(result);
    f.name = entry_name(result);
    f.base = node.name;
    f.relu = relu;
    f.sums = ranged(put_node("_contrib_quantized_elemwise_add", {a.data, b.data, a.low, a.high, b.low, b.high}, {},
                             "quantized_" + node.name));
  }
  void moved(int id, const char* op) {
    const Node& node = *g_.node(id);
    const Ranged in = bytes(node.inputs[0]);
    form({g_.node(id), 0}).bytes =
        ranged(put_node(op, {in.data, in.low, in.high}, parameters_of(node), "quantized_" + node.name));
  }
  void relu(int id) {
    const Node& node = *g_.node(id);
    const Ranged in = bytes(node.inputs[0]);
    form({g_.node(id), 0}).bytes = act(in, node.name);
  }
  static Ranged act(const Ranged& in, const std::string& name) {
    return ranged(
        put_node("_contrib_quantized_act", {in.data, in.low, in.high}, {{"act_type", "relu"}}, "quantized_" + name));
  }
  void concat_bytes(int id) {
    const Node& node = *g_.node(id);
    std::vector<Entry> inputs, ranges;
    for (const Entry& e : node.inputs) {
      const Ranged in = bytes(e);
      inputs.push_back(in.data);
      ranges.insert(ranges.end(), {in.low, in.high});
    }
    inputs.insert(inputs.end(), ranges.begin(), ranges.end());
    form({g_.node(id), 0}).bytes =
        ranged(put_node("_contrib_quantized_concat", inputs, parameters_of(node), "quantized_" + node.name));
  }

  Ranged bytes(const Entry& e) {
    Form& f = form(e);
    if (f.bytes) return f.bytes;
    const bool positive = f.relu && !options_.signed_only;
    if (f.sums) {
      f.bytes = wanting(f, put_node("_contrib_requantize", {f.sums.data, f.sums.low, f.sums.high},
                                    {{"out_type", positive ? "uint8" : "int8"}}, "requantize_" + f.base));
      if (f.relu && !positive) f.bytes = act(f.bytes, f.base + "_relu");
      return f.bytes;
    }
    const char* type = options_.unsigned_data && f.plain.node->is_variable() ? "uint8"
                       : options_.signed_only                                ? "int8"
                                                                             : "auto";
    return f.bytes =
               wanting(f, put_node("_contrib_quantize_v2", {f.plain}, {{"out_type", type}}, f.base + "_quantize"));
  }
  static Ranged wanting(const Form& f, const std::vector<Entry>& made) {
    made[0].node->attributes[calibrate_attribute] = f.name;
    return ranged(made);
  }
  Entry plain(const Entry& e) {
    Form& f = form(e);
    if (f.plain) return f.plain;
    const Ranged& from = f.bytes ? f.bytes : f.sums;
    f.plain = put_node("_contrib_dequantize", {from.data, from.low, from.high}, {}, f.base + "_dequantize")[0];
    if (!f.bytes && f.relu) f.plain = put_node("Activation", {f.plain}, {{"act_type", "relu"}}, f.base + "_relu")[0];
    return f.plain;
  }

  const Graph& g_;
  const QuantizeOptions& options_;
  Parameters parameters_;
  std::vector<Form> forms_;            // by entry
  std::vector<int> readers_, reader_;  // by entry: how many (a head counts as two), and one of them
  std::vector<bool> taken_;            // by node: part of the layer before it
};

}  // namespace

Quantized quantize(const Graph& graph, const QuantizeOptions& options) { return Quantizer(graph, options).run(); }

std::vector<Entry> calibrate(const Graph& graph, const ValueRanges& ranges) {
  Rewriter made(graph);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const NodePtr& node = graph.node(id);
    const auto wanted = node->attributes.find(calibrate_attribute);
    const auto range = wanted == node->attributes.end() ? ranges.end() : ranges.find(wanted->second);
    if (node->is_variable() || range == ranges.end() || !node->op->field("min_calib_range")) {
      made.keep(id);
      continue;
    }
    auto [low, high] = range->second;
    MIXNET_CHECK(low <= high, invalid, "[quantize] ", range->first, ": expected a range with min <= max, got (", low,
                 ", ", high, ")");
    if (option(*node, "out_type").str() == "uint8") {
      low = std::max(low, 0.0);
      high = std::max(high, 0.0);
    }
    Attributes attributes;
    for (const auto& [name, text] : node->op->params_text(node->params.get())) {
      if (name == "min_calib_range") attributes.emplace_back(name, low);
      else if (name == "max_calib_range") attributes.emplace_back(name, high);
      else attributes.emplace_back(name, text);
    }
    const NodePtr known = copy_node(node, made.inputs(id));
    known->params = node->op->make_params(attributes, node->name);
    for (int o = 0; o < graph.num_outputs(id); ++o) made.replace(id, o, {known, o});
  }
  return made.heads();
}

}  // namespace mixnet
