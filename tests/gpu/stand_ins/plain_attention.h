// Attention as graphs of cuDNN describe it: which graphs its stand-in takes, as the real one's pattern has it, and what they give, an
// operation after the other with all between in memory.
#pragma once
#include <algorithm>
#include <map>

#include "cudnn_descriptor.h"

namespace stand_in {

// Kinds of descriptors, as cuDNN numbers them, and modes.
constexpr int pointwise_operation = 13, product = 18, product_operation = 19, reduction = 21, reduction_operation = 22,
              reshape_operation = 31;
constexpr int greatest = 3, multiply = 1, divide = 6, subtract = 9, exponential = 13, logarithm = 15, at_least = 303,
              index_of = 501, choose = 601, boolean = 11;

struct Operation {
  int kind = 0, mode = 0;
  int64_t axis = 0;
  Tensor x, b, choice, y;
};

inline Operation read_operation(const Descriptor& op) {
  Operation o;
  o.kind = op.kind;
  const auto read = [&](int name) { return op.has(name) ? read_tensor(op.part(name)) : Tensor(); };
  if (op.kind == pointwise_operation) {
    const Descriptor& function = op.part(750);
    o.mode = function.one<int>(0);
    if (function.has(9)) o.axis = function.one<int64_t>(9);
    o.x = read(751);
    o.b = read(752);
    o.choice = read(758);
    o.y = read(753);
  } else if (op.kind == reduction_operation) {
    o.mode = op.part(1612).one<int>(1600);
    o.x = read(1610);
    o.y = read(1611);
  } else if (op.kind == reshape_operation) {
    o.x = read(2200);
    o.y = read(2201);
  } else {
    o.x = read(1520);
    o.b = read(1521);
    o.y = read(1522);
  }
  return o;
}
inline std::vector<Operation> read_operations(const std::vector<Descriptor*>& ops) {
  std::vector<Operation> all;
  for (const Descriptor* op : ops) all.push_back(read_operation(*op));
  return all;
}

inline bool product_fits(const Descriptor& d) {
  const Operation o = read_operation(d);
  const auto &a = o.x.extents, &b = o.b.extents, &c = o.y.extents;
  return a.size() == 4 && b.size() == 4 && a[0] == b[0] && a[1] == b[1] && a[3] == b[2] &&
         c == std::vector<int64_t>{a[0], a[1], a[2], b[3]};
}
// Along the last axis.
inline bool reduction_fits(const Descriptor& d) {
  const Operation o = read_operation(d);
  auto lines = o.x.extents;
  lines.back() = 1;
  return o.y.extents == lines;
}

// The last two axes change places, in the extents and in memory.
inline bool reshape_fits(const Descriptor& d) {
  Operation o = read_operation(d);
  if (o.x.extents.size() != 4 || o.y.extents.size() != 4) return false;
  std::swap(o.x.extents[2], o.x.extents[3]);
  std::swap(o.x.strides[2], o.x.strides[3]);
  return o.x.extents == o.y.extents && o.x.strides == o.y.strides && o.y.is_virtual;
}

inline std::vector<int64_t> packed(const std::vector<int64_t>& extents) {
  std::vector<int64_t> s(extents.size(), 1);
  for (size_t i = extents.size() - 1; i > 0; --i) s[i - 1] = s[i] * extents[i];
  return s;
}
inline bool half(const Tensor& t) { return t.dtype == 2 || t.dtype == 9; }
inline bool repeats(const Tensor& t, const std::vector<int64_t>& as) {
  for (size_t i = 0; i < as.size(); ++i) {
    if (t.extents.size() != as.size() || (t.extents[i] != 1 && t.extents[i] != as[i])) return false;
  }
  return true;
}

inline bool of_products(const std::vector<Descriptor*>& ops) {
  return std::any_of(ops.begin(), ops.end(), [](const Descriptor* op) { return op->kind == product_operation; });
}

// Whether the operations are those of attention, one behind the other: products around a softmax that also gives its sums; or, of the sums, its gradients.
inline bool is_attention(const std::vector<Operation>& ops) {
  std::vector<int> got;
  for (const Operation& o : ops) got.push_back(o.kind * 1000 + o.mode);
  const int multiplied = product_operation * 1000, reduced = reduction_operation * 1000,
            applied = pointwise_operation * 1000, turned = reshape_operation * 1000;
  for (const bool mask : {false, true}) {
    for (const bool causal : {false, true}) {
      std::vector<int> forward{multiplied, applied + multiply},
          backward{applied + multiply, reduced, multiplied, applied + multiply};
      for (auto* want : {&forward, &backward}) {
        if (mask) want->push_back(applied);
        if (causal)
          want->insert(want->end(), {applied + index_of, applied + index_of, applied + at_least, applied + choose});
      }
      forward.insert(forward.end(), {reduced + greatest, applied + subtract, applied + exponential, reduced,
                                     applied + logarithm, applied, applied + divide, multiplied});
      backward.insert(backward.end(),
                      {applied + subtract, applied + exponential, turned, multiplied, multiplied, applied + subtract,
                       applied + multiply, applied + multiply, turned, multiplied, turned, multiplied});
      if (got == forward || got == backward) return true;
    }
  }
  return false;
}

// Rows of a multiple of 16 bytes, dense along one of the last two axes.
inline bool lies_well(const Tensor& t) {
  const int dense = t.strides[3] == 1 ? 3 : 2;
  if (t.strides[static_cast<size_t>(dense)] != 1 || t.extents[static_cast<size_t>(dense)] % 8 != 0) return false;
  for (int d = 0; d < 4; ++d) {
    if (d != dense && t.strides[static_cast<size_t>(d)] % 8 != 0) return false;
  }
  return true;
}

// How the tensors have to be: products of 16-bit operands of one dtype, float between, and lines of float that are real where sums are made.
inline bool fits_attention(const std::vector<Operation>& ops) {
  int dtype = -1;
  bool sums = false;
  for (const Operation& o : ops) {
    if (o.kind != product_operation) {
      sums = sums || (!o.y.is_virtual && o.y.dtype == 0 && o.y.extents[3] == 1);
      continue;
    }
    for (const Tensor* t : {&o.x, &o.b, &o.y}) {
      if (t == &o.y && t->is_virtual && t->dtype == 0) continue;
      if (dtype < 0) dtype = t->dtype;
      if (!half(*t) || t->dtype != dtype || (!t->is_virtual && !lies_well(*t))) return false;
    }
  }
  return sums;
}

// Everything that is read is there by then: real, or made before.
inline bool in_order(const std::vector<Operation>& ops) {
  std::map<int64_t, bool> made;
  for (const Operation& o : ops) {
    for (const Tensor* t : {&o.x, &o.b, &o.choice}) {
      if (!t->extents.empty() && t->is_virtual && !made[t->id]) return false;
    }
    if (made[o.y.id]) return false;
    made[o.y.id] = true;
  }
  return true;
}

struct AttentionWork {
  std::vector<Operation> operations;
  std::map<int64_t, Placed> real;
  std::map<int64_t, double> numbers;  // given by value
  mutable std::map<int64_t, std::vector<double>> inner;

