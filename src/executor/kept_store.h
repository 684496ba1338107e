// Kept values that plans on the same arrays share, so that clones of a predictor have one packed copy of each weight.
//
// A value is known by how it is derived from which arrays in which versions, and by its layout: plans whose arrays have changed ask for
// another one. It goes with the last plan that uses it. Thread-safe; a plan that needs a value while another makes it waits.
#pragma once
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "ndarray/chunk.h"
#include "op/core/layout.h"

namespace mixnet {

class KeptStore {
 public:
  struct Value {
    explicit Value(LayoutPtr value_layout) : layout(std::move(value_layout)) {}
    const LayoutPtr layout;
    std::mutex mutex;
    std::shared_ptr<Chunk> memory;  // guarded by mutex; null until somebody has made it
  };

  // The value of this key and layout, new when there was none.
  std::shared_ptr<Value> find(const std::string& key, const LayoutPtr& layout) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (values_.find(key) == values_.end()) forget();
    std::vector<std::weak_ptr<Value>>& list = values_[key];
    for (const std::weak_ptr<Value>& held : list) {
      const std::shared_ptr<Value> value = held.lock();
      if (value && same_layout(value->layout, layout)) return value;
    }
    const auto made = std::make_shared<Value>(layout);
    for (std::weak_ptr<Value>& held : list) {
      if (held.expired()) return held = made, made;
    }
    list.push_back(made);
    return made;
  }

 private:
  // Keys whose values are all gone: those of earlier versions.
  void forget() {
    for (auto it = values_.begin(); it != values_.end();) {
      bool gone = true;
      for (const std::weak_ptr<Value>& held : it->second) gone = gone && held.expired();
      it = gone ? values_.erase(it) : std::next(it);
    }
  }

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::weak_ptr<Value>>> values_;
};

}  // namespace mixnet
