#include "autograd/thread_state.h"

namespace mixnet::autograd {

ThreadState& thread_state() {
  static thread_local ThreadState state;
  return state;
}

}  // namespace mixnet::autograd
