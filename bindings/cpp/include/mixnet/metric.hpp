/// Metrics: what a net is worth, from labels and predictions of batches.
#pragma once

#include <mixnet/arithmetic.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace mixnet {

/// Keeps a sum and a count; value() is their ratio.
class Metric {
 public:
  explicit Metric(std::string name) : name_(std::move(name)) {}
  virtual ~Metric() = default;

  const std::string& name() const { return name_; }
  /// Takes a batch in: as many labels as predictions. Waits for both.
  virtual void update(const std::vector<NDArray>& labels, const std::vector<NDArray>& predictions) {
    if (labels.size() != predictions.size()) {
      fail("[" + name_ + "] labels: expected " + std::to_string(predictions.size()) + ", got " +
           std::to_string(labels.size()));
    }
    for (size_t i = 0; i < labels.size(); ++i) {
      const auto [sum, count] = measure(Host(labels[i]), Host(predictions[i]));
      sum_ += sum;
      count_ += count;
    }
  }
  /// NaN before anything was counted.
  virtual double value() const {
    return count_ > 0 ? sum_ / static_cast<double>(count_) : std::numeric_limits<double>::quiet_NaN();
  }
  virtual void reset() { sum_ = 0, count_ = 0; }
  /// {name, value} of this metric, or of each of several.
  virtual std::vector<std::pair<std::string, double>> values() const { return {{name_, value()}}; }

  /// An array on the host: rows along the first axis.
  struct Host {
    explicit Host(const NDArray& array) : shape(array.shape()), values(array.values<float>()) {}
    size_t rows() const { return shape.empty() ? 1 : static_cast<size_t>(shape[0]); }
    size_t width() const { return rows() ? values.size() / rows() : 0; }
    const float* row(size_t i) const { return values.data() + i * width(); }
    /// The number of a row's largest value.
    size_t largest(size_t i) const { return static_cast<size_t>(std::max_element(row(i), row(i) + width()) - row(i)); }
    Shape shape;
    std::vector<float> values;
  };

 protected:
  /// Sum and count of a batch.
  virtual std::pair<double, int64_t> measure(const Host& label, const Host& prediction) = 0;
  /// The class of each row, checked against the prediction's classes.
  std::vector<size_t> classes(const Host& label, const Host& prediction) const {
    if (label.values.size() != prediction.rows()) {
      fail("[" + name_ + "] labels: expected " + std::to_string(prediction.rows()) + ", got " +
               std::to_string(label.values.size()),
           Code::shape);
    }
    std::vector<size_t> found;
    for (float value : label.values) {
      if (!(value >= 0 && static_cast<size_t>(value) < prediction.width())) {
        fail("[" + name_ + "] label: expected a class below " + std::to_string(prediction.width()) + ", got " +
             std::to_string(value));
      }
      found.push_back(static_cast<size_t>(value));
    }
    return found;
  }

 private:
  std::string name_;
  double sum_ = 0;
  int64_t count_ = 0;
};

namespace metric {
namespace detail {

/// A metric from a function of (label, prediction) on the host.
class Function : public Metric {
 public:
  using Measure = std::function<std::pair<double, int64_t>(const Host& label, const Host& prediction)>;
  Function(std::string name, Measure measure) : Metric(std::move(name)), measure_(std::move(measure)) {}

 protected:
  std::pair<double, int64_t> measure(const Host& label, const Host& prediction) override {
    return measure_(label, prediction);
  }

 private:
  Measure measure_;
};

class TopK : public Metric {
 public:
  TopK(std::string name, size_t k) : Metric(std::move(name)), k_(k) {}

 protected:
  std::pair<double, int64_t> measure(const Host& label, const Host& prediction) override {
    const std::vector<size_t> truth = classes(label, prediction);
    int64_t right = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      const float* row = prediction.row(i);
      size_t before = 0;  // among equal scores the first class counts as the larger one
      for (size_t j = 0; j < prediction.width(); ++j) {
        before += row[j] > row[truth[i]] || (row[j] == row[truth[i]] && j < truth[i]);
      }
      right += before < k_;
    }
    return {static_cast<double>(right), static_cast<int64_t>(truth.size())};
  }

 private:
  size_t k_;
};

class CrossEntropy : public Metric {
 public:
  explicit CrossEntropy(double eps) : Metric("cross-entropy"), eps_(static_cast<float>(eps)) {}

