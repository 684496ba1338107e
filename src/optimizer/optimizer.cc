#include "optimizer/optimizer.h"

#include <algorithm>

#include "base/contains.h"
#include "executor/invoke.h"
#include "op/core/field.h"
#include "op/core/registry.h"

namespace mixnet {
namespace {

const Rule& find_rule(const std::string& name) {
  std::string known;
  for (const Rule& rule : optimizer_rules()) {
    if (rule.name == name) return rule;
    known += (known.empty() ? "" : ", ") + rule.name;
  }
  fail(Code::invalid, "[optimizer] name: expected one of ", known, ", got '", name, "'");
}

void set_option(const Rule& rule, void* options, const std::string& name, const Value& value) {
  for (const ParamField& field : rule.fields) {
    if (field.name == name) return set_field(field, options, value, rule.name);
  }
  fail(Code::invalid, "[", rule.name, "] unknown option '", name, "', expected ", known_fields(rule.fields));
}

NDArray run(const char* op, const NDArray& input, const Attributes& attributes) {
  const OpSchema& schema = registry().at(op);
  std::vector<NDArray> outputs;
  invoke(schema, schema.make_params(attributes), Span<const NDArray>(&input, 1), outputs);
  return outputs[0];
}

NDArray cast(const NDArray& a, DType dtype) { return run("Cast", a, {{"dtype", dtype}}); }

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool decays(const std::string& key) { return ends_with(key, "_weight") || ends_with(key, "_gamma"); }

NDArray number(int64_t value) {
  const NDArray array(Shape{1}, DType::i64);
  array.copy_from_host(&value, sizeof value);
  return array;
}

int64_t read_number(const NDArray& array, const std::string& name) {
  MIXNET_CHECK(array.dtype() == DType::i64 && array.shape() == Shape{1}, io, "[optimizer load] ", name,
               ": expected one int64, got ", array.shape(), " of ", array.dtype());
  int64_t value = 0;
  array.copy_to_host(&value, sizeof value);
  return value;
}

// The same values in memory of their own, once what is pushed now is done.
NDArray copied(const NDArray& array) {
  const NDArray fresh(array.shape(), array.dtype(), array.device());
  copy(array, fresh);
  return fresh;
}

void check_restored(const Rule& rule, const std::string& key, int64_t steps, const std::vector<NDArray>& states,
                    const NDArray& master) {
  const std::string place = concat("[optimizer load] ", key);
  MIXNET_CHECK(steps > 0, io, place, ": expected a count of steps above 0, got ", steps);
  MIXNET_CHECK(contains(rule.state_counts, static_cast<int>(states.size())), io, place, ": expected ",
               rule.state_counts.front(), " states, got ", states.size());
  MIXNET_CHECK(master.none() || master.dtype() == DType::f32, io, place, ": expected a master of float32, got ",
               master.dtype());
  for (const NDArray& state : states) {
    const NDArray& first = master.none() ? states[0] : master;
    MIXNET_CHECK(state.shape() == first.shape() && state.dtype() == first.dtype(), io, place, ": expected states of ",
                 first.shape(), ", got ", state.shape());
  }
}

}  // namespace

Optimizer::Optimizer(const std::string& name, const Attributes& options)
    : rule_(find_rule(name)), options_(rule_.make_options()) {
  for (const auto& [option, value] : options) set_option(rule_, options_.get(), option, value);
}

void Optimizer::set(const std::string& option, const Value& value) {
  std::lock_guard<std::mutex> lock(mutex_);
  set_option(rule_, options_.get(), option, value);
  ++revision_;
}

void Optimizer::set_multipliers(const std::string& key, double lr_mult, double wd_mult) {
  std::lock_guard<std::mutex> lock(mutex_);
  multipliers_[key] = {lr_mult, wd_mult};
  ++revision_;
}

Optimizer::Slot& Optimizer::slot_of(const std::string& key, const NDArray& weight) {
  auto [it, fresh] = slots_.try_emplace(key);
  Slot& slot = it->second;
  if (!fresh) return slot;
  try {
    const auto& common = *static_cast<const CommonOptions*>(options_.get());
    slot.has_master = common.multi_precision && (weight.dtype() == DType::f16 || weight.dtype() == DType::bf16);
    if (slot.has_master) slot.master = cast(weight, DType::f32);
    const NDArray& like = slot.has_master ? slot.master : weight;
    for (int i = 0; i < rule_.state_count(options_.get()); ++i) slot.states.push_back(run("zeros_like", like, {}));
  } catch (...) {
    slots_.erase(it);
    throw;
  }
  return slot;
}

void Optimizer::check_fits(const std::string& key, const Slot& slot, const NDArray& weight) {
  const Shape& shape = weight.shape();
  const Shape& first = slot.has_master ? slot.master.shape() : slot.states.empty() ? shape : slot.states[0].shape();
  MIXNET_CHECK(first == shape, shape, "[optimizer] ", key, ": expected ", first, " as at its first step, got ", shape);
}

void Optimizer::update(const std::string& key, const NDArray& weight, const NDArray& grad) {
  MIXNET_CHECK(weight.shape() == grad.shape(), shape, "[optimizer] ", key, " gradient: expected ", weight.shape(),
               ", got ", grad.shape());
  MIXNET_CHECK(weight.dtype() == grad.dtype(), type, "[optimizer] ", key, " gradient: expected ", weight.dtype(),
               ", got ", grad.dtype());
  std::lock_guard<std::mutex> lock(mutex_);
  Slot& slot = slot_of(key, weight);
  check_fits(key, slot, weight);
  const auto& common = *static_cast<const CommonOptions*>(options_.get());
  auto given = multipliers_.find(key);
  const Multipliers factors = given == multipliers_.end() ? Multipliers{1, decays(key) ? 1.0 : 0.0} : given->second;
  const double lr = common.learning_rate * factors.lr, wd = common.wd * factors.wd;
  if (!slot.has_master) {
    rule_.step(options_.get(), {weight, grad, slot.states, lr, wd, slot.steps + 1});
  } else {
    rule_.step(options_.get(), {slot.master, cast(grad, DType::f32), slot.states, lr, wd, slot.steps + 1});
    copy(cast(slot.master, weight.dtype()), weight);
  }
  ++slot.steps;
}

bool Optimizer::by_row(const std::string& key) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto made = slots_.find(key);
  if (made != slots_.end()) return made->second.states.empty() && !made->second.has_master;
  return rule_.state_count(options_.get()) == 0 && !static_cast<const CommonOptions*>(options_.get())->multi_precision;
}

