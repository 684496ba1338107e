// What stands for a cudaStream_t where GPUs are emulated: how stand-ins of CUDA's libraries (tests/gpu/stand_ins) put work into a stream. They are shared objects of their
// own and link to nothing of ours; this file is all they include.
#pragma once
#include <functional>

namespace mixnet {

struct EmulatedNative {
  void* stream;
  // Calls work(argument) when the stream gets there, unless the device is broken by then, and drop(argument) in any case. False: it is broken already.
  bool (*push)(void* stream, void (*work)(void* argument), void* argument, void (*drop)(void* argument));
};

inline bool push_to_emulated(void* native, std::function<void()> work) {
  using Work = std::function<void()>;
  const auto* const to = static_cast<const EmulatedNative*>(native);
  return to->push(
      to->stream, [](void* it) { (*static_cast<Work*>(it))(); }, new Work(std::move(work)),
      [](void* it) { delete static_cast<Work*>(it); });
}

}  // namespace mixnet
