#include "io/iter_registry.h"

#include <algorithm>

#include "base/contains.h"
#include "op/core/field.h"

namespace mixnet {

// Every iterator's schema is declared here and listed in all_schemas.
IterSchema csv_iter_schema();
IterSchema image_record_iter_schema();
IterSchema image_record_uint8_iter_schema();
IterSchema image_record_int8_iter_schema();
IterSchema image_det_record_iter_schema();
IterSchema libsvm_iter_schema();
IterSchema mnist_iter_schema();

namespace {

std::vector<IterSchema> all_schemas() {
  std::vector<IterSchema> all{csv_iter_schema(),
                              image_record_iter_schema(),
                              image_record_uint8_iter_schema(),
                              image_record_int8_iter_schema(),
                              image_det_record_iter_schema(),
                              libsvm_iter_schema(),
                              mnist_iter_schema()};
  std::sort(all.begin(), all.end(), [](const IterSchema& a, const IterSchema& b) { return a.name < b.name; });
  return all;
}

const IterSchema& find_schema(const std::string& name) {
  std::string known;
  for (const IterSchema& s : iter_schemas()) {
    if (s.name == name || contains(s.aliases, name)) return s;
    known += (known.empty() ? "" : ", ") + s.name;
  }
  fail(Code::invalid, "[iterator] name: expected one of ", known, ", got '", name, "'");
}

}  // namespace

const std::vector<IterSchema>& iter_schemas() {
  static const std::vector<IterSchema> all = all_schemas();
  return all;
}

std::unique_ptr<DataIter> make_iter(const std::string& name, const Attributes& params) {
  const IterSchema& schema = find_schema(name);
  const std::shared_ptr<void> made = schema.default_params();
  std::vector<bool> given(schema.fields.size(), false);
  for (const auto& [key, value] : params) {
    size_t i = 0;
    while (i < given.size() && schema.fields[i].name != key) ++i;
    MIXNET_CHECK(i < given.size(), invalid, "[", name, "] unknown parameter '", key, "', expected ",
                 known_fields(schema.fields));
    given[i] = true;
    set_field(schema.fields[i], made.get(), value, name);
  }
  for (size_t i = 0; i < given.size(); ++i) {
    MIXNET_CHECK(given[i] || !schema.fields[i].required, invalid, "[", name, "] ", schema.fields[i].name,
                 ": required, but not given");
  }
  return schema.make(made.get(), name);
}

Json iter_schemas_json() {
  Json all = Json::array();
  for (const IterSchema& s : iter_schemas()) {
    Json j = Json::object(), aliases = Json::array(), params = Json::array();
    for (const std::string& alias : s.aliases) aliases.push_back(alias);
    for (const ParamField& f : s.fields) params.push_back(field_json(f));
    j.set("name", s.name);
    j.set("aliases", aliases);
    j.set("doc", s.doc);
    j.set("params", params);
    all.push_back(j);
  }
  return all;
}

}  // namespace mixnet
