#include "op/core/field.h"

namespace mixnet {
namespace {

void check_range(const ParamField& f, const Value& v) {
  auto inside = [&f](double x) { return (!f.minimum || x >= *f.minimum) && (!f.maximum || x <= *f.maximum); };
  bool good = true;
  if (v.kind() == Value::Kind::integer || v.kind() == Value::Kind::real) good = inside(v.as_real());
  if (v.kind() == Value::Kind::ints || v.kind() == Value::Kind::reals) {
    for (double x : v.as_reals()) good = good && inside(x);
  }
  const double top = f.maximum.value_or(std::numeric_limits<double>::infinity());
  MIXNET_CHECK(good, invalid, "expected a value in [", *f.minimum, ", ", top, "], got ", v.str());
}

}  // namespace

void set_field(const ParamField& f, void* params, const Value& value, const std::string& place) {
  try {
    f.set(params, value);
    if (f.minimum) check_range(f, f.get(params));
  } catch (const Error& e) {
    fail(e.code(), "[", place, "] ", f.name, ": ", e.what());
  }
}

std::string known_fields(const std::vector<ParamField>& fields) {
  std::string all;
  for (const ParamField& f : fields) all += (all.empty() ? "" : ", ") + f.name;
  return all.empty() ? "no parameters" : "one of " + all;
}

Json field_json(const ParamField& f) {
  Json j = Json::object();
  j.set("name", f.name);
  j.set("type", f.type);
  j.set("required", f.required);
  j.set("optional", f.optional);
  if (!f.required) j.set("default", f.default_text);
  if (!f.choices.empty()) {
    Json choices = Json::array();
    for (const std::string& c : f.choices) choices.push_back(c);
    j.set("choices", choices);
  }
  if (f.minimum) j.set("minimum", *f.minimum);
  if (f.maximum && *f.maximum < 1e300) j.set("maximum", *f.maximum);
  j.set("doc", f.doc);
  return j;
}

}  // namespace mixnet
