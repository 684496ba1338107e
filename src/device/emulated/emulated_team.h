// Threads that do a kernel's work together on an emulated GPU, as the members of a group do on a real one: where one of them does not wait for another,
// results are wrong now and then, and ThreadSanitizer says so every time.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace mixnet {

class EmulatedTeam {
 public:
  // A value that a member shows to the others.
  struct alignas(16) Place {
    unsigned char bytes[16];
  };

  explicit EmulatedTeam(int size);
  ~EmulatedTeam();
  int size() const { return size_; }
  // work(rank) by every member at the same time, the caller among them.
  void run(FunctionRef<void(int)> work);
  // For members, inside of work: until all of them are here.
  void wait();
  Place& place(int rank) { return places_[static_cast<size_t>(rank)]; }

  static constexpr int block_side = 4;
  // Of the thread that calls: what kernels with blocks run on, block_side times block_side.
  static EmulatedTeam& block();
  // What MIXNET_GPU_MEMBERS says.
  static int wanted_members();
  // So many, of the thread that calls too; or null where that is 1: every group is one thread then.
  static EmulatedTeam* members();

 private:
  void serve(int rank);

  const int size_;
  std::vector<Place> places_;
  std::atomic<int> here_{0};
  std::atomic<uint64_t> meetings_{0};
  std::atomic<int> asleep_{0};
  std::condition_variable met_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable more_;
  const FunctionRef<void(int)>* work_ = nullptr;
  uint64_t runs_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mixnet
