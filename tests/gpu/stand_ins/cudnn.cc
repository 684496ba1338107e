// What takes the place of cuDNN 9 where GPUs are emulated: the backend functions that mixnet calls, for convolutions and the sums and curves behind them,
// and for attention.
//
// It is strict: a descriptor takes the attributes of its kind, with the documented types and counts, from descriptors that are finalised, until it is so itself;
// what a graph needs must be there, fit together, and be given when it runs. Its engines differ in what they note, need and pretend to
// take; all compute the same, plainly. stand_in_* is for tests. RNNs are in cudnn_rnn.cc.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "cudnn_handle.h"
#include "plain_attention.h"

namespace {

using namespace stand_in;

enum Status {
  ok = 0,
  bad = 2000,
  null_pointer = 2002,
  misaligned = 2003,
  unfinished = 2004,
  mismatch = 2008,
  twice = 2009,
  bad_type = 2010
};
enum Refusal { unsupported = 3000, pattern = 3001, shape = 3002, internal = 4000, failed = 5000 };

// Of descriptors; three more are stand_in::forward, weight and data.
enum Kind {
  pointwise = 0,
  convolution = 1,
  engine = 2,
  config = 3,
  heuristics = 4,
  plan = 5,
  knob = 7,
  pointwise_op = 13,
  graph = 15,
  pack = 16,
  tensor = 17,
};

constexpr int t_handle = 0, t_dtype = 1, t_bool = 2, t_int64 = 3, t_real = 4, t_double = 5, t_pointer = 6, t_mode = 7,
              t_heuristics = 8, t_knob = 9, t_nan = 10, t_note = 11, t_pointwise = 14, t_descriptor = 15,
              t_reduction = 18;
constexpr int add = 0, relu = 100, sigmoid = 102;
// What can be set: of which kind, of what type, at most how many values, whether it must be there, and the names.
struct Rule {
  int kind, type;
  int64_t most;
  bool needed;
  std::vector<int> names;
  bool has(int name) const { return std::count(names.begin(), names.end(), name) > 0; }
};
const std::vector<Rule> rules{
    {pointwise, t_pointwise, 1, true, {0}},
    {pointwise, t_dtype, 1, true, {1}},
    {pointwise, t_nan, 1, false, {2}},
    {pointwise, t_double, 1, false, {3, 4}},
    {pointwise, t_int64, 1, false, {9}},
    {convolution, t_dtype, 1, true, {100}},
    {convolution, t_mode, 1, true, {101}},
    {convolution, t_int64, 8, true, {102, 103, 104, 105}},
    {convolution, t_int64, 1, true, {106}},
    {heuristics, t_heuristics, 1, true, {200}},
    {heuristics, t_descriptor, 1, true, {201}},
    {config, t_descriptor, 1, true, {300}},
    {config, t_descriptor, 43, false, {302}},
    {plan, t_handle, 1, true, {400}},
    {plan, t_descriptor, 1, true, {401}},
    {knob, t_knob, 1, true, {600}},
    {knob, t_int64, 1, true, {601}},
    {forward, t_real, 1, true, {700, 701}},
    {forward, t_descriptor, 1, true, {702, 703, 704, 705}},
    {data, t_real, 1, true, {706, 707}},
    {data, t_descriptor, 1, true, {708, 709, 710, 711}},
    {weight, t_real, 1, true, {712, 713}},
    {weight, t_descriptor, 1, true, {714, 715, 716, 717}},
    {pointwise_op, t_descriptor, 1, true, {750, 751, 753}},
    {pointwise_op, t_descriptor, 1, false, {752, 758}},
    {graph, t_handle, 1, true, {800}},
    {graph, t_descriptor, 50, true, {801}},
    {tensor, t_int64, 1, true, {900, 906}},
    {tensor, t_dtype, 1, true, {901}},
    {tensor, t_int64, 8, true, {902, 903}},
    {tensor, t_bool, 1, false, {907, 908}},
    {pack, t_int64, 16, true, {1000}},
    {pack, t_pointer, 16, true, {1001}},
    {pack, t_pointer, 1, true, {1003}},
    {engine, t_descriptor, 1, true, {1300}},
    {engine, t_int64, 1, true, {1301}},
    {product, t_dtype, 1, true, {1500}},
    {product_operation, t_descriptor, 1, true, {1520, 1521, 1522, 1523}},
    {reduction, t_reduction, 1, true, {1600}},
    {reduction, t_dtype, 1, true, {1601}},
    {reduction_operation, t_descriptor, 1, true, {1610, 1611, 1612}},
    {reshape_operation, t_descriptor, 1, true, {2200, 2201}},
};

struct Engine {
  std::vector<int> notes;
  int64_t workspace;
  double seconds;
  bool finalises;
};
constexpr int tensor_core = 0, down_convert = 1, reduced = 2, nondeterministic = 4;
const std::vector<Engine> engines{
    {{}, 0, 5, true},          {{tensor_core}, 4096, 2, true}, {{nondeterministic}, 1 << 16, 1, true},
    {{}, 3 << 20, 0.5, true},  {{}, 0, 0.01, false},           {{down_convert}, 0, 0.01, true},
    {{reduced}, 0, 0.01, true}};
const std::vector<int64_t> proposals{4, 1, 5, 6, 0, 2, 3};
constexpr int knob_type = 2;
constexpr int64_t knob_value = 3;

std::atomic<int> refusal{0};
std::atomic<int64_t> live{0}, last_engine{-1}, last_knob{-1}, last_operations{0}, last_channel_step{0};

size_t size_of(int type) {
  switch (type) {
    case t_bool: return 1;
    case t_dtype:
    case t_mode:
    case t_heuristics:
    case t_knob:
    case t_nan:
    case t_note:
    case t_pointwise:
    case t_reduction:
    case t_real: return 4;
    default: return 8;
  }
}
struct Names {
  int convolution, x, w, y, alpha, result;
};
Names names_of(int kind) {
  if (kind == forward) return {702, 704, 703, 705, 700, 705};
  if (kind == data) return {708, 710, 709, 711, 706, 710};
  return {714, 716, 715, 717, 712, 715};
}

int finalize_tensor(const Descriptor& d) {
  const Tensor t = read_tensor(d);
  const int64_t aligned = d.one<int64_t>(900);
  if (t.dtype != 0 && t.dtype != 1 && t.dtype != 2 && t.dtype != 9 && !(t.is_virtual && t.dtype == boolean)) return bad;
  if (t.extents.size() != t.strides.size() || t.extents.size() < 4 || t.extents.size() > 5) return mismatch;
  for (size_t i = 0; i < t.extents.size(); ++i) {
    if (t.extents[i] < 1 || t.strides[i] < 1) return bad;
  }
  return aligned >= static_cast<int64_t>(element(t.dtype)) && (aligned & (aligned - 1)) == 0 ? ok : misaligned;
}

int finalize_window(const Descriptor& d) {
  const auto n = static_cast<size_t>(d.one<int64_t>(106));
  if (n < 2 || n > 3 || d.one<int>(101) != 1) return bad;
  for (int name : {102, 103, 104, 105}) {
    const auto v = d.all<int64_t>(name);
    if (v.size() != n) return mismatch;
    for (int64_t i : v) {
      if (i < (name < 104 ? 1 : 0)) return bad;
    }
  }
  return ok;
}

int finalize_convolution(const Descriptor& d) {
  const Names n = names_of(d.kind);
  const Descriptor& window = d.part(n.convolution);
  if (window.kind != convolution) return bad;
  for (int name : {n.x, n.w, n.y}) {
    if (d.part(name).kind != tensor) return bad;
  }
  const Tensor x = read_tensor(d.part(n.x)), w = read_tensor(d.part(n.w)), y = read_tensor(d.part(n.y));
  const auto axes = static_cast<size_t>(window.one<int64_t>(106));
  const bool wide = window.one<int>(100) == 1;
  // alpha and beta are of the type that is computed in.
  for (int name : {n.alpha, n.alpha + 1}) {
    if (d.types.at(name) != (wide ? t_double : t_real)) return bad_type;
    const double value = wide ? d.one<double>(name) : d.one<float>(name);
    if (value != (name == n.alpha ? 1 : 0)) return bad;
  }
  for (const Tensor* t : {&x, &w, &y}) {
    if (t->extents.size() != axes + 2) return mismatch;
    if (!t->is_virtual && wide != (t->dtype == 1)) return bad;
  }
  if (x.extents[0] != y.extents[0] || w.extents[0] != y.extents[1] || x.extents[1] % w.extents[1] != 0) return mismatch;
  if (y.extents[1] % (x.extents[1] / w.extents[1]) != 0) return mismatch;
  const auto dilation = window.all<int64_t>(102), stride = window.all<int64_t>(103), after = window.all<int64_t>(104),
             before = window.all<int64_t>(105);
  for (size_t i = 0; i < axes; ++i) {
    const int64_t room = x.extents[i + 2] + before[i] + after[i] - (w.extents[i + 2] - 1) * dilation[i] - 1;
    if (room < 0 || room / stride[i] + 1 != y.extents[i + 2]) return mismatch;
  }
  return ok;
}

int finalize_function(const Descriptor& d) {
  const int mode = d.one<int>(0);
  const std::vector<int> modes{add, multiply, divide, subtract, exponential, logarithm, at_least, index_of, choose};
  if (!std::count(modes.begin(), modes.end(), mode) && (mode < relu || mode > sigmoid)) return bad;
  if (d.has(9) != (mode == index_of)) return bad;
  // Limits are relu's, with the upper one above the lower.
  if (mode != relu && (d.has(2) || d.has(3) || d.has(4))) return bad;
  return d.has(4) && d.one<double>(4) <= (d.has(3) ? d.one<double>(3) : 0) ? static_cast<int>(bad)
                                                                           : static_cast<int>(ok);
}

int finalize_pointwise(const Descriptor& d) {
  if (d.part(750).kind != pointwise) return bad;
  const int mode = d.part(750).one<int>(0);
  const bool two = (mode < relu && mode != exponential && mode != logarithm) || mode == at_least || mode == choose;
  if (d.has(752) != two || d.has(758) != (mode == choose)) return bad;
  const Tensor x = read_tensor(d.part(751)), y = read_tensor(d.part(753));
  if (x.extents != y.extents || x.id == y.id) return mismatch;
  if ((d.part(750).one<int>(1) == 1) != (y.dtype == 1)) return bad;
  if (mode == choose && read_tensor(d.part(758)).dtype != boolean) return bad;
  return !two || repeats(read_tensor(d.part(752)), x.extents) ? static_cast<int>(ok) : static_cast<int>(mismatch);
}

int finalize_product(const Descriptor& d) {
  return d.part(1523).kind == product && product_fits(d) ? static_cast<int>(ok) : static_cast<int>(mismatch);
}
int finalize_reduction(const Descriptor& d) {
  return d.part(1612).kind == reduction && reduction_fits(d) ? static_cast<int>(ok) : static_cast<int>(mismatch);
}

std::vector<const Descriptor*> tensors_of(const Descriptor& op) {
  const std::vector<int> names = op.kind == pointwise_op          ? std::vector<int>{751, 752, 758, 753}
                                 : op.kind == product_operation   ? std::vector<int>{1520, 1521, 1522}
                                 : op.kind == reduction_operation ? std::vector<int>{1610, 1611}
                                 : op.kind == reshape_operation   ? std::vector<int>{2200, 2201}
                                                                  : std::vector<int>();
  std::vector<const Descriptor*> tensors;
  for (int name : names) {
    if (op.has(name)) tensors.push_back(&op.part(name));
  }
  if (!names.empty()) return tensors;
  const Names n = names_of(op.kind);
  return {&op.part(n.x), &op.part(n.w), &op.part(n.y)};
}

// What a node of a graph writes.
const Descriptor& result_of(const Descriptor& op) {
  return op.part(op.kind == pointwise_op ? 753 : names_of(op.kind).result);
}

bool of_attention(const Descriptor& g) { return of_products(g.all<Descriptor*>(801)); }

// A convolution, and pointwise operations behind it, each of which reads the virtual result of the one before. Of sums there are at most
// two, of curves one, which is the last.
int finalize_graph(const Descriptor& d) {
  if (refusal == 1) return pattern;
  const auto ops = d.all<Descriptor*>(801);
  const bool products = of_products(ops);
  if (ops.empty() || (!products && (ops.size() > 4 || ops[0]->kind < forward || ops[0]->kind > data))) return pattern;
  std::map<int64_t, const Descriptor*> known;
  for (const Descriptor* op : ops) {
    for (const Descriptor* t : tensors_of(*op)) {
      const auto [at, added] = known.insert({t->one<int64_t>(906), t});
      if (!added && at->second != t) return twice;
    }
  }
  if (products) return in_order(read_operations(ops)) ? static_cast<int>(ok) : static_cast<int>(pattern);
  for (size_t i = 0; i < ops.size(); ++i) {
    const bool last = i + 1 == ops.size();
    if (read_tensor(result_of(*ops[i])).is_virtual == last) return pattern;
    if (i == 0) continue;
    if (ops[i]->kind != pointwise_op || &ops[i]->part(751) != &result_of(*ops[i - 1])) return pattern;
    if (ops[i]->part(750).one<int>(0) != add && !last) return pattern;
    if (ops[i]->has(752) && read_tensor(ops[i]->part(752)).is_virtual) return mismatch;
  }
  return ok;
}

// There is no engine for a data gradient and more. A whole tensor is added before a bias, not behind it.
bool supported(const Descriptor& g) {
  const auto ops = g.all<Descriptor*>(801);
  if (of_attention(g)) return is_attention(read_operations(ops)) && fits_attention(read_operations(ops));
  if (ops.size() == 1) return true;
  if (ops[0]->kind != forward || refusal == 5) return false;
  bool biased = false;
  for (size_t i = 1; i < ops.size(); ++i) {
    const auto extents = ops[i]->has(752) ? read_tensor(ops[i]->part(752)).extents : std::vector<int64_t>();
    const bool bias =
        std::count(extents.begin(), extents.end(), 1) + 1 >= static_cast<int64_t>(extents.size()) && !extents.empty();
    if (!bias && (refusal == 6 || (biased && !extents.empty()))) return false;
    biased = biased || bias;
  }
  return true;
}

int finalize_engine(const Descriptor& d) {
  const int64_t index = d.one<int64_t>(1301);
  if (d.part(1300).kind != graph) return bad;
  return index >= 0 && index < static_cast<int64_t>(engines.size()) ? static_cast<int>(ok)
                                                                    : static_cast<int>(unsupported);
}

int finalize_config(const Descriptor& d) {
  if (d.part(300).kind != engine) return bad;
  for (const Descriptor* k : d.all<Descriptor*>(302)) {
    if (k->kind != knob || k->one<int>(600) != knob_type || k->one<int64_t>(601) > knob_value) return bad;
  }
  return ok;
}

int finalize_plan(const Descriptor& d) {
  if (d.part(401).kind != config || !d.one<void*>(400)) return bad;
  return engines[static_cast<size_t>(d.part(401).part(300).one<int64_t>(1301))].finalises ? static_cast<int>(ok)
                                                                                          : static_cast<int>(shape);
}

int finalize_pack(const Descriptor& d) {
  return d.all<int64_t>(1000).size() == d.all<void*>(1001).size() ? ok : mismatch;
}

Descriptor* of(void* d) { return static_cast<Descriptor*>(d); }

void list_knobs(const Descriptor& c, std::vector<Descriptor*> room, int64_t* count) {
  const auto knobs = c.all<Descriptor*>(302);
  const bool made = c.has(302), has = made ? !knobs.empty() : c.part(300).one<int64_t>(1301) == 1;
  *count = has ? 1 : 0;
  if (!has || room.empty()) return;
  room[0]->put(600, made ? knobs[0]->one<int>(600) : knob_type);
  room[0]->put(601, made ? knobs[0]->one<int64_t>(601) : knob_value);
  room[0]->final = true;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT size_t cudnnGetVersion() { return 91501; }
EXPORT size_t cudnnGetCudartVersion() { return 0; }
EXPORT const char* cudnnGetErrorString(int status) {
  return status == ok    ? "CUDNN_STATUS_SUCCESS"
         : status < 3000 ? "CUDNN_STATUS_BAD_PARAM"
         : status < 4000 ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status < 5000 ? "CUDNN_STATUS_INTERNAL_ERROR"
                         : "CUDNN_STATUS_EXECUTION_FAILED";
}
EXPORT void cudnnGetLastErrorString(char* text, size_t room) {
  std::strncpy(text, refusal == 3 ? "the engine's own words\nand more" : "", room);
}
EXPORT int cudnnCreate(void** handle) {
  *handle = new Handle;
  return ok;
}
EXPORT int cudnnSetStream(void* handle, void* stream) {
  if (!handle || !stream) return null_pointer;
  static_cast<Handle*>(handle)->stream = static_cast<const mixnet::EmulatedNative*>(stream);
  return ok;
}

EXPORT int cudnnBackendCreateDescriptor(int kind, void** descriptor) {
  if (!descriptor) return null_pointer;
  for (const Rule& r : rules) {
    if (r.kind != kind) continue;
    *descriptor = new Descriptor(kind);
    ++live;
    return ok;
  }
  return unsupported;
}
EXPORT int cudnnBackendDestroyDescriptor(void* descriptor) {
  if (!descriptor) return null_pointer;
  --live;
  delete of(descriptor);
  return ok;
}

EXPORT int cudnnBackendSetAttribute(void* descriptor, int name, int type, int64_t count, const void* values) {
  if (!descriptor || !values) return null_pointer;
  Descriptor& d = *of(descriptor);
  if (d.final) return bad;
  for (const Rule& r : rules) {
    if (r.kind != d.kind || !r.has(name)) continue;
    if (r.type != type && !(r.type == t_real && type == t_double)) return bad_type;
    if (count < 1 || count > r.most) return bad;
    for (int64_t i = 0; type == t_descriptor && i < count; ++i) {
      const Descriptor* const part = static_cast<Descriptor* const*>(values)[i];
      if (!part) return null_pointer;
      if (!part->final) return unfinished;
    }
    const char* const from = static_cast<const char*>(values);
    d.values[name].assign(from, from + static_cast<size_t>(count) * size_of(type));
    d.types[name] = type;
    return ok;
  }
  return bad;
}

EXPORT int cudnnBackendFinalize(void* descriptor) {
  if (!descriptor) return null_pointer;
  Descriptor& d = *of(descriptor);
  if (d.final) return bad;
  for (const Rule& r : rules) {
    for (int name : r.names) {
      if (r.kind == d.kind && r.needed && !d.has(name)) return bad;
    }
  }
  int status = ok;
  switch (d.kind) {
    case tensor: status = finalize_tensor(d); break;
    case convolution: status = finalize_window(d); break;
    case forward:
    case weight:
    case data: status = finalize_convolution(d); break;
    case pointwise: status = finalize_function(d); break;
    case pointwise_op: status = finalize_pointwise(d); break;
    case product_operation: status = finalize_product(d); break;
    case reduction_operation: status = finalize_reduction(d); break;
    case reshape_operation: status = reshape_fits(d) ? ok : mismatch; break;
    case graph: status = finalize_graph(d); break;
    case heuristics:
      status = refusal == 4 ? internal : supported(d.part(201)) ? static_cast<int>(ok) : static_cast<int>(unsupported);
      break;
    case engine: status = finalize_engine(d); break;
    case config: status = finalize_config(d); break;
    case plan: status = finalize_plan(d); break;
    case pack: status = finalize_pack(d); break;
    default: break;
  }
  d.final = status == ok;
  return status;
}

EXPORT int cudnnBackendGetAttribute(void* descriptor, int name, int type, int64_t room, int64_t* count, void* values) {
  if (!descriptor || !count || (room > 0 && !values)) return null_pointer;
  const Descriptor& d = *of(descriptor);
  if (!d.final) return unfinished;
  std::vector<Descriptor*> parts;
  if (type == t_descriptor && room > 0)
    parts.assign(static_cast<Descriptor**>(values), static_cast<Descriptor**>(values) + room);
  for (const Descriptor* p : parts) {
    if (!p || p->final) return bad;
  }
  if (d.kind == heuristics && name == 202 && type == t_descriptor) {
    const bool all = d.one<int>(200) == 1 || of_attention(d.part(201));
    std::vector<int64_t> list = all ? proposals : std::vector<int64_t>{0};
    if (refusal == 2) list.clear();
    *count = static_cast<int64_t>(list.size());
    for (size_t i = 0; i < list.size() && i < parts.size(); ++i) {
      if (parts[i]->kind != config) return bad;
      Descriptor* const e = new Descriptor(engine);  // lives as long as the process, as what a library keeps
      e->put(1300, d.one<Descriptor*>(201));
      e->put(1301, list[i]);
      e->final = true;
      parts[i]->put(300, e);
      parts[i]->final = true;
    }
    return ok;
  }
  if (d.kind == config && name == 300 && type == t_descriptor && room == 1 && parts[0]->kind == engine) {
    parts[0]->values = d.part(300).values;
    parts[0]->final = true;
    *count = 1;
    return ok;
  }
  if (d.kind == config && name == 302 && type == t_descriptor) {
    list_knobs(d, parts, count);
    return ok;
  }
  if (d.kind == engine && name == 1303 && type == t_note) {
    const std::vector<int>& notes = engines[static_cast<size_t>(d.one<int64_t>(1301))].notes;
    *count = static_cast<int64_t>(notes.size());
    for (size_t i = 0; i < notes.size() && static_cast<int64_t>(i) < room; ++i) static_cast<int*>(values)[i] = notes[i];
    return ok;
  }
  const bool number = (d.kind == engine && name == 1301) || (d.kind == knob && name == 601);
  if (type == t_int64 && room == 1 && (number || (d.kind == plan && name == 402))) {
    *static_cast<int64_t*>(values) =
        number ? d.one<int64_t>(name)
               : engines[static_cast<size_t>(d.part(401).part(300).one<int64_t>(1301))].workspace;
    *count = 1;
    return ok;
  }
  if (d.kind == knob && name == 600 && type == t_knob && room == 1) {
    *static_cast<int*>(values) = d.one<int>(600);
    *count = 1;
    return ok;
  }
  return bad;
}

EXPORT int cudnnBackendExecute(void* handle, void* plan_, void* pack_) {
  if (!handle || !plan_ || !pack_) return null_pointer;
  const Descriptor &p = *of(plan_), &v = *of(pack_);
  const auto* const stream = static_cast<Handle*>(handle)->stream;
  if (!p.final || !v.final) return unfinished;
  if (p.kind != plan || v.kind != pack || !stream || p.one<void*>(400) != handle) return bad;
  if (refusal == 3) return failed;
  const Descriptor& e = p.part(401).part(300);
  const auto ops = e.part(1300).all<Descriptor*>(801);
  std::map<int64_t, Tensor> wanted;
  AttentionWork attention;
  for (const Descriptor* op : ops) {
    for (const Descriptor* t : tensors_of(*op)) {
      if (t->has(908) && t->one<char>(908)) attention.numbers[t->one<int64_t>(906)] = 0;
      if (const Tensor it = read_tensor(*t); !it.is_virtual) wanted.insert({it.id, it});
    }
  }
  const auto ids = v.all<int64_t>(1000);
  const auto pointers = v.all<char*>(1001);
  std::map<int64_t, char*> given;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!wanted.count(ids[i]) || !given.insert({ids[i], pointers[i]}).second) return twice;
    if (!pointers[i]) return null_pointer;
    const auto number = attention.numbers.find(ids[i]);
    if (number != attention.numbers.end()) number->second = *reinterpret_cast<const float*>(pointers[i]);
    else if (reinterpret_cast<uintptr_t>(pointers[i]) % 16 != 0) return misaligned;
  }
  if (given.size() != wanted.size()) return bad;
  const auto index = e.one<int64_t>(1301);
  const Engine& chosen = engines[static_cast<size_t>(index)];
  char* const workspace = v.one<char*>(1003);
  if (chosen.workspace > 0 && (!workspace || reinterpret_cast<uintptr_t>(workspace) % 256 != 0)) return misaligned;
  last_engine = index;
  last_operations = static_cast<int64_t>(ops.size());
  const auto push = [&](auto work) {
    const bool pushed =
        mixnet::push_to_emulated(const_cast<mixnet::EmulatedNative*>(stream), [work, workspace, chosen, stream] {
          if (chosen.workspace > 0) std::memset(workspace, 0xff, static_cast<size_t>(chosen.workspace));
          work.run();
          *stream->clock += chosen.seconds;
        });
    return pushed ? static_cast<int>(ok) : static_cast<int>(failed);
  };
  if (of_attention(e.part(1300))) {
    for (const auto& [id, t] : wanted) attention.real[id] = {t, given.at(id)};
    attention.operations = read_operations(ops);
    return push(attention);
  }
  const Names n = names_of(ops[0]->kind);
  const Descriptor& window = ops[0]->part(n.convolution);
  Work work;
  work.kind = ops[0]->kind;
  work.dilation = window.all<int64_t>(102);
  work.stride = window.all<int64_t>(103);
  work.pad = window.all<int64_t>(105);
  const auto place = [&](const Descriptor& t, Placed* to) {
    to->t = read_tensor(t);
    // Sums that stay inside lie as the result does.
    if (to->t.is_virtual) to->t = read_tensor(result_of(*ops.back()));
    to->at = given.at(to->t.id);
  };
  place(ops[0]->part(n.x), &work.x);
  place(ops[0]->part(n.w), &work.w);
  place(ops[0]->part(n.y), &work.y);
  for (size_t i = 1; i < ops.size(); ++i) {
    Pointwise& p = work.behind.emplace_back();
    const Descriptor& function = ops[i]->part(750);
    p.mode = function.one<int>(0);
    if (p.mode == add) place(ops[i]->part(752), &p.other);
    if (function.has(4)) p.most = function.one<double>(4);
  }
  std::vector<Descriptor> knob_room(1, Descriptor(knob));
  int64_t knobs = 0;
  list_knobs(p.part(401), {&knob_room[0]}, &knobs);
  last_channel_step = work.x.t.strides[1];
  last_knob = knobs ? knob_room[0].one<int64_t>(601) : -1;
  return push(work);
}

// From now on: 0 nothing, 1 graphs, 2 proposals, 3 runs, 4 heuristics by an error of its own, 5 graphs of more than a convolution, 6 graphs of
// more than a convolution and a bias.
EXPORT void stand_in_refuse(int what) { refusal = what; }
EXPORT int64_t stand_in_last_engine() { return last_engine; }
EXPORT int64_t stand_in_last_operations() { return last_operations; }
EXPORT int64_t stand_in_last_channel_step() { return last_channel_step; }
EXPORT int64_t stand_in_last_knob() { return last_knob; }
EXPORT int64_t stand_in_live() { return live; }
