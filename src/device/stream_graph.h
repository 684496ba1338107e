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

// A stream that keeps what it is given between begin and end, on the thread that began. StreamDevice::capture is how it is used.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual Stream& begin() = 0;
  // Throws Code::unsupported where something could not be recorded, whoever has been told of it.
  virtual std::unique_ptr<StreamGraph> end() = 0;
  virtual void abandon() noexcept = 0;
};

}  // namespace mixnet
