// Strided copies on GPUs, for all operators that only move elements; see op/core/movement.h.
#include "op/core/movement.h"

#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/gpu/strided.h"
#include "op/core/gpu/words.h"

namespace mixnet::op::movement {
namespace {

template <class T>
struct Copy {
  gpu::Strided<2> strided;
  T* out;
  const T* in;
  MIXNET_ON_DEVICE void operator()(int64_t i) const {
    int64_t at[2];
    strided.at(i, at);
    out[at[0]] = in[at[1]];
  }
};

void copy(Stream& stream, const StridedLoop<2>& loop, void* output, const void* input, int64_t item) {
  if (loop.size() == 0) return;
  const bool one_piece = loop.ndim() == 0 || (loop.ndim() == 1 && loop.strides(0) == StridedLoop<2>::Offsets{1, 1});
  if (one_piece) return stream.copy(output, input, static_cast<size_t>(loop.size() * item));
  gpu::dispatch_words(item, [&](auto tag) {
    using T = typename decltype(tag)::type;
    gpu::map(stream, loop.size(),
             Copy<T>{gpu::Strided<2>(loop), static_cast<T*>(output), static_cast<const T*>(input)});
  });
}

}  // namespace

void register_gpu(Registry&) { set_strided_copy_on_gpu(copy); }

}  // namespace mixnet::op::movement
