// Carries out the sums that all workers have agreed on: gathers small keys, cuts large ones, and fills one batch while another travels.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/completion.h"
#include "kvstore/mpi/batches.h"
#include "kvstore/mpi/link.h"
#include "ndarray/ndarray.h"

namespace mixnet::mpi {

// One key's sum: over this worker's devices, then over all workers, into `target` (which may be the only source).
struct Reduction {
  std::string key;
  std::vector<NDArray> sources;
  NDArray target;
  int32_t priority = 0;
  // Null: there is no value, as its computation failed.
  std::shared_ptr<Completion> completion;
};

class Transfer {
 public:
  explicit Transfer(Link& link) : link_(link) {}

  // Ends the completion of each once its sum is there, in any order. Throws as Link does; `sums` and this must then outlive the process.
  void run(const std::vector<Reduction>& sums);

 private:
  struct UnderWay {
    const Batch* batch = nullptr;
    Request* request = nullptr;
    char* staged = nullptr;  // where the batch was gathered, or null
  };

  UnderWay begin(const std::vector<Reduction>& sums, const Batch& batch, size_t turn);
  void finish(const std::vector<Reduction>& sums, const UnderWay& one);
  char* staging(size_t turn);

  Link& link_;
  std::array<std::unique_ptr<char[]>, 2> staging_;
  std::vector<int64_t> missing_;  // elements of each sum that have not arrived
};

}  // namespace mixnet::mpi
