// _sample_unique_zipfian on GPUs: a thread per row, since what a draw gives depends on those before it.
#include "op/random/unique_zipfian.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"

namespace mixnet::op::unique_zipfian {
namespace {

struct Empty {
  int64_t* table;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { table[i] = -1; }
};
struct Rows {
  PhiloxKey key;
  int64_t range_max, count, size;
  int64_t *tables, *out, *tries;
  MIXNET_ON_DEVICE void operator()(int64_t k) const {
    row(range_max, key, static_cast<uint64_t>(k), count, tables + k * size, size, out + k * count, tries + k);
  }
};

class Zipfian : public Kernel {
 public:
  explicit Zipfian(const Params& p)
      : range_max_(p.range_max), rows_(rows_of(p.shape)), count_(count_of(p.shape)), size_(places(count_)) {}
  size_t workspace() const override { return static_cast<size_t>(rows_ * size_) * sizeof(int64_t); }
  void run(const RunContext& r) const override {
    int64_t* tables = static_cast<int64_t*>(r.context.workspace);
    gpu::map(*r.context.stream, rows_ * size_, Empty{tables});
    gpu::map(*r.context.stream, rows_,
             Rows{r.context.random, range_max_, count_, size_, tables, r.out[0].as<int64_t>(), r.out[1].as<int64_t>()});
  }

 private:
  const int64_t range_max_, rows_, count_, size_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Zipfian>(c.params<Params>()); }

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "_sample_unique_zipfian", prepare); }

}  // namespace mixnet::op::unique_zipfian
