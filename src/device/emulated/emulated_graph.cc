#include "device/emulated/emulated_graph.h"

#include <utility>
#include <vector>

#include "base/error.h"

namespace mixnet {
namespace {

constexpr int none = -1;

// What a branch was given: work, or a place that is marked, or one to wait for.
struct Item {
  int branch;
  std::function<void()> work;
  int marked = none, awaited = none;
};
struct Recorded {
  std::vector<Item> items;
  int marks = 0;
  bool used[Branches::most] = {};
};

struct Recording {
  const Recorder* recorder;
  Recorded what;
  const char* refused = nullptr;
};
thread_local Recording* recording = nullptr;  // this thread's

[[noreturn]] void fail_for(const char* what) {
  fail(Code::unsupported, "[gpu] ", what, " cannot be part of a graph that is captured");
}

// A launch gives the work to streams again: that of the first branch to the one where it is launched, that of the others to threads of their own.
class EmulatedGraph final : public StreamGraph {
 public:
  EmulatedGraph(Recorded what, const std::unique_ptr<EmulatedStream>* branches)
      : what_(std::move(what)), branches_(branches) {}
  void launch(Stream& stream) override {
    const auto at = [&](int branch) -> EmulatedStream& {
      return branch == 0 ? static_cast<EmulatedStream&>(stream) : *branches_[branch];
    };
    std::vector<EventPtr> places(static_cast<size_t>(what_.marks));
    for_others([&](int branch) { at(branch).wait(*stream.record()); });
    for (const Item& item : what_.items) {
      EmulatedStream& to = at(item.branch);
      if (item.marked != none) places[static_cast<size_t>(item.marked)] = to.record();
      else if (item.awaited != none) to.wait(*places[static_cast<size_t>(item.awaited)]);
      else to.push(item.work);
    }
    for_others([&](int branch) { stream.wait(*at(branch).record()); });
  }

 private:
  template <class F> void for_others(const F& f) const {
    for (int i = 1; i < Branches::most; ++i) {
      if (what_.used[i]) f(i);
    }
  }

  const Recorded what_;
  const std::unique_ptr<EmulatedStream>* const branches_;  // the recorder's, for the life of the device
};

class EmulatedRecorder final : public Recorder, public Branches {
 public:
  EmulatedRecorder(EmulatedMemory& memory, int gpu) {
    for (auto& branch : branches_) {
      branch = std::make_unique<EmulatedStream>(memory);
      branch->set_gpu(gpu);
    }
  }
  Branches& begin() override {
    now_ = {this, {}, nullptr};
    recording = &now_;
    return *this;
  }
  std::unique_ptr<StreamGraph> end() override {
    recording = nullptr;
    if (now_.refused) fail_for(now_.refused);
    return std::make_unique<EmulatedGraph>(std::move(now_.what), branches_);
  }
  void abandon() noexcept override { recording = nullptr; }
  int branch_of(const Stream& stream) const override {
    for (int i = 0; i < most; ++i) {
      if (branches_[i].get() == &stream) return i;
    }
    return none;
  }

  Stream& stream(int branch) override { return *branches_[branch]; }
  int mark(int branch) override {
    add({branch, nullptr, now_.what.marks, none});
    return now_.what.marks++;
  }
  void wait(int branch, int place) override { add({branch, nullptr, none, place}); }

 private:
  void add(Item item) {
    now_.what.used[item.branch] = true;
    now_.what.items.push_back(std::move(item));
  }

  std::unique_ptr<EmulatedStream> branches_[most];  // the first one's thread has nothing to do
  Recording now_{};
};

}  // namespace

std::unique_ptr<Recorder> make_emulated_recorder(EmulatedMemory& memory, int gpu) {
  return std::make_unique<EmulatedRecorder>(memory, gpu);
}

void refuse_while_recording(const char* what) {
  if (!recording) return;
  recording->refused = what;
  fail_for(what);
}

bool recorded(const EmulatedStream& stream, std::function<void()>& work) {
  if (!recording) return false;
  const int branch = recording->recorder->branch_of(stream);
  if (branch == none) refuse_while_recording("work for another stream");
  recording->what.used[branch] = true;
  recording->what.items.push_back({branch, std::move(work), none, none});
  return true;
}

}  // namespace mixnet
