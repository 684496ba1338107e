#include "op/core/movement.h"

#include <cstring>

#include "op/core/set_zero.h"

namespace mixnet {
namespace {

StridedCopy copy_on_gpu = nullptr;

}  // namespace

void set_strided_copy_on_gpu(StridedCopy copy) { copy_on_gpu = copy; }

void copy_strided(Stream* stream, const StridedLoop<2>& loop, void* output, const void* input, int64_t item) {
  if (stream) copy_on_gpu(*stream, loop, output, input, item);
  else copy_strided(loop, output, input, item);
}

void copy_bytes(Stream* stream, void* output, const void* input, int64_t bytes) {
  if (output == input || bytes == 0) return;
  if (stream) stream->copy(output, input, static_cast<size_t>(bytes));
  else std::memcpy(output, input, static_cast<size_t>(bytes));
}

void set_zero(Stream* stream, const TensorView& v) {
  if (!stream) return set_zero(v);
  if (v.data && v.bytes() > 0) stream->fill_zero(v.data, static_cast<size_t>(v.bytes()));
}

}  // namespace mixnet
