// How the rows (axis 2) of an operator's result depend on those of its first input, for running it in strips of rows (op/core/strips.h).
#pragma once
#include <cstdint>

#include "op/core/param.h"

namespace mixnet {

struct OpSchema;

// Row i depends on the rows [i stride - pad, i stride - pad + reach), of which those that are not there are padding.
struct RowWindow {
  int64_t reach = 1, stride = 1, pad = 0;
};

// The operator that computes a part of the rows.
struct RowPart {
  const OpSchema* op = nullptr;
  ParamsPtr params;  // owns the operator where no registry does
};

}  // namespace mixnet
