/// First values of parameters, chosen by the parameter's name. All draws are the library's: a seed gives the same values in every language.
#pragma once

#include <mixnet/arithmetic.hpp>

#include <cmath>
#include <functional>

namespace mixnet {

/// Fills an array for a parameter of this name.
using Initializer = std::function<void(const std::string& name, NDArray& array)>;

namespace init {
namespace detail {

inline bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace detail

/// `weights` for names that end in weight; biases, scales and statistics get their constants; other names are an error.
inline Initializer by_name(Initializer weights) {
  return [weights = std::move(weights)](const std::string& name, NDArray& array) {
    static const std::pair<const char*, double> constants[] = {
        {"bias", 0},        {"beta", 0},        {"gamma", 1},      {"running_mean", 0},
        {"moving_mean", 0}, {"running_var", 1}, {"moving_var", 1}, {"moving_inv_var", 0},
        {"moving_avg", 0},  {"min", 0},         {"max", 0}};
    if (detail::ends_with(name, "weight")) return weights(name, array);
    for (const auto& [suffix, value] : constants) {
      if (detail::ends_with(name, suffix)) return array.fill(value);
    }
    fail("[init] " + name + ": no rule for this name; expected an ending such as weight, bias, gamma or beta");
  };
}

/// One value everywhere, whatever the name.
inline Initializer constant(double value) {
  return [value](const std::string&, NDArray& array) { array.fill(value); };
}
inline Initializer zero() { return constant(0); }
inline Initializer one() { return constant(1); }

/// Weights uniform in [-scale, scale).
inline Initializer uniform(double scale = 0.07) {
  return by_name([scale](const std::string&, NDArray& array) {
    op::_random_uniform().low(-scale).high(scale).shape(array.shape()).into(array);
  });
}

/// Weights normal with standard deviation sigma.
inline Initializer normal(double sigma = 0.01) {
  return by_name([sigma](const std::string&, NDArray& array) {
    op::_random_normal().loc(0).scale(sigma).shape(array.shape()).into(array);
  });
}

/// What Xavier divides by.
enum class Factor { average, in, out };
/// What Xavier draws from.
enum class Draw { uniform, gaussian };

/// Weights with variance magnitude / fan (Glorot and Bengio, 2010).
inline Initializer xavier(Draw draw = Draw::uniform, Factor factor = Factor::average, double magnitude = 3) {
  return by_name([=](const std::string& name, NDArray& array) {
    const Shape shape = array.shape();
    if (shape.size() < 2) fail("[xavier] " + name + ": expected at least 2 dimensions, got shape " + to_text(shape));
    double window = 1;
    for (size_t i = 2; i < shape.size(); ++i) window *= static_cast<double>(shape[i]);
    const double in = static_cast<double>(shape[1]) * window, out = static_cast<double>(shape[0]) * window;
    const double fan = factor == Factor::average ? (in + out) / 2 : factor == Factor::in ? in : out;
    const double scale = std::sqrt(magnitude / fan);
    if (draw == Draw::uniform) op::_random_uniform().low(-scale).high(scale).shape(shape).into(array);
    else op::_random_normal().loc(0).scale(scale).shape(shape).into(array);
  });
}

/// Weights normal with variance 2 / ((1 + slope^2) fan) (He et al., 2015).
inline Initializer msra(Factor factor = Factor::average, double slope = 0.25) {
  return xavier(Draw::gaussian, factor, 2 / (1 + slope * slope));
}

/// The first initializer whose ending the name has; "" is the ending of every name.
inline Initializer mixed(std::vector<std::pair<std::string, Initializer>> rules) {
  return [rules = std::move(rules)](const std::string& name, NDArray& array) {
    for (const auto& [ending, initializer] : rules) {
      if (detail::ends_with(name, ending)) return initializer(name, array);
    }
    fail("[mixed] " + name + ": no rule has its ending; add \"\" as the last");
  };
}

}  // namespace init
}  // namespace mixnet
