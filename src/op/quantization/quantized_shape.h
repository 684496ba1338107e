// Parameters of the operators that move quantised numbers.
#pragma once
#include "op/core/quantized.h"

namespace mixnet::op::quantized_shape {

namespace q = mixnet::quantized;

enum class Act { relu, sigmoid, tanh, softrelu, softsign };
struct ActParams {
  Act act = Act::relu;
};
struct ConcatParams {
  int64_t num_args = 1, dim = 1;
};
struct EmbeddingParams {
  int64_t input_dim = 0, output_dim = 0;
  DType dtype = DType::f32;
  bool sparse_grad = false;
};

}  // namespace mixnet::op::quantized_shape
