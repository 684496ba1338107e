// A plan's steps as graphs of a GPU: which of them may be captured, and what a launch is made of.
#include <algorithm>

#include "device/gpu.h"
#include "executor/plan.h"

namespace mixnet {

// Whether graphs of some GPU that is there may have branches.
bool Plan::branches() const {
  return std::any_of(devices_.begin(), devices_.end(), [this](DeviceId device) {
    return device.kind == DeviceKind::gpu && device.index < gpu_count() &&
           graphs_.branches(gpu_device(device.index).stream()) > 1;
  });
}

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

// The contract of kernels (op/core/kernel.h): outputs, workspace and inputs that the operator says it changes are all that is written. What is kept between runs lies apart from the rest,
// and was made before. `address`: of a place in an arena, or in an array.
std::vector<Touched> Plan::touched_by(const Step& step,
                                      FunctionRef<const char*(int64_t place, int64_t at)> address) const {
  std::vector<Touched> all;
  for (size_t i = 0; i < step.in.size(); ++i) {
    if (step.in_place[i] == nothing) continue;
    const bool changed = step.node->mutates_input(static_cast<int>(i));
    all.push_back({address(step.in_place[i], step.in_at[i]), step.in_bytes[i], changed});
  }
  for (size_t i = 0; i < step.out.size(); ++i) {
    if (step.out_place[i] != nothing)
      all.push_back({address(step.out_place[i], step.out_at[i]), step.out_bytes[i], true});
  }
  const auto workspace = static_cast<int64_t>(step.kernel->workspace());
  if (workspace > 0) all.push_back({address(arena(step.space).begin + step.workspace_place, 0), workspace, true});
  return all;
}

std::vector<bool> Plan::joints(int first, int last) const {
  if (!branches()) return {};
  // Arrays are taken to be apart from one another; where they are not, a graph that is captured knows.
  constexpr int64_t apart = int64_t{1} << 42;
  const auto address = [](int64_t place, int64_t at) {
    return reinterpret_cast<const char*>(place >= 0 ? place : -place * apart + at);
  };
  std::vector<std::vector<Touched>> touched;
  for (int i = first; i < last; ++i) touched.push_back(touched_by(step(i), address));
  std::vector<bool> all;
  for (const BranchPlan::Step& its : plan_branches(touched, Branches::most).steps) all.push_back(its.joint);
  return all;
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
               [&](int i) {
                 const auto address = [&](int64_t place, int64_t at) -> const char* {
                   if (place >= 0) return run.arena + (place - arena(step(i).space).begin);
                   return run.externals[static_cast<size_t>(-1 - place)].view().as<const char>() + at;
                 };
                 return touched_by(step(i), address);
               },
               [&](int i, Stream& stream) { launch_step(step(i), &stream, run); }});
  return true;
}

}  // namespace mixnet
