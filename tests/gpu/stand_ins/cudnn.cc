// What takes the place of cuDNN 9 where GPUs are emulated: the backend functions that mixnet calls, for convolutions and the addition of a bias.
//
// It is strict: a descriptor takes the attributes of its kind, with the documented types and counts, from descriptors that are finalised, until it is so itself;
// what a graph needs must be there, fit together, and be given when it runs. Its engines differ in what they note, need and pretend to
// take; all compute the same, plainly. stand_in_* is for tests.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "base/half.h"
#include "device/emulated/emulated_native.h"

namespace {

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

enum Kind {
  pointwise = 0,
  convolution = 1,
  engine = 2,
  config = 3,
  heuristics = 4,
  plan = 5,
  knob = 7,
  forward = 10,
  weight = 11,
  data = 12,
  pointwise_op = 13,
  graph = 15,
  pack = 16,
  tensor = 17,
};

// What can be set: its kind, name, type, the most values, and whether it must be there.
struct Rule {
  int kind, name, type;
  int64_t most;
  bool needed;
};
constexpr int t_handle = 0, t_dtype = 1, t_bool = 2, t_int64 = 3, t_real = 4, t_pointer = 6, t_mode = 7,
              t_heuristics = 8, t_knob = 9, t_note = 11, t_pointwise = 14, t_descriptor = 15;
const Rule rules[] = {
    {pointwise, 0, t_pointwise, 1, true},
    {pointwise, 1, t_dtype, 1, true},
    {convolution, 100, t_dtype, 1, true},
    {convolution, 101, t_mode, 1, true},
    {convolution, 102, t_int64, 8, true},
    {convolution, 103, t_int64, 8, true},
    {convolution, 104, t_int64, 8, true},
    {convolution, 105, t_int64, 8, true},
    {convolution, 106, t_int64, 1, true},
    {heuristics, 200, t_heuristics, 1, true},
    {heuristics, 201, t_descriptor, 1, true},
    {config, 300, t_descriptor, 1, true},
    {config, 302, t_descriptor, 64, false},
    {plan, 400, t_handle, 1, true},
    {plan, 401, t_descriptor, 1, true},
    {knob, 600, t_knob, 1, true},
    {knob, 601, t_int64, 1, true},
    {forward, 700, t_real, 1, true},
    {forward, 701, t_real, 1, true},
    {forward, 702, t_descriptor, 1, true},
    {forward, 703, t_descriptor, 1, true},
    {forward, 704, t_descriptor, 1, true},
    {forward, 705, t_descriptor, 1, true},
    {data, 706, t_real, 1, true},
    {data, 707, t_real, 1, true},
    {data, 708, t_descriptor, 1, true},
    {data, 709, t_descriptor, 1, true},
    {data, 710, t_descriptor, 1, true},
    {data, 711, t_descriptor, 1, true},
    {weight, 712, t_real, 1, true},
    {weight, 713, t_real, 1, true},
    {weight, 714, t_descriptor, 1, true},
    {weight, 715, t_descriptor, 1, true},
    {weight, 716, t_descriptor, 1, true},
    {weight, 717, t_descriptor, 1, true},
    {pointwise_op, 750, t_descriptor, 1, true},
    {pointwise_op, 751, t_descriptor, 1, true},
    {pointwise_op, 752, t_descriptor, 1, true},
    {pointwise_op, 753, t_descriptor, 1, true},
    {graph, 800, t_handle, 1, true},
    {graph, 801, t_descriptor, 8, true},
    {tensor, 900, t_int64, 1, true},
    {tensor, 901, t_dtype, 1, true},
    {tensor, 902, t_int64, 8, true},
    {tensor, 903, t_int64, 8, true},
    {tensor, 906, t_int64, 1, true},
    {tensor, 907, t_bool, 1, false},
    {pack, 1000, t_int64, 16, true},
    {pack, 1001, t_pointer, 16, true},
    {pack, 1003, t_pointer, 1, true},
    {engine, 1300, t_descriptor, 1, true},
    {engine, 1301, t_int64, 1, true},
};

struct Descriptor {
  explicit Descriptor(int k) : kind(k) {}

