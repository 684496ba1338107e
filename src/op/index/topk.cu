// topk, sort and argsort on GPUs: all elements are sorted by their keys and then, as equal ones keep their order, by their lines.
#include "op/index/topk.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/sort.h"
#include "op/core/gpu/words.h"
#include "op/core/movement.h"

namespace mixnet::op::topk {
namespace {

template <class T>
struct Load {
  Lines lines;
  bool ascend;
  const T* x;
  gpu::PairSort::Pairs pairs;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t l = i / lines.n;
    const uint64_t key = sort_key(x[lines.at(l, i - l * lines.n, lines.n)]);
    pairs.key[i] = ascend ? key : ~key;
    pairs.value[i] = i;
  }
};
struct LoadLine {
  int64_t n;
  gpu::PairSort::Pairs pairs;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { pairs.key[i] = static_cast<uint64_t>(pairs.value[i] / n); }
};

// The elements of all lines in order, n of each line.
struct Order {
  Lines lines;
  const int64_t* element;
  // Of the i-th of the first k of every line: where it goes, and its number in its line.
  struct Ranked {
    int64_t line, rank, index;
  };
  MIXNET_ON_DEVICE Ranked operator[](int64_t i) const {
    const int64_t l = i / lines.k, rank = i - l * lines.k;
    return {l, rank, element[l * lines.n + rank] - l * lines.n};
  }
};
template <class W>
struct StoreValue {
  Order order;
  const W* x;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Order::Ranked e = order[i];
    out[order.lines.at(e.line, e.rank, order.lines.k)] = x[order.lines.at(e.line, e.index, order.lines.n)];
  }
};
template <class T>
struct StoreIndex {
  Order order;
  T* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Order::Ranked e = order[i];
    out[order.lines.at(e.line, e.rank, order.lines.k)] = static_cast<T>(static_cast<accumulator_t<T>>(e.index));
  }
};
template <class W>
struct Mark {
  Order order;
  W one;
  W* out;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const Order::Ranked e = order[i];
    out[order.lines.at(e.line, e.index, order.lines.n)] = one;
  }
};

// The lowest bit of keys that tells elements apart: narrower floats leave the end of a double's significand alone.
int lowest_bit(DType dtype) {
  switch (dtype) {
    case DType::f32: return 52 - 23;
    case DType::f16: return 52 - 10;
    case DType::bf16: return 52 - 7;
    default: return 0;
  }
}

class Sorter : public Kernel {
 public:
  explicit Sorter(const PrepareContext& c)
      : p_(c.params<Params>()), lines_(p_, c.inputs[0].shape), sort_(lines_.count() * lines_.n) {}
  size_t workspace() const override { return sort_.workspace(); }

  void run(const RunContext& r) const override {
    if (p_.ret == Return::mask) set_zero(r.context.stream, r.out[0]);
    if (lines_.count() == 0 || lines_.k == 0) return;
    const Order order{lines_, sorted(r)};
    const int64_t n = lines_.count() * lines_.k;
    if (p_.ret == Return::mask) return mark(r, order, n);
    const bool values = p_.ret != Return::indices;
    if (values && r.out[0].data) {
      gpu::dispatch_words(dtype_size(r.in[0].dtype), [&](auto tag) {
        using W = typename decltype(tag)::type;
        gpu::map(*r.context.stream, n, StoreValue<W>{order, r.in[0].as<W>(), r.out[0].as<W>()});
      });
    }
    for (size_t o = values ? 1 : 0; o < r.out.size(); ++o) {
      if (r.out[o].data) store_indices(r, r.out[o], order, n);
    }
  }

 private:
  const int64_t* sorted(const RunContext& r) const {
    Stream& stream = *r.context.stream;
    void* const space = r.context.workspace;
    const gpu::PairSort::Pairs first = sort_.place(space, 0);
    dispatch_all(r.in[0].dtype, "topk", [&](auto tag) {
      using T = typename decltype(tag)::type;
      gpu::map(stream, sort_.size(), Load<T>{lines_, p_.is_ascend, r.in[0].as<T>(), first});
    });
    const gpu::PairSort::Pairs by_key = sort_.run(stream, space, lowest_bit(r.in[0].dtype), 64);
    if (lines_.count() == 1) return by_key.value;
    gpu::map(stream, sort_.size(), LoadLine{lines_.n, by_key});
    const int place = by_key.key == first.key ? 0 : 1;
    return sort_.run(stream, space, place, 0, gpu::bits_for(lines_.count() - 1)).value;
  }
  static void mark(const RunContext& r, const Order& order, int64_t n) {
    dispatch_all(r.out[0].dtype, "topk", [&](auto tag) {
      using T = typename decltype(tag)::type;
      using W = gpu::word_t<T>;
      gpu::map(*r.context.stream, n, Mark<W>{order, gpu::word_of<T>(1), r.out[0].as<W>()});
    });
  }
  static void store_indices(const RunContext& r, const TensorView& out, const Order& order, int64_t n) {
    dispatch_all(out.dtype, "topk", [&](auto tag) {
      using T = typename decltype(tag)::type;
      gpu::map(*r.context.stream, n, StoreIndex<T>{order, out.as<T>()});
    });
  }

  const Params p_;
  const Lines lines_;
  const gpu::PairSort sort_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Sorter>(c); }

template <class W>
struct PutBack {
  Lines lines;
  const int64_t* index;
  const W* dy;
  W* dx;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t l = i / lines.k, from = lines.at(l, i - l * lines.k, lines.k);
    dx[lines.at(l, index[from], lines.n)] = dy[from];
  }
};
void backward(const Params& p, const RunContext& r) {
  const Lines lines(p, r.out[0].shape);
  set_zero(r.context.stream, r.out[0]);
  gpu::dispatch_words(dtype_size(r.out[0].dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, lines.count() * lines.k,
             PutBack<W>{lines, r.in[1].as<int64_t>(), r.in[0].as<W>(), r.out[0].as<W>()});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  for (const char* name : {"topk", "sort", "argsort"}) gpu::prepared(registry, name, prepare);
  gpu::kernel<Params>(registry, "_backward_topk", backward);
}

}  // namespace mixnet::op::topk
