#include "pass/attention.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "pass/rewriter.h"

namespace mixnet {
namespace {

const char* const interleaved = "_contrib_interleaved_matmul_";

Value param(const Node& node, const char* name) { return node.op->field(name)->get(node.params.get()); }
bool is(const Node& node, const std::string& name) { return !node.is_variable() && node.op->name == name; }
bool is_batch_dot(const Node& node, bool transpose_b) {
  return is(node, "batch_dot") && !param(node, "transpose_a").as_bool() &&
         param(node, "transpose_b").as_bool() == transpose_b;
}
bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16;
}
bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

// The input that a node gives on in another dtype, as one of its outputs; null where it does not.
const Entry* cast_source(const Entry& e) {
  if (is(*e.node, "amp_multicast")) return &e.node->inputs[static_cast<size_t>(e.index)];
  return is(*e.node, "Cast") || is(*e.node, "amp_cast") ? &e.node->inputs[0] : nullptr;
}

// Between one product and the other, in the old graph.
struct Scores {
  int product = -1;  // of queries and keys
  double scale = 1;
  bool softmax = false;
  std::optional<Entry> mask;
  Shape at_mask;  // the scores that it is added to
};

class AttentionPass {
 public:
  AttentionPass(const Typed& typed, DeviceId device)
      : typed_(typed),
        g_(typed.graph),
        device_(device),
        readers_(static_cast<size_t>(g_.num_entries())),
        reading_(static_cast<size_t>(g_.num_entries())),
        changed_(changing_variables(g_)),
        new_(g_) {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      for (const Entry& e : g_.node(id)->inputs) {
        ++readers_[static_cast<size_t>(g_.entry(e))];
        reading_[static_cast<size_t>(g_.entry(e))].push_back(id);
      }
    }
    for (const Entry& e : g_.heads()) {
      ++readers_[static_cast<size_t>(g_.entry(e))];
      reading_[static_cast<size_t>(g_.entry(e))].push_back(none);
    }
  }

  std::vector<Entry> run() {
    for (int id = 0; id < g_.num_nodes(); ++id) {
      if (!join(id) && !narrow_again(id)) new_.keep(id);
    }
    return new_.heads();
  }

 private:
  static constexpr int none = -1;

  const Shape& shape(const Entry& e) const { return typed_.shapes[static_cast<size_t>(g_.entry(e))]; }
  DType type(const Entry& e) const { return typed_.types[static_cast<size_t>(g_.entry(e))]; }

  bool join(int id) {
    const Node& node = *g_.node(id);
    if (node.is_variable() || shape({g_.node(id), 0}).size() == 0) return false;
    if (is_batch_dot(node, false)) return join_dense(id);
    for (bool separate : {false, true}) {
      if (is(node, std::string(interleaved) + (separate ? "encdec" : "selfatt") + "_valatt"))
        return join_interleaved(id, separate);
    }
    return false;
  }

  // From the second product's input back to the first product.
  std::optional<Scores> scores_of(const Entry& probabilities) const {
    Scores s;
    Entry at = probabilities;
    const Shape whole = shape(at);
    if (whole.ndim() < 3) return std::nullopt;
    while (s.product < 0) {
      const Node& node = *at.node;
      if (node.is_variable() || (at.index != 0 && !cast_source(at)) || readers_[static_cast<size_t>(g_.entry(at))] != 1)
        return std::nullopt;
      if (s.softmax && is_product(node)) s.product = g_.id(&node);
      else if (!step(whole, s, at)) return std::nullopt;
    }
    return s;
  }
  static bool is_product(const Node& node) {
    return is_batch_dot(node, true) || is(node, std::string(interleaved) + "selfatt_qk") ||
           is(node, std::string(interleaved) + "encdec_qk");
  }

