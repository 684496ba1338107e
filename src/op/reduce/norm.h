// The parameters of norm.
#pragma once
#include "op/reduce/reduction.h"

namespace mixnet::op::norm {

enum class Out { none, f16, f32, f64, i32, i64, i8 };
struct Params : ReduceParams {
  int64_t ord = 2;
  Out out_dtype = Out::none;
};

}  // namespace mixnet::op::norm