 protected:
  std::pair<double, int64_t> measure(const Host& label, const Host& prediction) override {
    const std::vector<size_t> truth = classes(label, prediction);
    double sum = 0;
    for (size_t i = 0; i < truth.size(); ++i) sum -= std::log(prediction.row(i)[truth[i]] + eps_);
    return {sum, static_cast<int64_t>(truth.size())};
  }

 private:
  float eps_;
};

/// Averages over batches, as Python's "macro".
class F1 : public Metric {
 public:
  F1() : Metric("f1") {}

 protected:
  std::pair<double, int64_t> measure(const Host& label, const Host& prediction) override {
    if (prediction.width() != 2) fail("[f1] prediction: expected 2 classes, got " + std::to_string(prediction.width()));
    const std::vector<size_t> truth = classes(label, prediction);
    double both = 0, guessed = 0, actual = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      const bool guess = prediction.largest(i) == 1, is = truth[i] == 1;
      both += guess && is;
      guessed += guess;
      actual += is;
    }
    return {both > 0 ? 2 * both / (guessed + actual) : 0, 1};
  }
};

class Several : public Metric {
 public:
  explicit Several(std::vector<std::shared_ptr<Metric>> metrics) : Metric("composite"), metrics_(std::move(metrics)) {}
  void update(const std::vector<NDArray>& labels, const std::vector<NDArray>& predictions) override {
    for (const auto& metric : metrics_) metric->update(labels, predictions);
  }
  double value() const override { return metrics_.empty() ? Metric::value() : metrics_[0]->value(); }
  void reset() override {
    for (const auto& metric : metrics_) metric->reset();
  }
  std::vector<std::pair<std::string, double>> values() const override {
    std::vector<std::pair<std::string, double>> found;
    for (const auto& metric : metrics_) {
      for (auto& pair : metric->values()) found.push_back(std::move(pair));
    }
    return found;
  }

 protected:
  std::pair<double, int64_t> measure(const Host&, const Host&) override { return {0, 0}; }

 private:
  std::vector<std::shared_ptr<Metric>> metrics_;
};

/// The mean of f(label - prediction) per batch; value() is the mean over batches.
inline std::shared_ptr<Metric> regression(const char* name, double (*f)(double)) {
  return std::make_shared<Function>(name, [f, name](const Metric::Host& label, const Metric::Host& prediction) {
    if (label.values.size() != prediction.values.size()) {
      fail(std::string("[") + name + "] label: expected " + std::to_string(prediction.values.size()) + " values, got " +
               std::to_string(label.values.size()),
           Code::shape);
    }
    double sum = 0;
    for (size_t i = 0; i < label.values.size(); ++i)
      sum += f(static_cast<double>(label.values[i]) - prediction.values[i]);
    return std::pair<double, int64_t>(sum / static_cast<double>(label.values.size()), 1);
  });
}

}  // namespace detail

/// The share of rows whose largest score is the label's.
inline std::shared_ptr<Metric> accuracy() { return std::make_shared<detail::TopK>("accuracy", 1); }
/// The share of rows whose label is among the k largest scores.
inline std::shared_ptr<Metric> top_k_accuracy(size_t k) {
  return std::make_shared<detail::TopK>("top_k_accuracy_" + std::to_string(k), k);
}
/// The mean of -log(p(label) + eps).
inline std::shared_ptr<Metric> cross_entropy(double eps = 1e-12) { return std::make_shared<detail::CrossEntropy>(eps); }
/// The harmonic mean of precision and recall, for two classes.
inline std::shared_ptr<Metric> f1() { return std::make_shared<detail::F1>(); }
/// The mean squared error.
inline std::shared_ptr<Metric> mse() {
  return detail::regression("mse", [](double difference) { return difference * difference; });
}
/// The mean absolute error.
inline std::shared_ptr<Metric> mae() {
  return detail::regression("mae", [](double difference) { return std::abs(difference); });
}
/// From a function of label and prediction on the host that gives a batch's sum and count.
inline std::shared_ptr<Metric> custom(std::string name, detail::Function::Measure measure) {
  return std::make_shared<detail::Function>(std::move(name), std::move(measure));
}
/// Several at once; value() is the first's.
inline std::shared_ptr<Metric> several(std::vector<std::shared_ptr<Metric>> metrics) {
  return std::make_shared<detail::Several>(std::move(metrics));
}

}  // namespace metric
}  // namespace mixnet
