// Graphs of an emulated GPU: what a thread pushes while it records is kept, and what CUDA refuses meanwhile is refused. Here more is, so that tests find it: work for
// another stream, which CUDA would run at once and the graph would lack.
#pragma once
#include <functional>
#include <memory>

#include "device/emulated/emulated_stream.h"
#include "device/stream_graph.h"

namespace mixnet {

// `gpu`: whose streams they are.
std::unique_ptr<Recorder> make_emulated_recorder(EmulatedMemory& memory, int gpu);

// By streams and memory, on any thread: nothing happens unless it is recording.
void refuse_while_recording(const char* what);
// Whether the work was kept instead of being for the stream's thread.
bool recorded(const EmulatedStream& stream, std::function<void()>& work);

}  // namespace mixnet
