#include "device/emulated/emulated_native.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "device/emulated/emulated_stream.h"
#include "device/library.h"

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
  const std::lock_guard<std::mutex> lock(mutex);
  return &natives.insert({&stream, {static_cast<EmulatedStream*>(&stream), push}}).first->second;
}

}  // namespace mixnet
