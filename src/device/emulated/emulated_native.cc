#include "device/emulated/emulated_native.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "device/emulated/emulated_stream.h"
#include "device/library.h"
#include "device/stopwatch.h"

namespace mixnet {
namespace {

bool push(void* stream, void (*work)(void*), void* argument, void (*drop)(void*)) {
  const std::shared_ptr<void> owned(argument, drop);
  try {
    static_cast<EmulatedStream*>(stream)->push([work, owned] { work(owned.get()); });
  } catch (const Error&) {
    return false;
  }
  return true;
}

}  // namespace

void* library_stream(Stream& stream) {
  static std::mutex mutex;
  static auto& natives = *new std::map<Stream*, EmulatedNative>;
  static auto& clocks = *new std::map<Stream*, double>;
  const std::lock_guard<std::mutex> lock(mutex);
  return &natives.insert({&stream, {static_cast<EmulatedStream*>(&stream), push, &clocks[&stream], stream.gpu()}})
              .first->second;
}

namespace {

class EmulatedStopwatch final : public Stopwatch {
 public:
  explicit EmulatedStopwatch(Stream& stream)
      : stream_(static_cast<EmulatedStream&>(stream)),
        clock_(static_cast<EmulatedNative*>(library_stream(stream))->clock) {}
  void begin() override { note(&begin_); }
  void end() override { note(&end_); }
  double seconds() override {
    stream_.synchronize();
    return *end_ - *begin_;
  }

 private:
  using Time = std::shared_ptr<double>;
  void note(Time* at) {
    *at = std::make_shared<double>(0);
    stream_.push([to = *at, clock = clock_] { *to = *clock; });
  }

  EmulatedStream& stream_;
  const double* const clock_;
  Time begin_, end_;
};

}  // namespace

std::unique_ptr<Stopwatch> make_stopwatch(Stream& stream) { return std::make_unique<EmulatedStopwatch>(stream); }

}  // namespace mixnet
