#include "device/emulated/emulated_team.h"

#include "base/environment.h"
#include "base/error.h"
#include "base/worker_thread.h"

namespace mixnet {

EmulatedTeam::EmulatedTeam(int size) : size_(size), places_(static_cast<size_t>(size)) {
  for (int rank = 1; rank < size; ++rank) threads_.push_back(start_worker_thread([this, rank] { serve(rank); }));
}

EmulatedTeam::~EmulatedTeam() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    more_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void EmulatedTeam::serve(int rank) {
  for (uint64_t run = 1;; ++run) {
    const FunctionRef<void(int)>* work;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      more_.wait(lock, [&] { return stop_ || runs_ == run; });
      if (stop_) return;
      work = work_;
    }
    (*work)(rank);
    wait();
  }
}

void EmulatedTeam::run(FunctionRef<void(int)> work) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    ++runs_;
    more_.notify_all();
  }
  work(0);
  wait();
}

void EmulatedTeam::wait() {
  constexpr int patience = 100;  // the others are mostly about to come
  const uint64_t meeting = meetings_;
  if (here_.fetch_add(1) + 1 == size_) {
    here_ = 0;
    ++meetings_;
    if (asleep_ == 0) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    met_.notify_all();
    return;
  }
  for (int i = 0; i < patience; ++i) {
    if (meetings_ != meeting) return;
    std::this_thread::yield();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  ++asleep_;
  met_.wait(lock, [&] { return meetings_ != meeting; });
  --asleep_;
}

int EmulatedTeam::wanted_members() {
  static const int64_t members = environment_int("GPU_MEMBERS", 1);
  constexpr int most = 256;
  MIXNET_CHECK(members >= 1 && members <= most, invalid, "[gpu] MIXNET_GPU_MEMBERS: expected 1 to ", most, ", got ",
               members);
  return static_cast<int>(members);
}

EmulatedTeam& EmulatedTeam::block() {
  static thread_local EmulatedTeam team(block_side * block_side);
  return team;
}

EmulatedTeam* EmulatedTeam::members() {
  if (wanted_members() == 1) return nullptr;
  static thread_local EmulatedTeam team(wanted_members());
  return &team;
}

}  // namespace mixnet
