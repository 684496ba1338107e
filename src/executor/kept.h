// An input of a step that depends on parameters only and is kept between runs: folded weights, constants, and weights in the layout
// that a kernel likes.
//
// Made by the first run, and again by the next run after one of the parameters got a new version. Memory that others may write without the
// engine knowing (Chunk::exposed) counts as changed every time. One thread at a time.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "executor/kept_store.h"
#include "ndarray/ndarray.h"
#include "op/core/kernel.h"
#include "symbol/graph.h"

namespace mixnet {

class KeptValue {
 public:
  // `value`: a variable, or an output of a node marked as derived. `layout`: what input `input` of the reading kernel is converted to, or null.
  // `outline` tells shape and dtype of an entry, `array` what a variable is bound to. `store`: where plans share values, or null.
  KeptValue(const Entry& value, DeviceId device, LayoutPtr layout, int input,
            const std::function<TensorView(const Entry&)>& outline, const std::function<NDArray(const Node*)>& array,
            std::shared_ptr<KeptStore> store);

  // Makes the value if it is not there or no longer true.
  void refresh(const Kernel& reader);
  // After the first refresh.
  void* data() const { return memory_->data(); }
  int64_t bytes() const;
  int input() const { return input_; }
  const std::vector<NDArray>& sources() const { return sources_; }

 private:
  bool changed() const;
  std::shared_ptr<Chunk> make(const Kernel& reader) const;
  std::string shared_key() const;
  std::shared_ptr<Chunk> evaluate() const;

  Graph graph_;                       // what makes the value, its only head
  std::vector<TensorView> outlines_;  // by entry
  std::vector<NDArray> sources_;      // the variables' arrays
  std::vector<int> source_entries_;
  std::vector<uint64_t> versions_;  // of the sources when the value was made
  bool made_ = false;
  DeviceId device_;
  LayoutPtr layout_;
  int input_;
  std::shared_ptr<KeptStore> store_;
  std::shared_ptr<KeptStore::Value> shared_;  // what memory_ belongs to, if it is shared
  std::shared_ptr<Chunk> memory_;
};

}  // namespace mixnet