Json Optimizer::description() const {
  std::lock_guard<std::mutex> lock(mutex_);
  Json options = Json::object(), multipliers = Json::object();
  for (const ParamField& field : rule_.fields) options.set(field.name, field.get(options_.get()).str());
  for (const auto& [key, factors] : multipliers_) multipliers.set(key, Json::array({factors.lr, factors.wd}));
  Json json = Json::object();
  json.set("name", rule_.name);
  json.set("options", options);
  json.set("multipliers", multipliers);
  return json;
}

int64_t Optimizer::revision() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return revision_;
}

NamedArrays Optimizer::states() const {
  std::lock_guard<std::mutex> lock(mutex_);
  NamedArrays saved;
  auto add = [&saved](std::string name, const NDArray& array) {
    saved.names.push_back(std::move(name));
    saved.arrays.push_back(array);
  };
  add("optimizer:" + rule_.name, number(static_cast<int64_t>(slots_.size())));
  for (const auto& [key, slot] : slots_) {
    add("steps:" + key, number(slot.steps));
    if (slot.has_master) add("master:" + key, copied(slot.master));
    for (size_t i = 0; i < slot.states.size(); ++i) add(concat("state", i, ":", key), copied(slot.states[i]));
  }
  return saved;
}

void Optimizer::restore(const NamedArrays& saved) {
  std::map<std::string, Slot> slots;
  bool named = false;
  for (size_t i = 0; i < saved.names.size(); ++i) {
    const std::string& name = saved.names[i];
    const size_t colon = name.find(':');
    MIXNET_CHECK(colon != std::string::npos, io, "[optimizer load] name: expected steps:, state0:, ..., got '", name,
                 "'");
    const std::string kind = name.substr(0, colon), key = name.substr(colon + 1);
    const NDArray& array = saved.arrays[i];
    if (kind == "optimizer") {
      MIXNET_CHECK(key == rule_.name, io, "[optimizer load] kind: expected the states of ", rule_.name,
                   ", got those of ", key);
      named = true;
    } else if (kind == "steps") {
      slots[key].steps = read_number(array, name);
    } else if (kind == "master") {
      slots[key].master = array;
      slots[key].has_master = true;
    } else {
      Slot& slot = slots[key];
      MIXNET_CHECK(kind == concat("state", slot.states.size()), io, "[optimizer load] name: expected state",
                   slot.states.size(), ":", key, ", got '", name, "'");
      slot.states.push_back(array);
    }
  }
  MIXNET_CHECK(named, io, "[optimizer load] kind: expected the states of ", rule_.name, ", got none");
  for (const auto& [key, slot] : slots) check_restored(rule_, key, slot.steps, slot.states, slot.master);
  std::lock_guard<std::mutex> lock(mutex_);
  slots_ = std::move(slots);
}

Json Optimizer::schemas() {
  Json list = Json::array();
  for (const Rule& rule : optimizer_rules()) {
    Json item = Json::object();
    item.set("name", rule.name);
    item.set("doc", rule.doc);
    Json fields = Json::array();
    for (const ParamField& f : rule.fields) fields.push_back(field_json(f));
    item.set("params", fields);
    list.push_back(item);
  }
  return list;
}

}  // namespace mixnet
