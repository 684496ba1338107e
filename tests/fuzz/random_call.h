// A call of some operator, drawn from bytes: one of the registry's samples, with parameters, shapes and dtypes replaced at random.
#pragma once
#include <vector>

#include "bytes.h"
#include "op/core/registry.h"

namespace mixnet::fuzz {

struct RandomCall {
  const OpSchema* op = nullptr;
  Attributes attributes;
  std::vector<Shape> shapes;
  std::vector<DType> types;
  bool training = false;
};

// What users can name.
const std::vector<const OpSchema*>& offered_operators();
// Layout: operator (2 bytes), sample, flags, number of changed parameters, these, number of changed shapes, these, dtypes.
RandomCall draw_call(Bytes& bytes);
// A value for a parameter: of its own kind mostly, of any kind sometimes.
Value draw_value(Bytes& bytes, const ParamField& field);
// For every operator and sample the bytes that give just the sample.
std::vector<std::string> call_seeds();

}  // namespace mixnet::fuzz
