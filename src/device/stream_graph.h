// Work for a GPU that was recorded once and is put into a stream as a whole, as often as one likes.
//
// Addresses and numbers are those of the recording: whoever launches a graph answers for what they stand for. One thread at a time.
#pragma once
#include <memory>
#include <string>

#include "device/stream.h"

namespace mixnet {

class StreamGraph {
 public:
  virtual ~StreamGraph() = default;  // what was launched still runs
  virtual void launch(Stream& stream) = 0;
};

// Streams side by side into which one thread records: what is in one of them runs in order, and beside what is in the others unless it was told to wait. The graph is over
// when all of them are. Waits are edges of the graph, not work of their own.
class Branches {
 public:
  static constexpr int most = 4;

  virtual ~Branches() = default;
  // The branch-th of `most`. A graph whose work is all in the first one has no branches.
  virtual Stream& stream(int branch) = 0;
  // A place in a branch: behind all that it was given so far.
  virtual int mark(int branch) = 0;
  // What is put into the branch from now on runs behind the place.
  virtual void wait(int branch, int place) = 0;
};

// Keeps what its streams are given between begin and end, on the thread that began. StreamDevice::capture is how it is used.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual Branches& begin() = 0;
  // Throws Code::unsupported where something could not be recorded, whoever has been told of it.
  virtual std::unique_ptr<StreamGraph> end() = 0;
  virtual void abandon() noexcept = 0;
  // Which of its streams it is, or -1. Any thread.
  virtual int branch_of(const Stream& stream) const = 0;
};

}  // namespace mixnet
