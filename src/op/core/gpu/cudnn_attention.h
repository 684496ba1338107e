// Attention of 16-bit operands by cuDNN, without the matrix of scores. A plan is made when a kernel is prepared, of the first engine of
// cuDNN's heuristics that can be had; plans are kept per problem and device, and so is that there is none.
#pragma once
#include <atomic>
#include <memory>

#include "op/core/gpu/attention.h"

namespace mixnet::gpu {

// All addresses are multiples of 16, the workspace's of 256. Sums are float32. Runs on any thread, without waiting for the device.
class AttentionPlan {
 public:
  virtual ~AttentionPlan() = default;
  virtual size_t workspace() const = 0;
  virtual void run(Stream& stream, const AttentionData& data, void* workspace) const = 0;
};
class AttentionBackwardPlan {
 public:
  virtual ~AttentionBackwardPlan() = default;
  virtual size_t workspace() const = 0;
  // `dots`: room for a float per query.
  virtual void run(Stream& stream, const AttentionSlopes& data, float* dots, void* workspace) const = 0;
};

// Null: there is no cuDNN, or it cannot. Throws Code::device for what else it says.
std::shared_ptr<const AttentionPlan> cudnn_attention(int device, const Attention& a);
std::shared_ptr<const AttentionBackwardPlan> cudnn_attention_backward(int device, const Attention& a);

// What cuDNN was asked for in this process.
struct AttentionCounts {
  std::atomic<int64_t> made{0}, refused{0}, runs{0};
};
AttentionCounts& attention_counts();

}  // namespace mixnet::gpu
