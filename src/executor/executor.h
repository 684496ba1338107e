// Executor: a symbol bound to arrays on a device.
//
// Binding differentiates, infers, plans memory and prepares kernels; a step then only launches. Intermediate values live in
// one arena per device (shared with `shared` executors, which must not run at the same time; the engine keeps them in order). Outputs
// and gradients are arrays of their own that become ready one by one. A symbol that is placed (Symbol::placed) has its groups of
// nodes on their devices; what does not depend on each other runs there at the same time.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ndarray/ndarray.h"
#include "symbol/symbol.h"

namespace mixnet {

enum class GradRequest : int32_t { null = 0, write = 1, add = 3 };

struct MemoryReport {
  int64_t planned = 0;      // bytes of the arena
  int64_t naive = 0;        // bytes if every output of the graph as it was given had its own buffer
  int64_t lower_bound = 0;  // most bytes alive at once
  int64_t external = 0;     // arguments, states, gradients, outputs
  int64_t kept = 0;         // folded and converted parameters and constants, made by the first run
};

struct DeviceMemory {
  DeviceId device;
  MemoryReport memory;
};
// Of all devices, and of one.
MemoryReport total(const std::vector<DeviceMemory>& memory);
MemoryReport on_device(const std::vector<DeviceMemory>& memory, DeviceId device);

// name of an output, its value; called in order on the thread that runs the step.
using MonitorFn = std::function<void(const std::string& name, const NDArray& value)>;

struct BindArguments {
  std::vector<NDArray> arguments;  // in list_arguments order
  std::vector<NDArray> gradients;  // none() where not wanted
  std::vector<GradRequest> requests;
  std::vector<NDArray> states;
};

class Executor {
 public:
  virtual ~Executor() = default;

  virtual void forward(bool training) = 0;
  // After forward(true). `output_grads`: empty, or one per output (none() means ones); losses ignore theirs.
  virtual void backward(const std::vector<NDArray>& output_grads) = 0;
  virtual const std::vector<NDArray>& outputs() const = 0;
  virtual const BindArguments& bound() const = 0;
  virtual const Symbol& symbol() const = 0;
  virtual DeviceId device() const = 0;
  // Called for every output of every node (and with `inputs`, before it, for its inputs) while set; empty: off.
  virtual void set_monitor(MonitorFn monitor, bool inputs) = 0;
  // Of each device that has a part of the plan; the one that it is bound on first.
  virtual std::vector<DeviceMemory> device_memory(bool training) const = 0;
  MemoryReport memory(bool training) const { return total(device_memory(training)); }
  // The steps of the plan, one line each.
  virtual std::string describe() const = 0;
};

// Throws when counts, shapes, dtypes or devices do not fit, naming the argument. Arguments of a placed symbol may be on any device, for
// which they are copied in every run; states must be on that of the node that changes them, gradients on that of their argument or its group.
std::shared_ptr<Executor> bind(const Symbol& symbol, DeviceId device, BindArguments arguments,
                               const std::shared_ptr<Executor>& shared = nullptr);

struct SimpleBindArguments {
  std::vector<std::pair<std::string, Shape>> shapes;          // by argument (or state) name
  std::vector<std::pair<std::string, DType>> dtypes;          // default float32 where nothing says otherwise
  std::vector<std::pair<std::string, GradRequest>> requests;  // by argument name; others get `default_request`
  GradRequest default_request = GradRequest::write;
};
// Infers everything else and allocates. Fresh arguments and states are zero. Arrays of `shared` with the same name, shape and dtype are reused.
std::shared_ptr<Executor> simple_bind(const Symbol& symbol, DeviceId device, const SimpleBindArguments& arguments,
                                      const std::shared_ptr<Executor>& shared = nullptr);

// The same symbol for other input shapes, sharing parameters and arena. `up_sizing`: arrays may grow. Throws Code::shape when a
// parameter would change and `partial_shaping` is false.
std::shared_ptr<Executor> reshape(const std::shared_ptr<Executor>& executor, bool partial_shaping, bool up_sizing,
                                  const std::vector<std::pair<std::string, Shape>>& shapes);

// What binding would take, without taking it. `gradients`: training with gradients for all arguments but `inputs`.
std::vector<DeviceMemory> estimate_device_memory(const Symbol& symbol, const SimpleBindArguments& arguments,
                                                 bool training);
MemoryReport estimate_memory(const Symbol& symbol, const SimpleBindArguments& arguments, bool training);

}  // namespace mixnet