  using Place = std::vector<int64_t>;
  static int64_t offset(const Tensor& t, const Place& at) {
    int64_t sum = 0;
    for (size_t d = 0; d < at.size(); ++d) sum += t.extents[d] == 1 ? 0 : at[d] * t.strides[d];
    return sum;
  }
  // Of what is nowhere but here, without gaps.
  static size_t inner_offset(Tensor t, const Place& at) {
    t.strides = packed(t.extents);
    return static_cast<size_t>(offset(t, at));
  }
  double load(const Tensor& t, const Place& at) const {
    if (numbers.count(t.id)) return numbers.at(t.id);
    if (t.is_virtual) return inner.at(t.id)[inner_offset(t, at)];
    return real.at(t.id).load(offset(t, at));
  }
  void store(const Tensor& t, const Place& at, double value) const {
    if (!t.is_virtual) return real.at(t.id).store(offset(t, at), value);
    if (t.dtype == 2) value = static_cast<float>(static_cast<mixnet::f16>(static_cast<float>(value)));
    else if (t.dtype == 9) value = static_cast<float>(static_cast<mixnet::bf16>(static_cast<float>(value)));
    else value = static_cast<float>(value);
    inner[t.id][inner_offset(t, at)] = value;
  }

  template <class F> static void each(const std::vector<int64_t>& extents, F f) {
    Place at(extents.size(), 0);
    int64_t n = 1;
    for (int64_t e : extents) n *= e;
    for (int64_t i = 0; i < n; ++i) {
      int64_t rest = i;
      for (size_t d = extents.size(); d-- > 0;) {
        at[d] = rest % extents[d];
        rest /= extents[d];
      }
      f(at);
    }
  }

  double multiplied(const Operation& o, const Place& at) const {
    Place a = at, b = at;
    double sum = 0;
    for (int64_t k = 0; k < o.x.extents[3]; ++k) {
      a[3] = b[2] = k;
      sum += load(o.x, a) * load(o.b, b);
    }
    return sum;
  }
  double reduced(const Operation& o, const Place& at) const {
    Place from = at;
    double result = o.mode == greatest ? -std::numeric_limits<double>::infinity() : 0;
    for (from[3] = 0; from[3] < o.x.extents[3]; ++from[3]) {
      const double x = load(o.x, from);
      result = o.mode == greatest ? std::max(result, x) : result + x;
    }
    return result;
  }
  double turned(const Operation& o, Place at) const {
    std::swap(at[2], at[3]);
    return load(o.x, at);
  }
  double applied(const Operation& o, const Place& at) const {
    if (o.mode == index_of) return static_cast<double>(at[static_cast<size_t>(o.axis)]);
    const double x = load(o.x, at), b = o.b.extents.empty() ? 0 : load(o.b, at);
    switch (o.mode) {
      case multiply: return x * b;
      case divide: return x / b;
      case subtract: return x - b;
      case exponential: return std::exp(x);
      case logarithm: return std::log(x);
      case at_least: return x >= b;
      case choose: return load(o.choice, at) != 0 ? x : b;
      default: return x + b;
    }
  }

  void run() const {
    for (const Operation& o : operations) {
      if (o.y.is_virtual) inner[o.y.id].resize(static_cast<size_t>(o.y.extents[0] * packed(o.y.extents)[0]));
      each(o.y.extents, [&](const Place& at) {
        store(o.y, at,
              o.kind == product_operation     ? multiplied(o, at)
              : o.kind == reduction_operation ? reduced(o, at)
              : o.kind == reshape_operation   ? turned(o, at)
                                              : applied(o, at));
      });
    }
  }
};

}  // namespace stand_in
