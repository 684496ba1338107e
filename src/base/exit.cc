#include "base/exit.h"

#include <atomic>
#include <cstdlib>

namespace mixnet {
namespace {

std::atomic<void (*)()> before_exit{nullptr};

void run_hook() {
  if (auto* hook = before_exit.exchange(nullptr)) hook();
}

}  // namespace

void set_before_exit(void (*hook)()) {
  before_exit = hook;
  std::atexit(run_hook);
}

void renew_before_exit() { std::atexit(run_hook); }

}  // namespace mixnet
