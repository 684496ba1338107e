// CUDA graphs, captured from a stream.
#pragma once
#include <memory>

#include "device/stream_graph.h"

namespace mixnet {

std::unique_ptr<Recorder> make_cuda_recorder(int device);

}  // namespace mixnet
