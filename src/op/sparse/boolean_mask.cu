// _contrib_boolean_mask on GPUs. The slices are counted there and the host waits for the count, since it makes the output.
#include "op/sparse/boolean_mask.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/sort.h"
#include "op/core/gpu/words.h"
#include "op/core/movement.h"

namespace mixnet::op::boolean_mask {
namespace {

template <class T>
struct Load {
  const T* mask;
  gpu::PairSort::Pairs pairs;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    pairs.key[i] = static_cast<accumulator_t<T>>(mask[i]) != 0 ? 0 : 1;
    pairs.value[i] = i;
  }
};
// Of sorted pairs: how many are chosen.
struct Count {
  int64_t n;
  const uint64_t* key;
  int64_t* count;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    if ((i == 0 || key[i - 1] == 0) && (i == n || key[i] != 0)) *count = i;
  }
};
// Copies between the chosen slices of (outer, n, inner) and (outer, count, inner).
template <class W>
struct Move {
  const int64_t* slice;
  int64_t n, count, inner;
  const W* from;
  W* to;
  bool out_of_whole;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t line = i / inner, o = line / count, k = line - o * count;
    const int64_t whole = (o * n + slice[k]) * inner + i - line * inner;
    if (out_of_whole) to[i] = from[whole];
    else to[whole] = from[i];
  }
};

// Numbers of the slices, the chosen ones first.
gpu::PairSort::Pairs sorted(const RunContext& r, const gpu::PairSort& sort) {
  const gpu::PairSort::Pairs pairs = sort.place(r.context.workspace, 0);
  dispatch_all(r.in[1].dtype, "_contrib_boolean_mask", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(*r.context.stream, sort.size(), Load<T>{r.in[1].as<T>(), pairs});
  });
  return sort.run(*r.context.stream, r.context.workspace, 0, 1);
}

void move(const RunContext& r, const gpu::PairSort& sort, const int64_t* slice, const TensorView& part, int axis,
          const void* from, void* to, bool out_of_whole) {
  const int64_t inner = part.shape.size(axis + 1, part.ndim());
  gpu::dispatch_words(dtype_size(part.dtype), [&](auto tag) {
    using W = typename decltype(tag)::type;
    gpu::map(*r.context.stream, part.size(),
             Move<W>{slice, sort.size(), part.shape[axis], inner, static_cast<const W*>(from), static_cast<W*>(to),
                     out_of_whole});
  });
}

class Choosing : public Kernel {
 public:
  explicit Choosing(const PrepareContext& c)
      : axis_(axis_of(c.params<Params>(), c.inputs[c.inputs.size() == 3 ? 2 : 0].shape)), sort_(c.inputs[1].shape[0]) {}
  size_t workspace() const override { return sort_.workspace() + sizeof(int64_t); }

 protected:
  const int axis_;
  const gpu::PairSort sort_;
};

class Forward : public Choosing {
 public:
  using Choosing::Choosing;
  void run(const RunContext& r) const override {
    Stream& stream = *r.context.stream;
    const gpu::PairSort::Pairs chosen = sorted(r, sort_);
    int64_t count = 0;
    int64_t* const there = reinterpret_cast<int64_t*>(static_cast<char*>(r.context.workspace) + sort_.workspace());
    gpu::map(stream, sort_.size() + 1, Count{sort_.size(), chosen.key, there});
    stream.copy(&count, there, sizeof count);
    stream.synchronize();
    Shape shape = r.in[0].shape;
    shape[axis_] = count;
    const TensorView out = r.context.memory->dense(0, shape);
    move(r, sort_, chosen.value, out, axis_, r.in[0].data, out.data, true);
  }
};

// Zeros, with the slices of the gradient where they were taken from.
class Backward : public Choosing {
 public:
  using Choosing::Choosing;
  void run(const RunContext& r) const override {
    set_zero(r.context.stream, r.out[0]);
    if (r.in[0].size() == 0) return;
    move(r, sort_, sorted(r, sort_).value, r.in[0], axis_, r.in[0].data, r.out[0].data, false);
  }
};

template <class K>
std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  return std::make_unique<K>(c);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "_contrib_boolean_mask", prepare<Forward>);
  gpu::prepared(registry, "_backward_boolean_mask", prepare<Backward>);
}

}  // namespace mixnet::op::boolean_mask
