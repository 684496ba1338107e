// Converts every element of one tensor to the dtype of another of the same size.
//
// Through float for the 16-bit floats. Floats out of an integer's range become what the hardware makes of them. One pass, on several
// threads; `to` may be `from` where the dtypes are equal.
#pragma once
#include "device/tensor_view.h"

namespace mixnet {

void convert(const TensorView& from, const TensorView& to);

}  // namespace mixnet
