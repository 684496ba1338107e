// What is recorded: nodes of the symbol IR with the values that their gradients read, and arrays that know their node.
//
// A node owns the nodes of its inputs, an array its node; so what no array can reach any more is gone. Nobody keeps a list.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "executor/executor.h"
#include "ndarray/ndarray.h"
#include "symbol/node.h"

namespace mixnet::autograd {

struct Outline {
  Shape shape;
  DType dtype = DType::f32;
  DeviceId device;
};

// A node of the tape. Variables are arrays that were marked, and constants; all other nodes are operations. Every node that a tape node
// has as an input is one too.
struct TapeNode : Node {
  TapeNode() { live_.fetch_add(1, std::memory_order_relaxed); }
  ~TapeNode() { live_.fetch_sub(1, std::memory_order_relaxed); }

  std::vector<Outline> outlines;  // by output
  std::vector<NDArray> kept_inputs,
      kept_outputs;                         // values that the gradient reads; none() or missing where it does not
  bool training = false;                    // the mode in which the operation ran
  bool tracked = false;                     // some variable that wants a gradient is behind it
  bool spent = false;                       // a backward has given up what it kept
  uint64_t trace = 0;                       // number of the trace that put it down, which may be over
  bool marked = false;                      // a variable that was marked
  NDArray gradient;                         // of a marked variable
  GradRequest request = GradRequest::null;  // of a marked variable

  static int64_t live() { return live_.load(); }

 private:
  static std::atomic<int64_t> live_;
};

// An array with its place on the tape: what a handle of the C ABI is. Copies share the place, once there is one.
struct Taped {
  NDArray array;
  std::shared_ptr<Entry> place;  // null: never on a tape
  bool part = false;             // a view of another array
  bool blank = false;            // made while tracing, and not yet written

  Taped() = default;
  explicit Taped(NDArray a) : array(std::move(a)) {}
  Taped(NDArray a, Entry e) : array(std::move(a)), place(std::make_shared<Entry>(std::move(e))) {}

  Entry entry() const { return place ? *place : Entry(); }
  TapeNode* node() const { return place ? static_cast<TapeNode*>(place->node.get()) : nullptr; }
  // Whether gradients flow through it.
  bool tracked() const {
    const TapeNode* n = node();
    return n && n->tracked && !n->spent;
  }
  void put(Entry e) {
    if (place) *place = std::move(e);
    else if (e) place = std::make_shared<Entry>(std::move(e));
  }
  // A copy that has the same place whatever happens to either.
  Taped share() {
    if (!place) place = std::make_shared<Entry>();
    return *this;
  }
};

inline Outline outline_of(const NDArray& a) { return {a.shape(), a.dtype(), a.device()}; }
// A variable that nobody wants a gradient of.
std::shared_ptr<TapeNode> make_constant(const NDArray& array);

}  // namespace mixnet::autograd
