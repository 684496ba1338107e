#include "op/core/strided_loop.h"

#include <cstring>

namespace mixnet {
namespace {

template <class T>
void copy_items(const StridedLoop<2>& loop, void* output, const void* input) {
  T* out = static_cast<T*>(output);
  const T* in = static_cast<const T*>(input);
  loop.run([=](const auto& at, int64_t n, const auto& stride) {
    T* o = out + at[0];
    const T* i = in + at[1];
    const int64_t so = stride[0], si = stride[1];
    if (so == 1 && si == 1) {
      std::memcpy(o, i, static_cast<size_t>(n) * sizeof(T));
    } else if (so == 1 && si == 0) {
      std::fill_n(o, n, *i);
    } else {
      for (int64_t k = 0; k < n; ++k) o[k * so] = i[k * si];
    }
  });
}

}  // namespace

void copy_strided(const StridedLoop<2>& loop, void* output, const void* input, int64_t item) {
  switch (item) {
    case 1: return copy_items<uint8_t>(loop, output, input);
    case 2: return copy_items<uint16_t>(loop, output, input);
    case 4: return copy_items<uint32_t>(loop, output, input);
    default: return copy_items<uint64_t>(loop, output, input);
  }
}

}  // namespace mixnet
