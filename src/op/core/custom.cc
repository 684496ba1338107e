#include "op/core/custom.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"

namespace mixnet {
namespace {

struct CustomTypes {
  std::mutex mutex;
  std::map<std::string, CustomMaker> makers;
};

CustomTypes& custom_types() {
  static CustomTypes& types = *new CustomTypes;
  return types;
}

}  // namespace

TextMap ParamType<TextMap>::from(const Value& v) {
  TextMap map;
  if (v.as_text().empty()) return map;
  try {
    const Json parsed = Json::parse(v.as_text(), "op_params");
    for (const auto& [key, value] : parsed.members())
      map.emplace_back(key, value.is_string() ? value.as_string() : value.dump());
  } catch (const Error& e) {
    fail(Code::invalid, "expected a JSON object, got ", v.as_text(), ": ", e.what());
  }
  return map;
}

Value ParamType<TextMap>::to(const TextMap& map) {
  Json j = Json::object();
  for (const auto& [key, value] : map) j.set(key, value);
  return j.dump();
}

bool CustomProp::reads(int number) const {
  return std::find(backward_reads.begin(), backward_reads.end(), number) != backward_reads.end();
}

void register_custom(const std::string& op_type, CustomMaker maker) {
  MIXNET_CHECK(!op_type.empty(), invalid, "[custom_register] name: expected a non-empty text");
  // The one before goes after the lock: it may run the program's code.
  std::lock_guard<std::mutex> lock(custom_types().mutex);
  custom_types().makers[op_type].swap(maker);
}

std::shared_ptr<CustomProp> make_custom(const std::string& op_type, const TextMap& params) {
  CustomMaker maker;
  std::string known;
  {
    std::lock_guard<std::mutex> lock(custom_types().mutex);
    const auto it = custom_types().makers.find(op_type);
    if (it != custom_types().makers.end()) maker = it->second;
    for (const auto& item : custom_types().makers) known += (known.empty() ? "'" : ", '") + item.first + "'";
  }
  MIXNET_CHECK(maker, invalid, "op_type: no custom operator '", op_type, "' is registered, there are ", known);
  return maker(params);
}

CustomParams::CustomParams() : own(std::make_shared<OperatorStates>()) {}
CustomParams::CustomParams(const CustomParams& other) : CustomParams() {
  op_type = other.op_type;
  kwargs = other.kwargs;
  prop = other.prop;
}

std::vector<std::pair<std::string, std::string>> CustomParams::text() const {
  std::vector<std::pair<std::string, std::string>> all{{"op_type", op_type}};
  all.insert(all.end(), kwargs.begin(), kwargs.end());
  return all;
}

bool mutates_input(const OpSchema& op, const void* params, int i) {
  if (!runs_foreign_code(op)) return op.mutates_input(i);
  const auto& prop = static_cast<const CustomParams*>(params)->prop;
  return prop && i >= op.num_inputs(params) - prop->num_states();
}

OperatorStates*& OperatorStates::current() {
  static thread_local OperatorStates* states = nullptr;
  return states;
}

std::shared_ptr<CustomOperator> OperatorStates::at(const void* params,
                                                   const std::function<std::shared_ptr<CustomOperator>()>& create) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = operators_.find(params);
    if (it != operators_.end()) return it->second;
  }
  // Without the lock: it runs the program's code. Nodes that share parameters run one after the other.
  std::shared_ptr<CustomOperator> fresh = create();
  std::lock_guard<std::mutex> lock(mutex_);
  return operators_.emplace(params, std::move(fresh)).first->second;
}

}  // namespace mixnet