  // One node back; false: it is none that may stand there.
  bool step(const Shape& whole, Scores& s, Entry& at) const {
    static const std::set<std::string> copies{"_copy", "BlockGrad"};
    const Node& node = *at.node;
    const std::string& name = node.op->name;
    if (node.inputs.empty()) return false;
    const Entry* const cast = cast_source(at);
    const Entry& data = cast ? *cast : node.inputs[0];
    const bool view = node.num_outputs() == 1 && !node.op->alias.empty() && node.op->alias[0].first == 0;
    bool fits = is_float(type(data)) && keeps_rows(whole, shape(data));
    if (name == "softmax") {
      const int64_t last = shape(data).ndim() - 1, axis = param(node, "axis").as_int();
      fits = fits && !s.softmax && (axis == -1 || axis == last);
      s.softmax = true;
      const Value temperature = param(node, "temperature");
      if (!temperature.says_none()) s.scale /= temperature.as_real();
    } else if (name == "_mul_scalar" || name == "_div_scalar") {
      fits = fits && s.softmax;
      const double by = param(node, "scalar").as_real();
      s.scale *= name == "_mul_scalar" ? by : 1 / by;
    } else if (name == "broadcast_add" || name == "elemwise_add") {
      return s.softmax && !s.mask && s.scale == 1 && add(whole, s, at);
    } else if (name == "Dropout") {
      fits = fits && param(node, "mode").as_text() == "training";
    } else {
      fits = fits && (view || cast || copies.count(name));
    }
    at = data;
    return fits;
  }

  // The sum of scores and a mask, of which the scores are those that a product has made.
  bool add(const Shape& whole, Scores& s, Entry& at) const {
    const Node& node = *at.node;
    const Shape sum = shape(at);
    for (size_t i : {0, 1}) {
      const Entry &scores = node.inputs[i], &mask = node.inputs[1 - i];
      if (shape(scores) != sum || scores.node->is_variable() || sum.ndim() < 3 || sum.ndim() > 4) continue;
      if (shape(mask).ndim() != sum.ndim() || !keeps_rows(whole, sum)) continue;
      Scores rest = s;
      rest.mask = mask;
      rest.at_mask = sum;
      Entry from = scores;
      if (!leads_to_product(whole, rest, from)) continue;
      s.mask = mask;
      s.at_mask = sum;
      at = scores;
      return true;
    }
    return false;
  }
  bool leads_to_product(const Shape& whole, Scores s, Entry at) const {
    while (!is_product(*at.node)) {
      if (at.node->is_variable() || (at.index != 0 && !cast_source(at)) || !step(whole, s, at)) return false;
    }
    return true;
  }

  static bool keeps_rows(const Shape& whole, const Shape& s) {
    const int n = s.ndim(), m = whole.ndim();
    return n >= 3 && s[n - 1] == whole[m - 1] && s[n - 2] == whole[m - 2] && s.size() == whole.size();
  }

  // AMP multiplies probabilities of float32 with values that it has widened. Where the result becomes 16 bits again and nothing else,
  // the operands may be the 16-bit ones.
  std::vector<Entry> narrow(std::vector<Entry> operands, const Entry& result) const {
    for (Entry& e : operands) {
      const Entry* const source = cast_source(e);
      if (source && type(e) == DType::f32 && is_half(type(*source)) && only_narrowed(result, type(*source)))
        e = *source;
    }
    return operands;
  }
  // Whatever reads the value, maybe transposed, casts it to the dtype.
  bool only_narrowed(const Entry& e, DType to) const {
    if (type(e) != DType::f32) return false;
    const std::vector<int>& reading = reading_[static_cast<size_t>(g_.entry(e))];
    return !reading.empty() && std::all_of(reading.begin(), reading.end(), [&](int id) {
      if (id == none) return false;
      const NodePtr& node = g_.node(id);
      const Entry out{node, 0};
      if (is(*node, "Cast") || is(*node, "amp_cast")) return type(out) == to;
      const bool moves = is(*node, "transpose") || is(*node, "SwapAxis") || is(*node, "Reshape");
      return moves && only_narrowed(out, to);
    });
  }
  // A cast that gives a result of ours the dtype that it had.
  bool narrow_again(int id) {
    const Node& node = *g_.node(id);
    if (!is(node, "Cast") && !is(node, "amp_cast")) return false;
    const Entry now = new_.now(node.inputs[0]);
    const auto widened = widened_.find(now.node.get());
    if (widened == widened_.end() || widened->second != type({g_.node(id), 0})) return false;
    new_.replace(id, 0, now.node->inputs[0]);
    return true;
  }

