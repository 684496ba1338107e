// Recurrent layers over a whole sequence by cuDNN: plain, LSTM and GRU cells, without dropout.
//
// A plan is made when a kernel is prepared and kept per problem and device, and so is that there is none. cuDNN says where in its weight space each
// matrix and bias lies: a packed vector that lies so is used as it is, others are copied, piece by piece. Plans run on any thread, without
// waiting for the device.
#pragma once
#include <array>
#include <atomic>
#include <memory>

#include "base/dtype.h"
#include "base/function_ref.h"
#include "device/stream.h"

namespace mixnet::gpu {

enum class Cell : int { relu = 0, tanh = 1, lstm = 2, gru = 3 };  // cuDNN's numbers

struct Rnn {
  Cell cell;
  int64_t layers, directions, steps, batch, input, hidden;
  DType dtype;

  int64_t gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
  int64_t columns(int64_t layer) const { return layer == 0 ? input : directions * hidden; }
};

// Sequences are (steps, batch, columns), states (layers * directions, batch, hidden). Null: none, or not wanted.
struct RnnForward {
  const void *x, *parameters, *h, *c;
  void *y, *last_h, *last_c, *reserve;  // a reserve: for backward
};
struct RnnBackward {
  const void *x, *parameters, *h, *c, *y, *reserve, *dy, *d_last_h, *d_last_c;
  void *dx, *d_parameters, *dh, *dc;  // dx is wanted
};

class RnnPlan {
 public:
  virtual ~RnnPlan() = default;
  // Bytes of the reserve, and of workspaces of any alignment.
  virtual size_t reserve() const = 0;
  virtual size_t forward_workspace() const = 0;
  virtual size_t backward_workspace() const = 0;
  virtual void forward(Stream& stream, const RnnForward& data, void* workspace) const = 0;
  virtual void backward(Stream& stream, const RnnBackward& data, void* workspace) const = 0;
};

// Where gate `which` lies in the packed vector, in elements, its matrix or its bias: first the input's gates, then the state's, of
// layer * directions + direction.
using RnnPlace = FunctionRef<int64_t(int64_t lane, int64_t which, bool bias)>;

// Null: there is no cuDNN, or it cannot, or results are to be the same in every run.
std::shared_ptr<const RnnPlan> cudnn_rnn(int device, const Rnn& rnn, RnnPlace place);

// What cuDNN did in this process.
struct CudnnRnnCounts {
  std::atomic<int64_t> made{0}, refused{0}, forward{0}, backward{0},
      copied{0};  // copied: packed vectors that lay otherwise
};
CudnnRnnCounts& cudnn_rnn_counts();

}  // namespace mixnet::gpu
