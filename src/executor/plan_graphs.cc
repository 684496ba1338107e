// A plan's steps as graphs of a GPU: which of them may be captured, and what a launch is made of.
#include <algorithm>

#include "device/gpu.h"
#include "executor/plan.h"

namespace mixnet {

// Whether the step puts the same kernels into the stream in every run, as far as can be known before. Kept values are made before the steps of a graph, so
// that outside of training, where there are any, nothing of a graph may change what they are made of.
bool Plan::repeatable(const Step& step) const {
  const OpSchema& op = *step.node->op;
  if (op.draws(step.node->params.get(), training_) || op.late_shape || op.num_subgraphs > 0 || runs_foreign_code(op) ||
      step.kernel->foreign_threads())
    return false;
  for (size_t i = 0; !training_ && i < step.in.size(); ++i) {
    if (step.node->mutates_input(static_cast<int>(i))) return false;
  }
  const auto here = [&](const TensorView& v) { return v.kind == StorageKind::dense && v.device == device(step.space); };
  return step.from < 0 && std::all_of(step.in.begin(), step.in.end(), here) &&
         std::all_of(step.out.begin(), step.out.end(), here);
}

// On a GPU, where kernels are not waited for one by one; elsewhere false.
bool Plan::launch_graphs(int first, int last, const Run& run) {
  if (first == last || device(step(first).space).kind != DeviceKind::gpu) return false;
  StreamDevice& gpu = gpu_device(device(step(first).space).index);
  if (!graphs_.serve(gpu.stream())) return false;
  graphs_.run(first, last, gpu,
              {[this](int i) { return repeatable(step(i)); }, [this](int i) { return step(i).node->op->many_kernels; },
               [this](int i) { refresh_kept(steps_[static_cast<size_t>(i)]); },
               [&](int i, StepGraphs::Addresses* all) {
                 for (const TensorView& v : step(i).in) all->push_back(v.data);
                 for (const TensorView& v : step(i).out) all->push_back(v.data);
                 all->push_back(run.arena + step(i).workspace_place);
               },
               [&](int i, Stream& stream) { launch_step(step(i), &stream, run); }});
  return true;
}

}  // namespace mixnet
