// _shuffle on GPUs: the order that the swaps of a CPU would give, found for every place on its own.
//
// Before swap t, place p <= t holds what the last swap into it brought: the one with the smallest i > t whose partner is p brought what
// place i held before swap i. So a place follows such swaps upwards until there is none; the last place still has its own row. Few swaps
// share a partner and a place follows few of them (both about a logarithm at most), so the lists by partner need no sorting.
#include "op/random/shuffle.h"

#include "op/core/gpu/exchange.h"
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::shuffle {
namespace {

struct Empty {
  int64_t* head;
  MIXNET_ON_DEVICE void operator()(int64_t p) const { head[p] = -1; }
};
// Swaps in lists by partner, in whatever order.
struct List {
  PhiloxKey key;
  int64_t *head, *next;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    if (i > 0) next[i] = gpu::exchange_at(head + partner(key, i), i);
  }
};
struct Follow {
  PhiloxKey key;
  const int64_t *head, *next;
  int64_t* order;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at = i > 0 ? partner(key, i) : 0;
    for (int64_t swap = i; swap >= 0;) {
      int64_t first = -1;
      for (int64_t k = head[at]; k >= 0; k = next[k])
        if (k > swap && (first < 0 || k < first)) first = k;
      if (first >= 0) at = first;
      swap = first;
    }
    order[i] = at;
  }
};
template <class Item>
struct Gather {
  const int64_t* order;
  const Item* x;
  Item* y;
  int64_t width;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    const int64_t row = i / width;
    y[i] = x[order[row] * width + i - row * width];
  }
};

class Shuffle : public Kernel {
 public:
  explicit Shuffle(const PrepareContext& c) : rows_(c.inputs[0].ndim() > 0 ? c.inputs[0].shape[0] : 1) {}
  size_t workspace() const override { return static_cast<size_t>(rows_) * 3 * sizeof(int64_t); }
  void run(const RunContext& r) const override {
    if (r.out[0].size() == 0) return;
    int64_t *head = static_cast<int64_t*>(r.context.workspace), *next = head + rows_, *order = next + rows_;
    Stream& stream = *r.context.stream;
    gpu::map(stream, rows_, Empty{head});
    gpu::map(stream, rows_, List{r.context.random, head, next});
    gpu::map(stream, rows_, Follow{r.context.random, head, next, order});
    switch (dtype_size(r.out[0].dtype)) {
      case 1: return gather<uint8_t>(r, order);
      case 2: return gather<uint16_t>(r, order);
      case 4: return gather<uint32_t>(r, order);
      default: return gather<uint64_t>(r, order);
    }
  }

 private:
  template <class Item> void gather(const RunContext& r, const int64_t* order) const {
    const int64_t n = r.out[0].size();
    gpu::map(*r.context.stream, n, Gather<Item>{order, r.in[0].as<Item>(), r.out[0].as<Item>(), n / rows_});
  }
  const int64_t rows_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Shuffle>(c); }

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "_shuffle", prepare); }

}  // namespace mixnet::op::shuffle