  int kind;
  bool final = false;
  std::map<int, std::vector<char>> values;
  std::map<int, int> types;

  bool has(int name) const { return values.count(name) > 0; }
  template <class T> std::vector<T> all(int name) const {
    const auto it = values.find(name);
    if (it == values.end()) return {};
    std::vector<T> v(it->second.size() / sizeof(T));
    if (!v.empty()) std::memcpy(v.data(), it->second.data(), it->second.size());
    return v;
  }
  template <class T> T one(int name) const { return all<T>(name).at(0); }
  const Descriptor& part(int name) const { return *one<Descriptor*>(name); }
  template <class T> void put(int name, T value) {
    values[name].resize(sizeof value);
    std::memcpy(values[name].data(), &value, sizeof value);
  }
};

struct Handle {
  const mixnet::EmulatedNative* stream = nullptr;
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
std::atomic<int64_t> live{0}, last_engine{-1}, last_knob{-1};

size_t size_of(int type) {
  switch (type) {
    case t_bool: return 1;
    case t_dtype:
    case t_mode:
    case t_heuristics:
    case t_knob:
    case t_note:
    case t_pointwise:
    case t_real: return 4;
    default: return 8;
  }
}
size_t element(int dtype) { return dtype == 1 ? 8 : dtype == 0 ? 4 : 2; }

struct Tensor {
  std::vector<int64_t> extents, strides;
  int dtype;
  int64_t id;
  bool is_virtual;
};
Tensor read_tensor(const Descriptor& d) {
  return {d.all<int64_t>(902), d.all<int64_t>(903), d.one<int>(901), d.one<int64_t>(906),
          d.has(907) && d.one<char>(907) != 0};
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
  if (t.dtype != 0 && t.dtype != 1 && t.dtype != 2 && t.dtype != 9) return bad;
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
    if (d.types.at(name) != (wide ? 5 : 4)) return bad_type;
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

int finalize_pointwise(const Descriptor& d) {
  if (d.part(750).kind != pointwise || d.part(750).one<int>(0) != 0) return bad;
  const Tensor x = read_tensor(d.part(751)), b = read_tensor(d.part(752)), y = read_tensor(d.part(753));
  if (x.extents != y.extents || b.extents.size() != x.extents.size()) return mismatch;
  for (size_t i = 0; i < x.extents.size(); ++i) {
    if (b.extents[i] != 1 && b.extents[i] != x.extents[i]) return mismatch;
  }
  return ok;
}

std::vector<const Descriptor*> tensors_of(const Descriptor& op) {
  if (op.kind == pointwise_op) return {&op.part(751), &op.part(752), &op.part(753)};
  const Names n = names_of(op.kind);
  return {&op.part(n.x), &op.part(n.w), &op.part(n.y)};
}

// A convolution, or one and the addition of a bias to its virtual result.
int finalize_graph(const Descriptor& d) {
  if (refusal == 1) return pattern;
  const auto ops = d.all<Descriptor*>(801);
  if (ops.empty() || ops.size() > 2 || ops[0]->kind < forward || ops[0]->kind > data) return pattern;
  if (ops.size() == 2 && ops[1]->kind != pointwise_op) return pattern;
  std::map<int64_t, const Descriptor*> known;
  for (const Descriptor* op : ops) {
    for (const Descriptor* t : tensors_of(*op)) {
      const auto [at, added] = known.insert({t->one<int64_t>(906), t});
      if (!added && at->second != t) return twice;
    }
  }
  const Descriptor& result = ops[0]->part(names_of(ops[0]->kind).result);
  if (read_tensor(result).is_virtual != (ops.size() == 2)) return pattern;
  return ops.size() == 2 && &ops[1]->part(751) != &result ? static_cast<int>(pattern) : static_cast<int>(ok);
}

// Biases are added to channels that lie last, in types of at most 32 bits.
bool supported(const Descriptor& g) {
  const auto ops = g.all<Descriptor*>(801);
  if (ops.size() == 1) return true;
  const Tensor y = read_tensor(ops[1]->part(753));
  return y.strides[1] == 1 && y.dtype != 1;
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

float get(const char* at, int dtype) {
  if (dtype == 2) return static_cast<float>(*reinterpret_cast<const mixnet::f16*>(at));
  if (dtype == 9) return static_cast<float>(*reinterpret_cast<const mixnet::bf16*>(at));
  return *reinterpret_cast<const float*>(at);
}

// A tensor and where it lies.
struct Placed {
  Tensor t;
  char* at;
  double load(int64_t i) const {
    const char* from = at + static_cast<size_t>(i) * element(t.dtype);
    return t.dtype == 1 ? *reinterpret_cast<const double*>(from) : static_cast<double>(get(from, t.dtype));
  }
  void store(int64_t i, double value) const {
    char* to = at + static_cast<size_t>(i) * element(t.dtype);
    if (t.dtype == 1) *reinterpret_cast<double*>(to) = value;
    else if (t.dtype == 0) *reinterpret_cast<float*>(to) = static_cast<float>(value);
    else if (t.dtype == 2) *reinterpret_cast<mixnet::f16*>(to) = static_cast<mixnet::f16>(static_cast<float>(value));
    else *reinterpret_cast<mixnet::bf16*>(to) = static_cast<mixnet::bf16>(static_cast<float>(value));
  }
};

struct Work {
  int kind;
  Placed x, w, y, bias;
  bool with_bias;
  std::vector<int64_t> dilation, stride, pad;

  // Every product of an element of x and one of w, by where the three are: f(in x, in w, in y).
  template <class F> void each(F f) const {
    const size_t axes = stride.size();
    const int64_t images = x.t.extents[0], filters = w.t.extents[0], channels = w.t.extents[1],
                  groups = x.t.extents[1] / channels, per_group = filters / groups;
    int64_t taps = 1, positions = 1;
    for (size_t d = 0; d < axes; ++d) {
      taps *= w.t.extents[d + 2];
      positions *= y.t.extents[d + 2];
    }
    for (int64_t n = 0; n < images; ++n)
      for (int64_t k = 0; k < filters; ++k)
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t p = 0; p < positions; ++p)
            for (int64_t t = 0; t < taps; ++t) {
              int64_t in_x = n * x.t.strides[0] + (k / per_group * channels + c) * x.t.strides[1],
                      in_w = k * w.t.strides[0] + c * w.t.strides[1], in_y = n * y.t.strides[0] + k * y.t.strides[1];
              int64_t position = p, tap = t;
              bool inside = true;
              for (size_t d = axes; d-- > 0;) {
                const int64_t o = position % y.t.extents[d + 2], i = tap % w.t.extents[d + 2],
                              at = o * stride[d] - pad[d] + i * dilation[d];
                position /= y.t.extents[d + 2];
                tap /= w.t.extents[d + 2];
                inside = inside && at >= 0 && at < x.t.extents[d + 2];
                in_x += at * x.t.strides[d + 2];
                in_w += i * w.t.strides[d + 2];
                in_y += o * y.t.strides[d + 2];
              }
              if (inside) f(in_x, in_w, in_y);
            }
  }

  void run() const {
    const Placed& to = kind == forward ? y : kind == data ? x : w;
    size_t span = 1;
    for (size_t d = 0; d < to.t.extents.size(); ++d)
      span += static_cast<size_t>((to.t.extents[d] - 1) * to.t.strides[d]);
    std::vector<double> sums(span, 0);
    each([&](int64_t in_x, int64_t in_w, int64_t in_y) {
      if (kind == forward) sums[static_cast<size_t>(in_y)] += x.load(in_x) * w.load(in_w);
      else if (kind == data) sums[static_cast<size_t>(in_x)] += y.load(in_y) * w.load(in_w);
      else sums[static_cast<size_t>(in_w)] += y.load(in_y) * x.load(in_x);
    });
    int64_t inner = 1;
    for (size_t d = 2; d < to.t.extents.size(); ++d) inner *= to.t.extents[d];
    for (int64_t n = 0; n < to.t.extents[0]; ++n)
      for (int64_t c = 0; c < to.t.extents[1]; ++c)
        for (int64_t i = 0; i < inner; ++i) {
          int64_t at = n * to.t.strides[0] + c * to.t.strides[1], rest = i;
          for (size_t d = to.t.extents.size(); d-- > 2;) {
            at += rest % to.t.extents[d] * to.t.strides[d];
            rest /= to.t.extents[d];
          }
          to.store(at, sums[static_cast<size_t>(at)] + (with_bias ? bias.load(c) : 0));
        }
  }
};

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
EXPORT const char* cudnnGetErrorString(int status) {
  return status == ok    ? "CUDNN_STATUS_SUCCESS"
         : status < 3000 ? "CUDNN_STATUS_BAD_PARAM"
         : status < 4000 ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status < 5000 ? "CUDNN_STATUS_INTERNAL_ERROR"
                         : "CUDNN_STATUS_EXECUTION_FAILED";
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
    if (r.kind != d.kind || r.name != name) continue;
    if (r.type != type && !(r.type == t_real && type == 5)) return bad_type;
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
    if (r.kind == d.kind && r.needed && !d.has(r.name)) return bad;
  }
  int status = ok;
  switch (d.kind) {
    case tensor: status = finalize_tensor(d); break;
    case convolution: status = finalize_window(d); break;
    case forward:
    case weight:
    case data: status = finalize_convolution(d); break;
    case pointwise_op: status = finalize_pointwise(d); break;
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
    std::vector<int64_t> list = d.one<int>(200) == 1 ? proposals : std::vector<int64_t>{0};
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
  for (const Descriptor* op : ops) {
    for (const Descriptor* t : tensors_of(*op)) {
      if (const Tensor it = read_tensor(*t); !it.is_virtual) wanted.insert({it.id, it});
    }
  }
  const auto ids = v.all<int64_t>(1000);
  const auto pointers = v.all<char*>(1001);
  std::map<int64_t, char*> given;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!wanted.count(ids[i]) || !given.insert({ids[i], pointers[i]}).second) return twice;
    if (!pointers[i]) return null_pointer;
    if (reinterpret_cast<uintptr_t>(pointers[i]) % 16 != 0) return misaligned;
  }
  if (given.size() != wanted.size()) return bad;
  const auto index = e.one<int64_t>(1301);
  const Engine& chosen = engines[static_cast<size_t>(index)];
  char* const workspace = v.one<char*>(1003);
  if (chosen.workspace > 0 && (!workspace || reinterpret_cast<uintptr_t>(workspace) % 256 != 0)) return misaligned;
  const Names n = names_of(ops[0]->kind);
  const Descriptor& window = ops[0]->part(n.convolution);
  Work work{ops[0]->kind,
            {},
            {},
            {},
            {},
            ops.size() == 2,
            window.all<int64_t>(102),
            window.all<int64_t>(103),
            window.all<int64_t>(105)};
  const auto place = [&](const Descriptor& t, Placed* to) {
    to->t = read_tensor(t);
    // The sum that stays inside lies as the result does.
    if (to->t.is_virtual) to->t = read_tensor(ops[1]->part(753));
    to->at = given.at(to->t.id);
  };
  place(ops[0]->part(n.x), &work.x);
  place(ops[0]->part(n.w), &work.w);
  place(ops[0]->part(n.y), &work.y);
  if (work.with_bias) place(ops[1]->part(752), &work.bias);
  std::vector<Descriptor> knob_room(1, Descriptor(knob));
  int64_t knobs = 0;
  list_knobs(p.part(401), {&knob_room[0]}, &knobs);
  last_engine = index;
  last_knob = knobs ? knob_room[0].one<int64_t>(601) : -1;
  const bool pushed =
      mixnet::push_to_emulated(const_cast<mixnet::EmulatedNative*>(stream), [work, workspace, chosen, stream] {
        if (chosen.workspace > 0) std::memset(workspace, 0xff, static_cast<size_t>(chosen.workspace));
        work.run();
        *stream->clock += chosen.seconds;
      });
  return pushed ? static_cast<int>(ok) : static_cast<int>(failed);
}

// From now on: 0 nothing, 1 graphs, 2 proposals, 3 runs, 4 heuristics by an error of its own.
EXPORT void stand_in_refuse(int what) { refusal = what; }
EXPORT int64_t stand_in_last_engine() { return last_engine; }
EXPORT int64_t stand_in_last_knob() { return last_knob; }
EXPORT int64_t stand_in_live() { return live; }