  // Operands are read where the second product stood, and are of one dtype; a mask may be float32.
  bool may_read(const std::vector<Entry>& operands, const Scores& s, DType result) const {
    std::vector<Entry> all = operands;
    if (s.mask) all.push_back(*s.mask);
    const DType dtype = type(operands[0]);
    if ((dtype != result && !(is_half(dtype) && result == DType::f32)) || !is_float(dtype)) return false;
    if (s.mask && type(*s.mask) != dtype && !(is_half(dtype) && type(*s.mask) == DType::f32)) return false;
    return std::all_of(operands.begin(), operands.end(), [&](const Entry& e) { return type(e) == dtype; }) &&
           std::none_of(all.begin(), all.end(),
                        [&](const Entry& e) { return changed_[static_cast<size_t>(g_.entry(e))]; });
  }

  bool join_dense(int id) {
    const Node& node = *g_.node(id);
    const std::optional<Scores> s = scores_of(node.inputs[0]);
    if (!s || !is_batch_dot(*g_.node(s->product), true)) return false;
    const std::vector<Entry>& first = g_.node(s->product)->inputs;
    const Entry old{g_.node(id), 0};
    const std::vector<Entry> operands = narrow({first[0], first[1], node.inputs[1]}, old);
    if (!may_read(operands, *s, type(old))) return false;
    // Items and heads: as the mask has them.
    const Shape &q = shape(operands[0]), &like = s->mask ? s->at_mask : q;
    const int64_t heads = like.ndim() == 4 ? like[1] : 1, batch = q.size(0, q.ndim() - 2) / heads;
    std::vector<Candidate> candidates;
    for (const Entry& e : operands) candidates.push_back({e, four(shape(e), batch, heads)});
    if (s->mask) candidates.push_back({*s->mask, mask_shape(shape(*s->mask), 1, 1)});
    Attributes attributes{{"scale", s->scale}, {"use_mask", s->mask.has_value()}};
    return make(id, "_contrib_sdp_attention", attributes, candidates);
  }

  bool join_interleaved(int id, bool separate) {
    const Node& node = *g_.node(id);
    const std::optional<Scores> s = scores_of(node.inputs[1]);
    if (!s || !is(*g_.node(s->product), std::string(interleaved) + (separate ? "encdec_qk" : "selfatt_qk")))
      return false;
    const Node& product = *g_.node(s->product);
    const int64_t heads = param(node, "heads").as_int();
    const Entry old{g_.node(id), 0};
    const std::vector<Entry> operands = narrow(product.inputs, old);
    if (param(product, "heads").as_int() != heads || !(operands.back() == narrow({node.inputs[0]}, old)[0]))
      return false;
    if (!may_read(operands, *s, type(old))) return false;
    const Shape &q = shape(product.inputs[0]), &mask = s->at_mask;
    if (s->mask && mask.ndim() == 4 && (mask[0] != q[1] || mask[1] != heads)) return false;
    const int64_t depth = q[2] / heads / (separate ? 1 : 3);
    std::vector<Candidate> candidates;
    for (const Entry& e : operands) candidates.push_back({e, shape(e)});
    if (s->mask) candidates.push_back({*s->mask, mask_shape(shape(*s->mask), q[1], heads)});
    const double scale = s->scale / std::sqrt(static_cast<double>(depth));
    Attributes attributes{
        {"heads", heads}, {"separate", separate}, {"scale", scale}, {"use_mask", s->mask.has_value()}};
    return make(id, "_interleaved_attention", attributes, candidates);
  }

