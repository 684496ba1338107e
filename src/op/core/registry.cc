#include "op/core/registry.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "op/core/field.h"
#include "op/core/late.h"
#include "op/core/max_parts.h"

namespace mixnet {
namespace {

// What everybody sees. A later one has all that was in the one before, which stays: others may be reading it.
std::atomic<const Registry*> published{nullptr};
std::mutex publishing;

int edit_distance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int substitute = diagonal + (std::tolower(a[i - 1]) == std::tolower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

void check_complete(const OpSchema& s) {
  auto require = [&s](bool good, const char* what) { MIXNET_CHECK(good, internal, "[registry] ", s.name, ": ", what); };
  require(bool(s.portable) || !s.kernels.empty(), "has no kernel");
  require(bool(s.gradient) + s.zero_gradient + !s.no_gradient.empty() <= 1, "says two things about its gradient");
#if !defined(MIXNET_PREDICTOR)
  require(s.gradient || s.zero_gradient || !s.no_gradient.empty(), "has no gradient and does not say why");
#endif
}

Json schema_json(const OpSchema& s) {
  Json j = Json::object();
  j.set("name", s.name);
  Json aliases = Json::array();
  for (const std::string& a : s.aliases) aliases.push_back(a);
  j.set("aliases", aliases);
  j.set("doc", s.doc);
  j.set("hidden", s.hidden);
  Json inputs = Json::array();
  for (const InputDef& in : s.inputs) {
    Json item = Json::object();
    item.set("name", in.name);
    item.set("doc", in.doc);
    inputs.push_back(item);
  }
  j.set("inputs", inputs);
  j.set("variadic", s.variadic);
  Json mutates = Json::array();
  for (int i : s.mutates) mutates.push_back(i);
  j.set("mutates", mutates);
  Json fields = Json::array();
  for (const ParamField& f : s.fields) fields.push_back(field_json(f));
  j.set("params", fields);
  Json outputs = Json::array();
  for (const std::string& o : s.output_names(s.make_default().get())) outputs.push_back(o);
  j.set("outputs", outputs);
  j.set("differentiable", bool(s.gradient));
  return j;
}

}  // namespace

OpSchema& Registry::add(std::string name) {
  auto& slot = operators_[name];
  MIXNET_CHECK(!slot, internal, "[registry] ", name, " is registered twice");
  slot = std::make_unique<OpSchema>();
  slot->name = std::move(name);
  return *slot;
}

OpSchema& Registry::existing(const std::string& name) {
  auto it = operators_.find(name);
  MIXNET_CHECK(it != operators_.end(), internal, "[registry] ", name, " has a device kernel but no operator file");
  return *it->second;
}

void Registry::finish() {
  if (const Registry* before = published.load()) {
    names_ = before->names_;
    order_ = before->order_;
  }
  for (auto& [name, schema] : operators_) {
    for (ParamField& f : schema->fields) {
      if (f.name != schema->variadic) continue;
      f.minimum = std::max(0.0, f.minimum.value_or(0));
      f.maximum = std::min<double>(max_parts, f.maximum.value_or(max_parts));
    }
    if (!schema->input_names) {
      std::vector<std::string> names;
      for (const InputDef& in : schema->inputs) names.push_back(in.name);
      schema->input_names = [names](const void*) { return names; };
      schema->fixed_inputs = static_cast<int>(names.size());
    }
    if (!schema->visible_outputs) {
      const int fixed = schema->fixed_visible;
      auto outputs = schema->output_names;
      schema->visible_outputs = [fixed, outputs](const void* p) {
        return fixed >= 0 ? fixed : static_cast<int>(outputs(p).size());
      };
    }
    const bool required =
        std::any_of(schema->fields.begin(), schema->fields.end(), [](const ParamField& f) { return f.required; });
    if (!required) schema->default_params = schema->make_default();
    std::stable_sort(schema->kernels.begin(), schema->kernels.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    check_complete(*schema);
    schema->id = static_cast<int>(order_.size());
    order_.push_back(schema.get());
    const bool fresh = names_.emplace(name, schema.get()).second;
    MIXNET_CHECK(fresh, invalid, "[registry] there is an operator called ", name, " already");
  }
  for (auto& [name, schema] : operators_) {
    for (const std::string& alias : schema->aliases) {
      const bool fresh = names_.emplace(alias, schema.get()).second;
      MIXNET_CHECK(fresh, internal, "[registry] ", alias, " names two operators");
    }
  }
}

const OpSchema* Registry::find(const std::string& name) const {
  auto it = names_.find(name);
  return it == names_.end() ? nullptr : it->second;
}

const OpSchema& Registry::at(const std::string& name) const {
  if (const OpSchema* s = find(name)) return *s;
  const std::string* nearest = nullptr;
  int best = 4;
  for (const auto& item : names_) {
    const int distance = edit_distance(item.first, name.substr(0, 64));
    if (distance < best) {
      best = distance;
      nearest = &item.first;
    }
  }
  if (nearest) fail(Code::invalid, "[operator] unknown operator '", name, "', the nearest is '", *nearest, "'");
  fail(Code::invalid, "[operator] unknown operator '", name, "'");
}

Json Registry::to_json() const {
  Json list = Json::array();
  for (const OpSchema* s : order_) list.push_back(schema_json(*s));
  return list;
}

void add_late_operators(const std::function<void(Registry&)>& fill) {
  registry();
  const std::lock_guard<std::mutex> lock(publishing);
  auto next = std::make_unique<Registry>();
  fill(*next);
  next->finish();
  published.store(next.release(), std::memory_order_release);
}

const Registry& registry() {
  static const bool filled = [] {
    auto* r = new Registry;
    register_all_operators(*r);
    r->finish();
    published.store(r, std::memory_order_release);
    return true;
  }();
  static_cast<void>(filled);
  return *published.load(std::memory_order_acquire);
}

}  // namespace mixnet
