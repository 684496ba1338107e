#include "op/core/schema.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/environment.h"
#include "op/core/custom.h"
#include "op/core/field.h"
#include "op/core/first_kernel.h"
#include "op/core/fused.h"
#include "op/core/widened.h"

namespace mixnet {
namespace {

std::atomic<void (*)()> before_first_kernel{nullptr};

std::atomic<bool>& onednn_flag() {
  static std::atomic<bool> flag{environment_bool("ONEDNN", true)};
  return flag;
}

}  // namespace

void set_before_first_kernel(void (*hook)()) { before_first_kernel = hook; }

void set_onednn_enabled(bool enabled) { onednn_flag() = enabled; }
bool onednn_enabled() { return onednn_flag(); }

bool OpSchema::mutates_input(int i) const {
  const int first = group > 1 && i >= group ? i % group : i;
  return std::find(mutates.begin(), mutates.end(), first) != mutates.end();
}

bool OpSchema::allows_inplace(int input, int output) const {
  const int skip = group > 1 ? output : 0;
  return std::find(inplace.begin(), inplace.end(), std::make_pair(input - skip * group, output - skip)) !=
         inplace.end();
}

const ParamField* OpSchema::field(const std::string& field_name) const {
  for (const ParamField& f : fields) {
    if (f.name == field_name) return &f;
  }
  return nullptr;
}

ParamsPtr OpSchema::make_params(const Attributes& attributes, const std::string& where) const {
  if (attributes.empty() && default_params && !check) return default_params;
  std::shared_ptr<void> params = make_default();
  std::vector<bool> given(fields.size(), false);
  TextMap others;
  for (const auto& [key, value] : attributes) {
    const ParamField* f = field(key);
    if (!f && runs_foreign_code(*this)) {
      others.emplace_back(key, value.str());
      continue;
    }
    MIXNET_CHECK(f, invalid, "[", place(where), "] unknown parameter '", key, "', expected ", known_fields(fields));
    given[static_cast<size_t>(f - fields.data())] = true;
    set_field(*f, params.get(), value, place(where));
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    MIXNET_CHECK(given[i] || !fields[i].required, invalid, "[", place(where), "] ", fields[i].name,
                 ": required, but not given");
  }
  if (!others.empty()) static_cast<CustomParams*>(params.get())->kwargs = std::move(others);
  if (check) {
    try {
      check(params.get());
    } catch (const Error& e) {
      fail(e.code(), "[", place(where), "] ", e.what());
    }
  }
  return params;
}

ParamsPtr OpSchema::with_subgraphs(const ParamsPtr& params, std::vector<SubgraphPtr> graphs,
                                   const std::string& where) const {
  MIXNET_CHECK(static_cast<int>(graphs.size()) == num_subgraphs, invalid, "[", place(where), "] expected ",
               num_subgraphs, " subgraphs, got ", graphs.size());
  if (graphs.empty()) return params;
  std::shared_ptr<void> copy = clone(params.get());
  set_subgraphs(copy.get(), std::move(graphs));
  try {
    check_subgraphs(copy.get());
  } catch (const Error& e) {
    fail(e.code(), "[", place(where), "] ", e.what());
  }
  return copy;
}

std::vector<std::pair<std::string, std::string>> OpSchema::params_text(const void* params) const {
  if (runs_foreign_code(*this)) return static_cast<const CustomParams*>(params)->text();
  std::vector<std::pair<std::string, std::string>> text;
  for (const ParamField& f : fields) text.emplace_back(f.name, f.get(params).str());
  return text;
}

bool provider_serves(Provider provider, DeviceId device) {
  return device.host() && (provider != Provider::onednn || onednn_enabled());
}

namespace {

std::unique_ptr<Kernel> prepare_for_gpu(const OpSchema& op, const PrepareContext& context) {
  for (const auto& prepare_fn : op.gpu_kernels) {
    if (auto kernel = prepare_fn(context)) return kernel;
  }
  const char* why = op.no_gpu.empty() ? "none for these shapes, dtypes and parameters" : op.no_gpu.c_str();
  fail(Code::unsupported, "[", op.name, "] no kernel for ", context.device.str(), ": ", why);
}

}  // namespace

std::unique_ptr<Kernel> OpSchema::prepare(const PrepareContext& context) const {
  // A second thread waits: it could end the process in the middle.
  static std::once_flag first;
  std::call_once(first, [] {
    if (auto* hook = before_first_kernel.load()) hook();
  });
  if (!context.device.host()) return prepare_for_gpu(*this, context);
  for (const auto& [provider, prepare_fn] : kernels) {
    if (!provider_serves(provider, context.device)) continue;
    if (auto kernel = prepare_fn(context)) return kernel;
  }
  for (const auto& [provider, prepare_fn] : kernels) {
    if (provider != Provider::onednn || !provider_serves(provider, context.device)) continue;
    if (auto kernel = prepare_widened(prepare_fn, context)) return kernel;
  }
  std::unique_ptr<Kernel> kernel;
  if (portable) {
    kernel = prepare_in_float_tiles(*this, context);
    if (!kernel) kernel = portable(context);
  }
  MIXNET_CHECK(kernel, unsupported, "[", name, "] no kernel for ", context.device.str());
  return kernel;
}

}  // namespace mixnet