  static Shape four(const Shape& s, int64_t batch, int64_t heads) {
    return Shape{batch, heads, s[s.ndim() - 2], s[s.ndim() - 1]};
  }
  // Of three axes, the first is of items and heads together, or 1; where those are 1, items stand for both.
  static Shape mask_shape(const Shape& s, int64_t batch, int64_t heads) {
    if (s.ndim() == 4) return s;
    const bool whole = s[0] == batch * heads;
    return whole ? four(s, batch, heads) : four(s, s[0], 1);
  }

  // An input of the node, and the shape in which it reads it.
  struct Candidate {
    Entry entry;
    Shape as;
  };

  bool make(int id, const char* name, const Attributes& attributes, const std::vector<Candidate>& inputs) {
    const OpSchema& op = registry().at(name);
    const ParamsPtr params = op.make_params(attributes);
    if (is_half(type(inputs[0].entry)) && !library_takes(id, op, params, inputs)) return false;
    const std::string& own = g_.node(id)->name;
    std::vector<Entry> entries;
    for (const Candidate& c : inputs)
      entries.push_back(reshaped(new_.now(c.entry), shape(c.entry), c.as, concat(own, "_", entries.size())));
    const Entry y = PlainNodeBuilder().make(op, params, entries, own)[0];
    const Shape& to = shape({g_.node(id), 0});
    const Shape from = attended(op, inputs, to);
    Entry result = reshaped(y, from, to, own + "_result");
    const DType dtype = type(inputs[0].entry), was = type({g_.node(id), 0});
    if (dtype != was) {
      const OpSchema& cast = registry().at("Cast");
      result = PlainNodeBuilder().make(cast, cast.make_params({{"dtype", was}}), {result}, own + "_wider")[0];
      widened_[result.node.get()] = dtype;
    }
    new_.replace(id, 0, result);
    return true;
  }
  Shape attended(const OpSchema& op, const std::vector<Candidate>& inputs, const Shape& to) const {
    if (op.name == "_interleaved_attention") return to;
    const Shape &q = inputs[0].as, &v = inputs[2].as;
    return Shape{q[0], q[1], q[2], v[3]};
  }

  Entry reshaped(const Entry& e, const Shape& from, const Shape& to, const std::string& name) const {
    if (from == to) return e;
    const OpSchema& op = registry().at("Reshape");
    return PlainNodeBuilder().make(op, op.make_params({{"shape", to}}), {e}, name)[0];
  }

  // Of kernels for GPUs those before the last, which is ours, are libraries'.
  bool library_takes(int id, const OpSchema& op, const ParamsPtr& params, const std::vector<Candidate>& inputs) const {
    std::vector<TensorView> in, out(static_cast<size_t>(op.num_outputs(params.get())));
    for (const Candidate& c : inputs) {
      TensorView& v = in.emplace_back();
      v.shape = c.as;
      v.dtype = type(c.entry);
      v.device = device_;
    }
    out[0].shape = attended(op, inputs, shape({g_.node(id), 0}));
    out[0].dtype = in[0].dtype;
    for (size_t i = 1; i < out.size(); ++i) out[i].shape = Shape{in[0].shape[0], in[0].shape[1], in[0].shape[2]};
    PrepareContext c;
    c.params_ = params.get();
    c.inputs = in;
    c.outputs = out;
    c.device = device_;
    for (size_t k = 0; k + 1 < op.gpu_kernels.size(); ++k) {
      if (op.gpu_kernels[k](c)) return true;
    }
    return false;
  }

  const Typed& typed_;
  const Graph& g_;
  const DeviceId device_;
  std::vector<int> readers_;                        // by entry, heads counted
  std::vector<std::vector<int>> reading_;           // by entry the nodes, none for a head
  std::vector<bool> changed_;                       // by entry
  std::unordered_map<const Node*, DType> widened_;  // casts of results of ours, and from what
  Rewriter new_;
};

}  // namespace

std::vector<Entry> join_attention(const Typed& typed, DeviceId device) { return AttentionPass(typed, device).run(); }

}  // namespace mixnet
