/// What training tells on its way, and callbacks for the usual purposes.
#pragma once

#include <mixnet/metric.hpp>

#include <chrono>
#include <cstdio>

namespace mixnet {

/// After a batch: epoch and batch count from 0.
struct BatchEnd {
  int64_t epoch, batch, batch_size;
  Metric& metric;
};

/// After an epoch, when its parameters are there. `validation` is empty without evaluation data. A callback may set `stop`.
struct EpochEnd {
  int64_t epoch;
  double seconds;
  const Symbol& symbol;
  const Arrays &args, &states;
  std::vector<std::pair<std::string, double>> training, validation;
  bool stop = false;
};

using BatchCallback = std::function<void(const BatchEnd&)>;
using EpochCallback = std::function<void(EpochEnd&)>;

/// Writes PREFIX-symbol.json and PREFIX-NNNN.params, names as arg:NAME and aux:NAME.
inline void save_checkpoint(const std::string& prefix, int64_t epoch, const Symbol& symbol, const Arrays& args,
                            const Arrays& states) {
  char number[16];
  std::snprintf(number, sizeof number, "%04lld", static_cast<long long>(epoch));
  Arrays all;
  for (const auto& [name, array] : args) all["arg:" + name] = array.share();
  for (const auto& [name, array] : states) all["aux:" + name] = array.share();
  symbol.save(prefix + "-symbol.json");
  save(prefix + "-" + number + ".params", all);
}

namespace callback {

/// Logs samples per second and the metric every `period` batches.
inline BatchCallback speedometer(int64_t period = 50, std::FILE* file = stderr) {
  using Clock = std::chrono::steady_clock;
  return [period, file, started = Clock::now()](const BatchEnd& at) mutable {
    if (at.batch == 0) started = Clock::now();
    if (at.batch == 0 || at.batch % period != 0) return;
    const std::chrono::duration<double> passed = Clock::now() - started;
    std::fprintf(file, "Epoch[%lld] Batch [%lld]\tSpeed: %.2f samples/sec", static_cast<long long>(at.epoch),
                 static_cast<long long>(at.batch), static_cast<double>(period * at.batch_size) / passed.count());
    for (const auto& [name, value] : at.metric.values()) std::fprintf(file, "\t%s=%f", name.c_str(), value);
    std::fprintf(file, "\n");
    started = Clock::now();
  };
}

/// Logs the metrics of every epoch.
inline EpochCallback log_metrics(std::FILE* file = stderr) {
  return [file](const EpochEnd& at) {
    for (const auto& [kind, values] : {std::pair("Train", &at.training), std::pair("Validation", &at.validation)}) {
      for (const auto& [name, value] : *values) {
        std::fprintf(file, "Epoch[%lld] %s-%s=%f\n", static_cast<long long>(at.epoch), kind, name.c_str(), value);
      }
    }
    std::fprintf(file, "Epoch[%lld] Time cost=%.3f\n", static_cast<long long>(at.epoch), at.seconds);
  };
}

/// Saves a checkpoint every `period` epochs.
inline EpochCallback checkpoint(std::string prefix, int64_t period = 1) {
  return [prefix = std::move(prefix), period](const EpochEnd& at) {
    if ((at.epoch + 1) % period == 0) save_checkpoint(prefix, at.epoch + 1, at.symbol, at.args, at.states);
  };
}

/// Stops when the first validation metric (training metric without evaluation data) has not got better for `patience` epochs.
inline EpochCallback early_stopping(int64_t patience = 1, bool larger_is_better = true) {
  return [=, best = std::numeric_limits<double>::quiet_NaN(), since = int64_t{0}](EpochEnd& at) mutable {
    const double value = (at.validation.empty() ? at.training : at.validation).at(0).second;
    const bool better = std::isnan(best) || (larger_is_better ? value > best : value < best);
    if (better) best = value;
    since = better ? 0 : since + 1;
    at.stop = at.stop || since >= patience;
  };
}

}  // namespace callback
}  // namespace mixnet
