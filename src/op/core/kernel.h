// Prepare once per node and shape, run per call.
//
// A prepared kernel is immutable: several threads may run it at once. Whatever it needs to write besides its outputs is
// workspace. It must not keep anything that depends on values. A kernel ASSIGNS its outputs; adding to a gradient and
// discarding unwanted outputs is the executor's business.
#pragma once
#include <memory>

#include "base/span.h"
#include "device/kernel_context.h"
#include "device/tensor_view.h"
#include "op/core/layout.h"
#include "op/core/subgraph.h"

namespace mixnet {

struct FusedGroup;

// Shapes and dtypes of one node; `data` of the views is not set.
struct PrepareContext {
  const void* params_ = nullptr;
  Span<const TensorView> inputs;
  Span<const TensorView> outputs;
  Span<const bool> wanted;  // outputs somebody uses
  // Layouts in which inputs may come, by input; empty where all are row-major. A kernel that takes up an offer names it in
  // input_layout; if the plan then cannot keep it, the kernel is prepared again without.
  Span<const LayoutPtr> layouts;
  // Pointwise operators to apply to output 0 before it is stored, for a kernel that said it takes them (OpSchema::tail_kernels);
  // their other inputs follow the operator's own.
  const FusedGroup* tail = nullptr;
  DeviceId device;
  bool training = false;
  bool blocks =
      false;  // channels rather in blocks than last, where both are as good: then a join along them moves nothing
  // For operators that carry graphs.
  const SubgraphMaker* subgraphs = nullptr;
  const SubgraphInference* inference = nullptr;

  template <class P> const P& params() const { return *static_cast<const P*>(params_); }
};

struct RunContext {
  Span<const TensorView> in;
  Span<const TensorView> out;  // an unwanted output has data == nullptr, if OpSchema::may_leave_out
  const KernelContext& context;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const RunContext& r) const = 0;
  virtual size_t workspace() const { return 0; }

  // Layouts in which it would rather have an input or give an output; null: row-major. Unless adopted, tensors are row-major and the
  // kernel converts them itself.
  virtual LayoutPtr input_layout(int) const { return nullptr; }
  virtual LayoutPtr output_layout(int) const { return nullptr; }
  // False: the values of this input are never looked at, so that any layout will do.
  virtual bool reads_input(int) const { return true; }
  // From now on the tensor comes, or is taken, in the layout that was named. Before the first run.
  virtual void adopt_input(int) {}
  virtual void adopt_output(int) {}
  // Whether, with what was adopted, output 0 has the bytes of input 0: then a plan that has them in one place need not run it.
  virtual bool moves_nothing() const { return false; }
  // Converts an input to the layout that was named, for a plan that keeps the result while the input does not change.
  virtual void pack_input(int, const void*, void*) const {}
  // Whether it works on other threads than the pool's or on another device: then not on the thread that asks for it.
  virtual bool foreign_threads() const { return false; }
};

// nullptr: this provider cannot do it; the next one is asked.
using PrepareFn = std::unique_ptr<Kernel> (*)(const PrepareContext&);

// Who made a kernel for CPUs.
enum class Provider : int32_t { portable = 0, onednn = 1 };

// A kernel that is a function of parameters and tensors, with nothing to prepare.
template <class P>
class FunctionKernel : public Kernel {
 public:
  using Fn = void (*)(const P&, const RunContext&);
  FunctionKernel(const P& params, Fn fn) : params_(params), fn_(fn) {}
  void run(const RunContext& r) const override { fn_(params_, r); }

 private:
  const P params_;
  Fn fn_;
};

}  // namespace mixnet
