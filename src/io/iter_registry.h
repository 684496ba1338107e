// The iterators by name, each with typed parameters and their text: what the C ABI, the wrappers of all languages and their pages are made from.
//
// An iterator's file ends in a function that gives its schema; iter_registry.cc lists these functions.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "io/data_iter.h"
#include "op/core/param.h"

namespace mixnet {

struct IterSchema {
  std::string name;
  std::vector<std::string> aliases;
  std::string doc;
  std::vector<ParamField> fields;
  std::function<std::shared_ptr<void>()> default_params;
  std::function<std::unique_ptr<DataIter>(const void* params, const std::string& name)> make;
};

// Fields of a struct as those of a larger one that has it as a member.
template <class Outer, class Inner>
std::vector<ParamField> fields_of_member(std::vector<ParamField> fields, Inner Outer::* member) {
  for (ParamField& f : fields) {
    f.set = [set = f.set, member](void* p, const Value& v) { set(&(static_cast<Outer*>(p)->*member), v); };
    f.get = [get = f.get, member](const void* p) { return get(&(static_cast<const Outer*>(p)->*member)); };
  }
  return fields;
}

// The schema of an iterator with parameters P.
template <class P>
IterSchema make_iter_schema(std::string name, std::string doc, std::vector<ParamField> fields,
                            std::unique_ptr<DataIter> (*make)(const P& params, const std::string& name)) {
  IterSchema s;
  s.name = std::move(name);
  s.doc = std::move(doc);
  s.fields = std::move(fields);
  s.default_params = [] { return std::make_shared<P>(); };
  s.make = [make](const void* p, const std::string& iterator) { return make(*static_cast<const P*>(p), iterator); };
  return s;
}

// All of them, by name; made at first use.
const std::vector<IterSchema>& iter_schemas();
// By name or alias. Throws Code::invalid "[CSVIter] batch_size: expected ..., got ..." for unknown names, values out of range and what is missing;
// Code::io for files that cannot be opened.
std::unique_ptr<DataIter> make_iter(const std::string& name, const Attributes& params);
// [{"name", "aliases", "doc", "params": [as those of operators]}, ...]
Json iter_schemas_json();

}  // namespace mixnet
