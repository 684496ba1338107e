// Optimizer for mixnet_core_tests, which have no operators: plain steps of "sgd", weight -= rate * gradient, as far as the group's tests need them.
#include "optimizer/optimizer.h"

namespace mixnet {
namespace {

const Rule& plain_rule() {
  static const Rule rule{"sgd", "", {}, {}, {}, {}, {}};
  return rule;
}

}  // namespace

Optimizer::Optimizer(const std::string& name, const Attributes& options)
    : rule_(plain_rule()), options_(std::make_shared<double>(0.01)) {
  MIXNET_CHECK(name == "sgd" && options.empty(), unsupported, "[optimizer] expected plain sgd, got ", name);
}

void Optimizer::set(const std::string& option, const Value& value) {
  if (option == "learning_rate") *static_cast<double*>(options_.get()) = value.as_real();
}

void Optimizer::set_multipliers(const std::string&, double, double) {}

void Optimizer::update(const std::string&, const NDArray& weight, const NDArray& grad) {
  const auto rate = static_cast<float>(*static_cast<double*>(options_.get()));
  float* const w = weight.view().as<float>();
  const float* const g = grad.view().as<float>();
  for (int64_t i = 0; i < weight.size(); ++i) w[i] -= rate * g[i];
}

bool Optimizer::by_row(const std::string&) const { return true; }

NamedArrays Optimizer::states() const { return {}; }
void Optimizer::restore(const NamedArrays&) {}

}  // namespace mixnet
