// take on GPUs.
#include "op/index/take.h"

#include "op/index/rows_on_gpu.h"

namespace mixnet::op::take {
namespace {

// The first index out of range: its place, or `count`, and its value.
struct FindOutside {
  Indices index;
  int64_t n, count;
  int64_t* found;
  template <class Group> MIXNET_ON_DEVICE void operator()(int64_t, const Group& group) const {
    int64_t first = count;
    for (int64_t i = group.rank(); i < count && first == count; i += group.size()) {
      if (index[i] < 0 || index[i] >= n) first = i;
    }
    first = group.reduce(first, Earlier());
    if (group.rank() != 0) return;
    found[0] = first;
    found[1] = first < count ? index[first] : 0;
  }
  struct Earlier {
    MIXNET_ON_DEVICE int64_t operator()(int64_t a, int64_t b) const { return a < b ? a : b; }
  };
};

void forward(const Params& p, const RunContext& r) {
  gather_rows_on_gpu(r, rows(p, r.in[0].shape, r.in[1]), r.in[1], r.in[0]);
}

// Mode raise. The host waits for what was found: this is what the mode asks for.
class Raising : public Kernel {
 public:
  explicit Raising(const PrepareContext& c) : params_(c.params<Params>()) {}
  size_t workspace() const override { return 2 * sizeof(int64_t); }
  void run(const RunContext& r) const override {
    const Rows s = rows(params_, r.in[0].shape, r.in[1]);
    Stream& stream = *r.context.stream;
    int64_t found[2] = {s.count, 0};
    int64_t* const there = static_cast<int64_t*>(r.context.workspace);
    gpu::for_each_row(stream, 1, s.count, FindOutside{Indices(r.in[1]), s.n, s.count, there});
    stream.copy(found, there, sizeof found);
    stream.synchronize();
    MIXNET_CHECK(found[0] == s.count, invalid, "[take] indices: expected values in [0, ", s.n, "), got ", found[1]);
    forward(params_, r);
  }

 private:
  const Params params_;
};
std::unique_ptr<Kernel> prepare_raising(const PrepareContext& c) {
  if (c.params<Params>().mode != IndexMode::raise) return nullptr;
  return std::make_unique<Raising>(c);
}

// What is out of range has raised an error in the forward operator.
void backward(const Params& p, const RunContext& r, const gpu::PairSort& sort) {
  add_rows_on_gpu(r, sort, rows(p, r.out[0].shape, r.in[1]), r.in[1]);
}
std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  return std::make_unique<SortingKernel<Params>>(c, c.inputs[1].size(), backward);
}

}  // namespace

void register_gpu(Registry& registry) {
  gpu::prepared(registry, "take", prepare_raising);
  gpu::kernel<Params>(registry, "take", forward);
  gpu::prepared(registry, "_backward_take", prepare_backward);
}

}  // namespace mixnet::op::take
