// cast_storage: the same tensor in another storage kind.
#include "op/core/builder.h"

namespace mixnet::op::cast_storage {
namespace {

enum class Kind { dense, row_sparse, csr };
struct Params {
  Kind stype = Kind::dense;
};

void copy_dense(const Params&, const RunContext& r) {
  if (r.out[0].data != r.in[0].data && r.in[0].size() > 0)
    std::memcpy(r.out[0].data, r.in[0].data, static_cast<size_t>(r.in[0].bytes()));
}

//[full
bool choose(InferStorage& c) {
  c.prefer_out(0, static_cast<StorageKind>(c.params<Params>().stype));
  if (c.in[0] != StorageKind::dense && c.out[0] != StorageKind::dense && c.in[0] != c.out[0])
    c.in[0] = StorageKind::dense;
  return c.in[0] != StorageKind::dense || c.out[0] != StorageKind::dense;
}

template <class T>
bool is_zero(T x) {
  return static_cast<accumulator_t<T>>(x) == 0;
}

// Rows with an element other than zero.
template <class T>
void to_rows(const RunContext& r) {
  const T* x = r.in[0].as<T>();
  const int64_t rows = r.in[0].shape[0], width = stored::width(r.out[0]);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < rows; ++i) {
    const T* row = x + i * width;
    if (!std::all_of(row, row + width, is_zero<T>)) kept.push_back(i);
  }
  const SparseView& to = r.context.memory->sparse(0, static_cast<int64_t>(kept.size()));
  T* values = to.as<T>();
  for (size_t k = 0; k < kept.size(); ++k) {
    to.indices[k] = kept[k];
    std::copy_n(x + kept[k] * width, width, values + static_cast<int64_t>(k) * width);
  }
}

template <class T>
void to_csr(const RunContext& r) {
  const T* x = r.in[0].as<T>();
  const int64_t rows = r.in[0].shape[0], columns = r.in[0].shape[1];
  const int64_t size = rows * columns;
  const int64_t count = size - std::count_if(x, x + size, is_zero<T>);
  const SparseView& to = r.context.memory->sparse(0, count);
  int64_t n = 0;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < columns; ++k) {
      const T value = x[i * columns + k];
      if (is_zero(value)) continue;
      to.indices[n] = k;
      to.as<T>()[n++] = value;
    }
    to.indptr[i + 1] = n;
  }
}

template <class T>
void to_dense(const RunContext& r) {
  const TensorView& v = r.in[0];
  const SparseView& from = *v.sparse;
  T* y = r.out[0].as<T>();
  if (r.out[0].size() == 0) return;
  parallel_for(r.out[0].size(), 1 << 16, [=](int64_t first, int64_t last) { std::fill(y + first, y + last, T()); });
  if (v.kind == StorageKind::row_sparse) {
    const int64_t width = stored::width(v);
    for (int64_t k = 0; k < from.count; ++k) std::copy_n(from.as<T>() + k * width, width, y + from.indices[k] * width);
    return;
  }
  for (int64_t i = 0; i < v.shape[0]; ++i) {
    for (int64_t k = from.indptr[i]; k < from.indptr[i + 1]; ++k) y[i * v.shape[1] + from.indices[k]] = from.as<T>()[k];
  }
}

void convert(const Params&, const RunContext& r) {
  const StorageKind from = r.in[0].kind, to = r.out[0].kind;
  if (from == to) {
    stored::allocate_like(r, 0, r.in[0]);
    const TensorView source = stored::values(r.in[0]), target = stored::values(r.out[0]);
    if (source.size() > 0) std::memcpy(target.data, source.data, static_cast<size_t>(source.bytes()));
    return;
  }
  dispatch_all(r.in[0].dtype, "cast_storage", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (from != StorageKind::dense) to_dense<T>(r);
    else if (to == StorageKind::csr) to_csr<T>(r);
    else to_rows<T>(r);
  });
}

void infer(InferShape& c) {
  c.all_same();
  const Kind kind = c.params<Params>().stype;
  if (kind == Kind::csr) c.expect_ndim(0, 2, 2);
  if (kind == Kind::row_sparse) c.expect_ndim(0, 1, Shape::max_ndim);
}
void gradient(GradientContext& g) { g.set(0, g.output_grad(0)); }
//]

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "cast_storage");
  op.no_gpu("GPUs hold dense arrays only");
  op.alias("_sparse_cast_storage");
  op.param("stype", &Params::stype, {"default", "row_sparse", "csr"}).required().doc("The storage kind of the output.");
  op.input("data", "Any shape (csr: two dimensions) and dtype.").kernel(copy_dense);
  //[full
  op.infer_shape(infer).sparse(choose, convert).gradient(gradient);
  op.doc(
      "The same tensor stored as dense, as the rows that are not all zero (row_sparse), or as the elements that are "
      "not "
      "zero (csr). Inside a bound graph values are dense.");
  for (const char* kind : {"default", "row_sparse", "csr"}) {
    op.sample({{2, 3}}, {{"stype", kind}});
    op.sample({{1, 1}}, {{"stype", kind}});
    op.sample({{0, 2}}, {{"stype", kind}});
  }
  //]
}

}  // namespace mixnet::op::cast_storage
