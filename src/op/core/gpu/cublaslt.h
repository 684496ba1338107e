// cuBLASLt's matrix products, where that library is: asked before ours by gemm() (gemm.cu).
//
// The algorithm for a product is asked for once per device and kind (shapes, types, how operands lie and are aligned), and kept, in a table that
// is emptied when it is full. Products of 16 bits are summed in float. A compute stream has a workspace, taken when an algorithm first needs it, for the life
// of the process, and so has each further branch of graphs (device/stream_graph.h), whose products run beside those of others. Safe to call from any thread; one product at a time is put into a stream.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "base/system_library.h"
#include "op/core/gpu/cublaslt_api.h"
#include "op/core/gpu/gemm.h"

namespace mixnet::gpu {

class CublasLt {
 public:
  struct Options {
    bool tf32 = false;              // operands of float32 products are rounded to 10 bits behind the point
    size_t workspace = 32 << 20;    // bytes at most
    size_t most_algorithms = 1024;  // kept per device
  };
  // Null: no library, and every product is refused. Throws Code::unsupported when it is not cuBLASLt.
  CublasLt(std::unique_ptr<SystemLibrary> library, const Options& options);
  ~CublasLt();

  bool on() const { return library_ != nullptr; }
  // Whether it has an algorithm for such a product.
  bool takes(Stream& stream, DType dtype, const Gemm& g);
  // Puts it into the stream; false: it has nothing for it, and nothing was put in. Throws Code::device: "[gpu(0)] cuBLASLt: product: CUBLAS_STATUS_...".
  bool gemm(Stream& stream, DType dtype, const Gemm& g);
  // Products that were put into streams.
  int64_t count() const { return count_; }
  // How often an algorithm was asked for.
  int64_t asked() const { return asked_; }

 private:
  struct Choice;
  class OnDevice;
  OnDevice& on_device(const Stream& stream);

  const std::unique_ptr<SystemLibrary> library_;
  const Options options_;
  lt::Functions functions_{};
  std::mutex mutex_;                                  // guards the map
  std::map<int, std::unique_ptr<OnDevice>> devices_;  // by index
  std::atomic<int64_t> count_{0}, asked_{0};
};

// The process's: MIXNET_CUBLASLT (a path, or 0), MIXNET_GPU_TF32, MIXNET_CUBLASLT_WORKSPACE (bytes).
CublasLt& cublaslt();

// gemm() with this library in the place of the process's.
void gemm(CublasLt& library, Stream& stream, DType dtype, const Gemm& g);

}  // namespace mixnet::gpu
