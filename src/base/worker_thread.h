// Starts a thread of the library's own: all signals blocked, so that handlers run on the program's threads.
#pragma once
#include <thread>
#include <utility>
#ifndef _WIN32
#include <csignal>
#endif

namespace mixnet {

// Throws std::system_error when the system has no thread to give.
template <class F>
std::thread start_worker_thread(F body) {
#ifndef _WIN32
  struct Mask {
    sigset_t old;
    Mask() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &old);
    }
    ~Mask() { pthread_sigmask(SIG_SETMASK, &old, nullptr); }
  } mask;
#endif
  return std::thread(std::move(body));
}

}  // namespace mixnet
