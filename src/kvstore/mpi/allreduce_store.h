// "dist_allreduce": every process is a worker and holds all values; a push is summed over the workers' devices by MPI, and the updater then runs
// on every worker, with the same result everywhere.
//
// Values, updaters and their errors are those of a local store, which gets the sums. Beside KVStore's contract:
// - make, init and barrier wait for all workers and are called by all in the same order; init takes rank 0's values.
// - The n-th push of a key is summed with the n-th push of that key of every other worker. Priorities decide among keys that all have.
// - push_pull without an updater brings the sum straight to the outputs; the stored value stays.
// - A worker that is lost or leaves gives Code::net in everything pending and later (kvstore/mpi/link.h says how soon).
// - Values may be on GPUs: a worker's are summed on the first of them, then over the workers (gpu_sums.h), and the key stays there.
#pragma once
#include <memory>
#include <string>

#include "kvstore/kvstore.h"
#include "kvstore/mpi/communicator.h"

namespace mixnet {

// Throws Code::unsupported when this machine has no MPI for it.
std::shared_ptr<KVStore> make_allreduce_store(const std::string& type);

// The same over workers that are already connected.
std::shared_ptr<KVStore> make_allreduce_store(const std::string& type, std::shared_ptr<mpi::Communicator> workers);

}  // namespace mixnet
