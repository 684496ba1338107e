#include "device/emulated/emulated_stream.h"

#include <cstring>

#include "base/error.h"
#include "base/worker_thread.h"
#include "device/emulated/emulated_graph.h"
#include "device/emulated/emulated_team.h"

namespace mixnet {
namespace {

struct Reached final : Event, std::enable_shared_from_this<Reached> {
  explicit Reached(EmulatedMemory& memory) : memory_(memory) {}
  void wait() const override {
    refuse_while_recording("a wait of the host");
    stand();
    const std::string broken = memory_.broken();
    MIXNET_CHECK(broken.empty(), device, "[gpu] ", broken);
  }
  void stand() const {
    std::unique_lock<std::mutex> lock(mutex_);
    now_.wait(lock, [this] { return reached_; });
  }
  void reach() {
    const std::lock_guard<std::mutex> lock(mutex_);
    reached_ = true;
    now_.notify_all();
  }

 private:
  EmulatedMemory& memory_;
  mutable std::mutex mutex_;
  mutable std::condition_variable now_;
  bool reached_ = false;
};

}  // namespace

EmulatedStream::EmulatedStream(EmulatedMemory& memory) : memory_(memory) {
  EmulatedTeam::wanted_members();  // what is wrong with the number is told here
  thread_ = start_worker_thread([this] { run(); });
}

EmulatedStream::~EmulatedStream() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    more_.notify_one();
  }
  thread_.join();
}

void EmulatedStream::run() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      more_.wait(lock, [this] { return stop_ || !work_.empty(); });
      if (work_.empty()) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

void EmulatedStream::push(std::function<void()> work) {
  if (recorded(*this, work)) return;
  const std::string broken = memory_.broken();
  MIXNET_CHECK(broken.empty(), device, "[gpu] ", broken);
  const std::lock_guard<std::mutex> lock(mutex_);
  work_.push_back([this, work = std::move(work)] {
    if (!memory_.broken().empty()) return;
    const EmulatedMemory::Open open(&memory_);
    work();
  });
  more_.notify_one();
}

void EmulatedStream::break_down(const std::string& why) {
  push([this, why] { memory_.break_down(why); });
}

void EmulatedStream::copy(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  if (!EmulatedMemory::of(to) || !EmulatedMemory::of(from)) refuse_while_recording("a copy from or to the host");
  push([=] {
    // The other end may be another device's.
    const EmulatedMemory::Open target(EmulatedMemory::of(to)), source(EmulatedMemory::of(from));
    std::memcpy(to, from, bytes);
  });
}

void EmulatedStream::fill_zero(void* to, size_t bytes) {
  if (bytes == 0) return;
  push([=] { std::memset(to, 0, bytes); });
}

EventPtr EmulatedStream::record() {
  refuse_while_recording("an event");
  const auto event = std::make_shared<Reached>(memory_);
  const std::lock_guard<std::mutex> lock(mutex_);
  work_.push_back([event] { event->reach(); });
  more_.notify_one();
  return event;
}

void EmulatedStream::wait(const Event& event) {
  refuse_while_recording("waiting for an event");
  const auto shared = static_cast<const Reached&>(event).shared_from_this();
  const std::lock_guard<std::mutex> lock(mutex_);
  work_.push_back([shared] { shared->stand(); });
  more_.notify_one();
}

void EmulatedStream::synchronize() { record()->wait(); }

}  // namespace mixnet
