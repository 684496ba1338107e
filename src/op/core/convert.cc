#include "op/core/convert.h"

#include <cstring>
#include <type_traits>

#include "base/half_rows.h"
#include "base/thread_pool.h"

namespace mixnet {
namespace {

template <class T>
constexpr bool is_half_type = std::is_same_v<T, f16> || std::is_same_v<T, bf16>;

template <class From, class To>
void convert_run(const From* x, To* y, int64_t n) {
  if constexpr (std::is_same_v<From, To>) {
    if (x != y) std::memcpy(static_cast<void*>(y), x, static_cast<size_t>(n) * sizeof(To));
  } else if constexpr (is_half_type<From> && std::is_same_v<To, float>) {
    widen(x, y, n);
  } else if constexpr (is_half_type<To> && std::is_same_v<From, float>) {
    narrow(x, y, n);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(static_cast<accumulator_t<From>>(x[i]));
  }
}

}  // namespace

void widen_run(const TensorView& from, int64_t at, float* to, int64_t n) {
  if (from.dtype == DType::f16) widen(from.as<f16>() + at, to, n);
  else widen(from.as<bf16>() + at, to, n);
}

void narrow_run(const float* from, const TensorView& to, int64_t at, int64_t n) {
  if (to.dtype == DType::f16) narrow(from, to.as<f16>() + at, n);
  else narrow(from, to.as<bf16>() + at, n);
}

void convert(const TensorView& from, const TensorView& to) {
  dispatch_all(from.dtype, "Cast", [&](auto source) {
    dispatch_all(to.dtype, "Cast", [&](auto target) {
      const auto* x = from.as<typename decltype(source)::type>();
      auto* y = to.as<typename decltype(target)::type>();
      parallel_for(to.size(), 16384,
                   [&](int64_t first, int64_t last) { convert_run(x + first, y + first, last - first); });
    });
  });
}

}  // namespace mixnet
