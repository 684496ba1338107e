// Convolutions by cuDNN. A plan is made when a kernel is prepared: engines are proposed by cuDNN's heuristics; the first that can be had is taken, or the
// quickest of some, which is remembered on disk (cudnn_choices.h).
//
// Plans are kept per problem, device and wish, and so is that there is none. A plan runs on any thread, without waiting for the device.
#pragma once
#include <atomic>
#include <memory>

#include "base/function_ref.h"
#include "op/core/gpu/convolve.h"

namespace mixnet::gpu {

enum class Tuning { off, limited, fastest };

// What a plan is to keep to.
struct PlanWishes {
  Tuning tuning = Tuning::off;  // limited: the quickest within the limit; fastest: whatever it needs
  size_t workspace = size_t{1} << 30;
  bool tensor_float32 = false;  // float32 may be multiplied with 10 bits
  bool deterministic = false;   // the same bits in every run
};

class ConvolutionPlan {
 public:
  virtual ~ConvolutionPlan() = default;
  virtual size_t workspace() const = 0;
  // All addresses are multiples of `alignment`, the workspace's of 256.
  virtual void run(Stream& stream, const ConvolutionData& data, void* workspace) const = 0;

  static constexpr size_t alignment = 16, workspace_alignment = 256;
};

// Null: there is no cuDNN, or it cannot. Throws Code::device for what else it says.
std::shared_ptr<const ConvolutionPlan> cudnn_plan(int device, Direction direction, const Convolution& c,
                                                  const Finish& finish, const PlanWishes& wishes);

// What cuDNN was asked for in this process.
struct CudnnCounts {
  std::atomic<int64_t> made{0}, refused{0}, timed{0}, recalled{0}, runs{0};
};
CudnnCounts& cudnn_counts();

// The i below n with the smallest cost(i); n where all are infinite.
size_t quickest(size_t n, FunctionRef<double(size_t)> cost);

}  // namespace mixnet::gpu
