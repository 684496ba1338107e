// _sparse_retain: the rows that are named, of a row_sparse tensor.
#include "op/core/builder.h"

namespace mixnet::op::sparse_retain {
namespace {

// Row numbers as they come, in any dtype; throws for those that are out of range.
std::vector<int64_t> row_numbers(const TensorView& v, int64_t rows) {
  std::vector<int64_t> numbers(static_cast<size_t>(v.size()));
  dispatch_all(v.dtype, "_sparse_retain", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (size_t i = 0; i < numbers.size(); ++i) {
      const double number = static_cast<double>(static_cast<accumulator_t<T>>(v.as<T>()[i]));
      MIXNET_CHECK(number >= 0 && number < static_cast<double>(rows), invalid,
                   "[_sparse_retain] indices: expected values in [0, ", rows, "), got ", number);
      numbers[i] = static_cast<int64_t>(number);
    }
  });
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

void forward(const NoParams&, const RunContext& r) {
  if (r.out[0].size() == 0) return;
  const int64_t rows = r.in[0].shape[0], bytes = r.in[0].bytes() / rows;
  std::memset(r.out[0].data, 0, static_cast<size_t>(r.out[0].bytes()));
  for (int64_t row : row_numbers(r.in[1], rows))
    std::memcpy(r.out[0].as<char>() + row * bytes, r.in[0].as<char>() + row * bytes, static_cast<size_t>(bytes));
}
void infer(InferShape& c) {
  c.expect_ndim(0, 1, Shape::max_ndim);
  c.expect_ndim(1, 1, 1);
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
}
void infer_type(InferType& c) {
  c.set_out(0, c.in[0]);
  c.set_in(0, c.out[0]);
  if (c.in[1] == DType::unknown) c.in[1] = c.in[0];
}

//[full
bool choose(InferStorage& c) {
  c.in[1] = StorageKind::dense;
  c.out[0] = StorageKind::row_sparse;
  return c.in[0] == StorageKind::row_sparse;
}

// All that are named are stored, those that were not there as zeros.
void retain(const NoParams&, const RunContext& r) {
  const SparseView& from = *r.in[0].sparse;
  const std::vector<int64_t> numbers = row_numbers(r.in[1], r.in[0].shape[0]);
  const SparseView& to = r.context.memory->sparse(0, static_cast<int64_t>(numbers.size()));
  const int64_t bytes = stored::width(r.in[0]) * dtype_size(r.in[0].dtype);
  int64_t k = 0;
  char* row = to.as<char>();
  for (size_t i = 0; i < numbers.size(); ++i, row += bytes) {
    to.indices[i] = numbers[i];
    while (k < from.count && from.indices[k] < numbers[i]) ++k;
    if (k < from.count && from.indices[k] == numbers[i])
      std::memcpy(row, from.as<char>() + k * bytes, static_cast<size_t>(bytes));
    else std::memset(row, 0, static_cast<size_t>(bytes));
  }
}
void gradient(GradientContext& g) { g.set(0, g.make("_sparse_retain", {g.output_grad(0), g.input(1)})); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<> op(registry, "_sparse_retain");
  op.no_gpu("GPUs hold dense arrays only");
  op.input("data", "Any shape, usually row_sparse.").input("indices", "(n,): the rows to keep, any dtype.");
  op.infer_shape(infer).infer_type(infer_type).kernel(forward);
  //[full
  op.sparse(choose, retain).gradient(gradient);
  op.doc("data with all rows zero but those that indices names. A row_sparse output stores exactly these.");
  op.sample({{4, 2}, {2}}).integers({1}, 4);
  op.sample({{1}, {1}}).integers({1}, 1);
  op.sample({{0, 2}, {0}});
  //]
}

}  // namespace mixnet::op::sparse_retain
