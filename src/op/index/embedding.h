// Parameters of Embedding, shared with the device sibling.
#pragma once
#include "base/dtype.h"

namespace mixnet::op::embedding {

struct Params {
  int64_t input_dim = 0, output_dim = 0;
  DType dtype = DType::f32;
  bool sparse_grad = false;
};

}  // namespace mixnet::op::embedding
