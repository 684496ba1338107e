// Converts every element of one tensor to the dtype of another of the same size.
//
// Through float for the 16-bit floats. Floats out of an integer's range become what the hardware makes of them. One pass, on several
// threads; `to` may be `from` where the dtypes are equal.
#pragma once
#include "device/tensor_view.h"

namespace mixnet {

void convert(const TensorView& from, const TensorView& to);

inline bool is_half(const TensorView& v) { return v.dtype == DType::f16 || v.dtype == DType::bf16; }
// n elements of a 16-bit tensor from element `at` on, to float and back.
void widen_run(const TensorView& from, int64_t at, float* to, int64_t n);
void narrow_run(const float* from, const TensorView& to, int64_t at, int64_t n);

}  // namespace mixnet
