// What a thread is doing: recording, training, tracing. Each thread has its own.
#pragma once

namespace mixnet::autograd {

class Trace;

struct ThreadState {
  bool recording = false;
  bool training = false;
  Trace* trace = nullptr;  // operations are put down instead of run

  bool watched() const { return recording || trace; }
};

ThreadState& thread_state();

}  // namespace mixnet::autograd
