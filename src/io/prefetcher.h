// Hands out what a loader makes; a thread makes up to `batches` of them ahead.
//
// The thread begins with the first call of next() in an epoch and ends with the epoch. In a forked child an iterator whose thread was at work
// fails with Code::unsupported; one that was at rest goes on.
#pragma once
#include <memory>
#include <string>

#include "io/batch_loader.h"

namespace mixnet {

// `name` is for messages and traces. 0 batches: made by next() itself, whatever it was told about waiting.
std::unique_ptr<DataIter> make_prefetcher(std::string name, std::unique_ptr<BatchLoader> loader, int64_t batches);

}  // namespace mixnet
