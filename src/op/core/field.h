// What the owners of parameter structs share: setting a field from a value, naming the fields, describing one.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "op/core/param.h"

namespace mixnet {

// Throws Code::invalid "[place] field: expected ..., got ..." for values of the wrong kind or out of range.
void set_field(const ParamField& field, void* params, const Value& value, const std::string& place);
// "one of a, b" or "no parameters".
std::string known_fields(const std::vector<ParamField>& fields);
// Name, type, default, choices, range and text.
Json field_json(const ParamField& field);

}  // namespace mixnet
