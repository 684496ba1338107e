// The time that work on a stream takes on its device.
//
// It counts from one place in the stream to another; nobody waits before the time is asked for.
#pragma once
#include <memory>

#include "device/stream.h"

namespace mixnet {

class Stopwatch {
 public:
  virtual ~Stopwatch() = default;
  virtual void begin() = 0;
  virtual void end() = 0;
  // Between the two, each called once before; the host waits until the stream is there.
  virtual double seconds() = 0;
};

std::unique_ptr<Stopwatch> make_stopwatch(Stream& stream);

}  // namespace mixnet
