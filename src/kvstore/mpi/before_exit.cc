#include "kvstore/mpi/before_exit.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

namespace mixnet::mpi {
namespace {

struct Leftovers {
  std::mutex mutex;
  std::map<void*, void (*)(void*)> leaving;
  std::vector<void*> kept;
};
// Never destroyed: threads may come here while the process ends.
Leftovers& leftovers() {
  static auto* all = new Leftovers;
  return *all;
}

void leave_all() {
  std::map<void*, void (*)(void*)> leaving;
  {
    std::lock_guard<std::mutex> lock(leftovers().mutex);
    leaving.swap(leftovers().leaving);
  }
  for (const auto& [object, leave] : leaving) leave(object);
}

}  // namespace

void leave_before_exit(void* object, void (*leave)(void* object)) {
  static const bool registered = std::atexit(leave_all) == 0;
  static_cast<void>(registered);
  std::lock_guard<std::mutex> lock(leftovers().mutex);
  leftovers().leaving[object] = leave;
}

void forget_before_exit(void* object) {
  std::lock_guard<std::mutex> lock(leftovers().mutex);
  leftovers().leaving.erase(object);
}

void keep_for_ever(void* object) {
  std::lock_guard<std::mutex> lock(leftovers().mutex);
  leftovers().kept.push_back(object);
}

}  // namespace mixnet::mpi
