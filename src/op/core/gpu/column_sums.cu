#include "op/core/gpu/column_sums.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/sums.h"

namespace mixnet::gpu {
namespace {

template <class T>
struct OneColumn {
  const T* x;
  T* sums;
  int64_t outer, columns, inner;
  template <class G> MIXNET_ON_DEVICE void operator()(int64_t c, const G& group) const {
    using A = accumulator_t<T>;
    A sum = 0;
    for (int64_t k = group.rank(); k < outer * inner; k += group.size())
      sum += static_cast<A>(x[(k / inner * columns + c) * inner + k % inner]);
    sum = group.reduce(sum, Plus());
    if (group.rank() == 0) sums[c] = static_cast<T>(sum);
  }
};

}  // namespace

void column_sums(Stream& stream, DType dtype, const void* x, int64_t outer, int64_t columns, int64_t inner,
                 void* sums) {
  dispatch_float(dtype, "column_sums", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_row(stream, columns, outer * inner,
                 OneColumn<T>{static_cast<const T*>(x), static_cast<T*>(sums), outer, columns, inner});
  });
}

}  // namespace mixnet::gpu
