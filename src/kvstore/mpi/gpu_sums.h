// Sums over all workers of arrays on GPUs: by NCCL where every worker has it, else through the host's memory.
//
// Workers say in every agreement whether they could use NCCL for all that they have ready: one array for each key, on one GPU, the same every time.
// When all say so for the first time they make a group, whose id travels by MPI; if that fails for one of them nobody tries again. On the
// communicator's thread alone.
#pragma once
#include <memory>
#include <vector>

#include "device/collectives.h"
#include "kvstore/mpi/transfer.h"

namespace mixnet::mpi {

class GpuSums {
 public:
  // Throws Code::unsupported when MIXNET_NCCL names what is no library.
  GpuSums(Link& link, int rank, int size, const Deadlines& deadlines);

  // Begins what this worker says: then for each sum that it has ready.
  void begin() { said_gpu_ = gpu_; }
  bool can(const Reduction& sum);
  // All workers said that they can: whether they have a group now. Throws as Link does.
  bool join(const Reduction& any);
  // By the group, and ends their completions. Throws Code::net.
  void run(const std::vector<Reduction>& sums);

 private:
  Link& link_;
  const int rank_, size_;
  const Deadlines deadlines_;
  bool possible_;
  int gpu_ = -1;       // the group's
  int said_gpu_ = -1;  // of what is being said
  std::shared_ptr<Collectives> group_;
};

// The same sums with arrays in the host's memory in place of those on GPUs: values are there when this returns, and a sum is brought to its GPU before its
// completion ends.
std::vector<Reduction> through_host(const std::vector<Reduction>& sums);

}  // namespace mixnet::mpi
