// _sample_unique_zipfian: distinct numbers from an approximately log-uniform distribution, and how many draws each row took;
// candidates of sampled softmax (Jean et al., 2015).
#include "op/random/unique_zipfian.h"

#include <algorithm>

#include "op/core/builder.h"

namespace mixnet::op::unique_zipfian {
namespace {

void kernel(const Params& p, const RunContext& r) {
  const int64_t rows = rows_of(p.shape), count = count_of(p.shape);
  parallel_for(rows, 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      const int64_t size = places(count);
      int64_t* table = static_cast<int64_t*>(r.context.workspace) + k * size;
      std::fill_n(table, size, int64_t{-1});
      row(p.range_max, r.context.random, static_cast<uint64_t>(k), count, table, size,
          r.out[0].as<int64_t>() + k * count, r.out[1].as<int64_t>() + k);
    }
  });
}
class Zipfian : public FunctionKernel<Params> {
 public:
  explicit Zipfian(const Params& p)
      : FunctionKernel(p, kernel), bytes_(static_cast<size_t>(rows_of(p.shape) * places(count_of(p.shape))) * 8) {}
  size_t workspace() const override { return bytes_; }

 private:
  size_t bytes_;
};
std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<Zipfian>(c.params<Params>()); }

void infer(InferShape& c) {
  const Shape& s = c.params<Params>().shape;
  c.set_out(0, s);
  c.set_out(1, Shape{rows_of(s)});
}
void infer_type(InferType& c) {
  c.set_out(0, DType::i64);
  c.set_out(1, DType::i64);
}
void check(const Params& p) {
  MIXNET_CHECK(p.shape.ndim() <= 2, invalid, "shape: expected one or two extents, got ", p.shape);
  checked_size(Shape{rows_of(p.shape), places(std::min<int64_t>(count_of(p.shape), int64_t{1} << 40))}, 8);
  MIXNET_CHECK(count_of(p.shape) <= p.range_max, invalid, "shape: expected at most range_max = ", p.range_max,
               " distinct numbers in a row, got ", p.shape);
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "_sample_unique_zipfian");
  op.param("range_max", &Params::range_max).required().range(1, 9e15).doc("Numbers are below this.");
  op.param("shape", &Params::shape).range(0, 1e12).doc("(numbers,) or (rows, numbers): distinct within a row.");
  op.outputs({"output0", "output1"}).random().check(check).infer_shape(infer).infer_type(infer_type).prepare(prepare);
  op.no_gradient("draws have no gradient");
  //[full
  op.doc(
      "Distinct whole numbers, k with a probability of about log((k + 2) / (k + 1)) / log(range_max + 1), and the "
      "number "
      "of draws each row took, (rows,); both int64.");
  op.sample({}, {{"range_max", 100}, {"shape", Shape{2, 5}}});
  op.sample({}, {{"range_max", 3}, {"shape", Shape{3}}});
  op.sample({}, {{"range_max", 3}, {"shape", Shape{1, 0}}});
  //]
}

}  // namespace mixnet::op::unique_zipfian
