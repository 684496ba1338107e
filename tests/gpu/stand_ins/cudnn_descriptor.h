// A descriptor of cuDNN's stand-in: its attributes by their numbers, as they were set; and the tensor that one describes.
#pragma once
#include <cstring>
#include <map>
#include <vector>

#include "plain_convolution.h"

namespace stand_in {

struct Descriptor {
  explicit Descriptor(int k) : kind(k) {}

  int kind;
  bool final = false;
  std::map<int, std::vector<char>> values;
  std::map<int, int> types;

  bool has(int name) const { return values.count(name) > 0; }
  template <class T> std::vector<T> all(int name) const {
    const auto it = values.find(name);
    if (it == values.end()) return {};
    std::vector<T> v(it->second.size() / sizeof(T));
    if (!v.empty()) std::memcpy(v.data(), it->second.data(), it->second.size());
    return v;
  }
  template <class T> T one(int name) const { return all<T>(name).at(0); }
  const Descriptor& part(int name) const { return *one<Descriptor*>(name); }
  template <class T> void put(int name, T value) {
    values[name].resize(sizeof value);
    std::memcpy(values[name].data(), &value, sizeof value);
  }
};

inline Tensor read_tensor(const Descriptor& d) {
  return {d.all<int64_t>(902), d.all<int64_t>(903), d.one<int>(901), d.one<int64_t>(906),
          d.has(907) && d.one<char>(907) != 0};
}

}  // namespace stand_in
