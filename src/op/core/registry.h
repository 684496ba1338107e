// The table of operators, filled once at first use from every file under src/op.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "op/core/schema.h"

namespace mixnet {

class Registry {
 public:
  OpSchema& add(std::string name);
  // For the device siblings of an operator's file. Throws Code::internal when the operator is missing.
  OpSchema& existing(const std::string& name);
  // Gives every operator its id and checks that the table is complete and free of contradictions.
  void finish();

  // By name or alias; nullptr when unknown.
  const OpSchema* find(const std::string& name) const;
  // Throws Code::invalid: "[operator] unknown operator 'Convolutoin', the nearest is 'Convolution'".
  const OpSchema& at(const std::string& name) const;
  // By id.
  const std::vector<const OpSchema*>& all() const { return order_; }
  // The schema of every operator, for generators and plug-ins.
  Json to_json() const;

 private:
  std::map<std::string, std::unique_ptr<OpSchema>> operators_;
  std::map<std::string, OpSchema*> names_;
  std::vector<const OpSchema*> order_;
};

const Registry& registry();

// Written by the build: calls register_ops of every operator file.
void register_all_operators(Registry& registry);

}  // namespace mixnet
