// What tests of bound graphs are made of: symbols from names, values from seeds, and how far two arrays are apart.
#pragma once
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "executor/executor.h"
#include "ndarray/values.h"
#include "op/core/registry.h"

namespace mixnet::test {

inline Symbol apply(const char* op, const Attributes& params, std::vector<Symbol> inputs,
                    const std::string& name = "") {
  std::vector<std::pair<std::string, Symbol>> named;
  for (Symbol& s : inputs) named.emplace_back("", std::move(s));
  return Symbol::create(registry().at(op), params, {}, named, name);
}

inline Symbol conv(Symbol x, int64_t filters, int64_t kernel, const std::string& name, bool bias = true) {
  return apply("Convolution",
               {{"kernel", Shape{kernel, kernel}},
                {"pad", Shape{kernel / 2, kernel / 2}},
                {"num_filter", filters},
                {"no_bias", !bias}},
               {std::move(x)}, name);
}

inline void fill(const NDArray& a, uint32_t seed, float scale) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  for (float& x : v) {
    seed = seed * 1664525u + 1013904223u;
    x = scale * (static_cast<float>(seed >> 8) * 0x1p-24f - 0.5f);
  }
  a.copy_from_host(v.data(), a.bytes());
}

// The largest difference, relative to the largest value.
inline double difference(const NDArray& a, const NDArray& b, double least = 1e-3) {
  const std::vector<float> x = values(a), y = values(b);
  double most = 0, size = least;
  for (size_t i = 0; i < x.size(); ++i) {
    most = std::max<double>(most, std::fabs(x[i] - y[i]));
    size = std::max<double>(size, std::fabs(y[i]));
  }
  return most / size;
}

}  // namespace mixnet::test
