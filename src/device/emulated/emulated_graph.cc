#include "device/emulated/emulated_graph.h"

#include <utility>
#include <vector>

#include "base/error.h"

namespace mixnet {
namespace {

using Works = std::vector<std::function<void()>>;

struct Recording {
  const EmulatedStream* stream;
  Works works;
  const char* refused = nullptr;
};
thread_local Recording* recording = nullptr;  // this thread's

[[noreturn]] void fail_for(const char* what) {
  fail(Code::unsupported, "[gpu] ", what, " cannot be part of a graph that is captured");
}

class EmulatedGraph final : public StreamGraph {
 public:
  explicit EmulatedGraph(Works works) : works_(std::make_shared<Works>(std::move(works))) {}
  void launch(Stream& stream) override {
    static_cast<EmulatedStream&>(stream).push([works = works_] {
      for (const std::function<void()>& work : *works) work();
    });
  }

 private:
  const std::shared_ptr<const Works> works_;
};

class EmulatedRecorder final : public Recorder {
 public:
  explicit EmulatedRecorder(EmulatedMemory& memory) : stream_(memory) {}
  Stream& begin() override {
    now_ = {&stream_, {}, nullptr};
    recording = &now_;
    return stream_;
  }
  std::unique_ptr<StreamGraph> end() override {
    recording = nullptr;
    if (now_.refused) fail_for(now_.refused);
    return std::make_unique<EmulatedGraph>(std::move(now_.works));
  }
  void abandon() noexcept override { recording = nullptr; }

 private:
  EmulatedStream stream_;  // its thread has nothing to do
  Recording now_{};
};

}  // namespace

std::unique_ptr<Recorder> make_emulated_recorder(EmulatedMemory& memory) {
  return std::make_unique<EmulatedRecorder>(memory);
}

void refuse_while_recording(const char* what) {
  if (!recording) return;
  recording->refused = what;
  fail_for(what);
}

bool recorded(const EmulatedStream& stream, std::function<void()>& work) {
  if (!recording) return false;
  if (recording->stream != &stream) refuse_while_recording("work for another stream");
  recording->works.push_back(std::move(work));
  return true;
}

}  // namespace mixnet
