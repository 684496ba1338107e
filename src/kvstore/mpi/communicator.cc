#include "kvstore/mpi/communicator.h"

#include <algorithm>
#include <cstring>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/error.h"
#include "base/fork.h"
#include "base/profile.h"
#include "base/worker_thread.h"
#include "engine/engine.h"
#include "kvstore/mpi/before_exit.h"
#include "kvstore/mpi/wire.h"

namespace mixnet::mpi {
namespace {

constexpr int64_t bytes_per_round = int64_t{64} << 20;  // then more urgent keys get their chance
constexpr size_t letter_size = 256;
constexpr std::chrono::duration<double> quickest{200e-6},
    slowest{5e-3};                              // how often is asked again for what others do not have
constexpr std::chrono::microseconds alert{50};  // how long is waited without sleeping for what may come at once

// Gives its turn to others until it is so, or for as long.
template <class F>
void stay_alert(F&& so) {
  for (const auto begin = std::chrono::steady_clock::now(); !so() && std::chrono::steady_clock::now() - begin < alert;)
    std::this_thread::yield();
}

std::string describe(const std::vector<std::string>& keys, const std::vector<NDArray>& values) {
  std::string text = "init of";
  for (size_t i = 0; i < keys.size(); ++i) text += concat(" ", keys[i], " ", values[i].shape(), " ", values[i].dtype());
  return text;
}

}  // namespace

Communicator::Communicator(const Plugin& plugin, int rank, int size, const Deadlines& deadlines)
    : plugin_(plugin),
      rank_(rank),
      size_(size),
      deadlines_(deadlines),
      generation_(fork_generation()),
      link_(plugin, rank, size, deadlines),
      transfer_(link_),
      gpu_sums_(link_, rank, size, deadlines) {}

std::shared_ptr<Communicator> Communicator::make(const Plugin& plugin, int rank, int size, const Deadlines& deadlines) {
  std::shared_ptr<Communicator> made(new Communicator(plugin, rank, size, deadlines), dispose);
  engine().blocking([&] { made->link_.open(); });
  made->thread_ = start_worker_thread([one = made.get()] { one->run(); });
  leave_before_exit(made.get(), [](void* one) { static_cast<Communicator*>(one)->leave(); });
  return made;
}

void Communicator::dispose(Communicator* communicator) {
  const bool unused = !communicator->thread_.joinable() && (communicator->clean_ || !communicator->ended_);
  forget_before_exit(communicator);
  if (unused && !communicator->forked()) {
    delete communicator;
  } else {
    keep_for_ever(communicator);
  }
}

bool Communicator::forked() const { return fork_generation() != generation_; }

// --- what callers ask for ------------------------------------------------------------------------------------------

int32_t Communicator::add_keys(const std::vector<std::string>& keys, const std::vector<NDArray>& values) {
  for (const NDArray& value : values) wire_type(value.dtype(), "kvstore init");
  Meeting meeting;
  meeting.what = describe(keys, values);
  meeting.keys = keys;
  meeting.values = values;
  return attend(std::move(meeting));
}

void Communicator::barrier() {
  Meeting meeting;
  meeting.what = "barrier";
  attend(std::move(meeting));
}

int32_t Communicator::attend(Meeting meeting) {
  MIXNET_CHECK(!forked(), unsupported,
               "[kvstore dist_allreduce] a forked child is no worker: expected the process that made the store");
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) throw Error(end_code_, end_reason_);
    meetings_.push_back(&meeting);
    news_ = true;
    changed_.notify_one();
  }
  engine().blocking([&] {
    std::unique_lock<std::mutex> lock(mutex_);
    over_.wait(lock, [&] { return meeting.over; });
  });
  if (meeting.code != Code::ok) throw Error(meeting.code, meeting.error);
  return meeting.first_slot;
}

void Communicator::announce() {
  MIXNET_CHECK(!forked(), unsupported,
               "[kvstore dist_allreduce] a forked child is no worker: expected the process that made the store");
  std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) throw Error(end_code_, end_reason_);
  ++announced_;
}

void Communicator::reduce(int32_t slot, Reduction sum) {
  if (forked()) return;
  std::shared_ptr<Completion> refused;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) {
      refused = sum.completion;
      --announced_;
    } else {
      slots_[static_cast<size_t>(slot)].waiting.push_back({std::move(sum), Clock::now()});
      ++pending_;
      news_ = true;
      changed_.notify_one();
    }
  }
  if (refused) refused->fail(end_code_, end_reason_);
}

void Communicator::leave() {
  if (forked()) return;
  std::lock_guard<std::mutex> one(leaving_mutex_);
  if (!thread_.joinable()) return;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    over_.wait_for(lock, std::chrono::duration<double>(deadlines_.answer),
                   [this] { return ended_ || announced_ == 0; });
    leaving_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

// --- the thread ----------------------------------------------------------------------------------------------------

void Communicator::run() {
  profile::name_thread("allreduce");
#ifdef __linux__
  prctl(PR_SET_TIMERSLACK, 1000);  // nanoseconds: its short sleeps are meant
#endif
  try {
    while (round()) {
    }
  } catch (const Error& error) {
    end(error.code(), error.what(), false);
  } catch (const std::exception& error) {
    end(Code::internal, concat("[kvstore dist_allreduce] ", error.what()), false);
  }
}

// One agreement and what follows from it. False when it was the last.
bool Communicator::round() {
  said_ = speak();
  link_.finish(link_.reduce(said_.data(), said_.data(), said_.size(), Type::i32, Operation::min), 0,
               [] { return std::string("the agreement on what is to be summed"); });
  if (said_.leaver() >= 0) {
    end(Code::net, concat("[kvstore dist_allreduce] worker ", said_.leaver(), " has left the group"), true);
    return false;
  }
  if (said_.complained() && someone_is_late(said_.complaint())) return false;
  const bool meet = said_.all_meet();
  if (meet) hold_meeting(said_.meetings_differ());
  const std::vector<Agreement::Ready> ready = said_.all_ready();
  busy_ = meet || !ready.empty();
  pace_ = busy_ ? pace_.zero() : std::min(slowest, std::max(quickest, pace_ * 2));
  if (ready.empty()) return true;
  current_ = take(ready);
  const std::string detail = profile::on(profile::Category::api) ? concat(current_.size(), " keys") : "";
  const profile::Span span(profile::Category::api, "allreduce", detail);
  if (said_.all_on_gpus() && !current_.empty() && gpu_sums_.join(current_.front())) {
    gpu_sums_.run(current_);
  } else {
    hosted_ = through_host(current_);
    transfer_.run(hosted_);
    hosted_.clear();
  }
  finished(current_.size());
  current_.clear();
  return true;
}

bool Communicator::late(Clock::time_point since) const {
  return Clock::now() - since > std::chrono::duration<double>(deadlines_.push);
}

void Communicator::await_news(std::unique_lock<std::mutex>& lock) {
  const bool asking = pending_ > 0 || !meetings_.empty();
  const std::chrono::duration<double> heartbeat(deadlines_.heartbeat());
  if (busy_ && !asking) {
    lock.unlock();
    stay_alert([this] { return news_.load(); });
    lock.lock();
  }
  changed_.wait_for(lock, asking ? pace_ : heartbeat, [this] { return news_ || leaving_; });
  for (int64_t seen = -1; gathering_ > 0 && pending_ != seen && !leaving_;) {
    seen = pending_;
    lock.unlock();
    stay_alert([this] { return gathering_ == 0; });
    lock.lock();
  }
  news_ = false;
}

// Waits until there is something to say, and says it.
Agreement Communicator::speak() {
  std::unique_lock<std::mutex> lock(mutex_);
  await_news(lock);
  Agreement words(slots_.size());
  if (leaving_) words.leave(rank_);
  if (!meetings_.empty()) {
    words.meet(meetings_.front()->what);
    if (late(meetings_.front()->since)) words.complain(-1);
  }
  bool on_gpus = true;
  gpu_sums_.begin();
  for (size_t i = 0; pending_ > 0 && i < slots_.size(); ++i) {
    if (slots_[i].waiting.empty()) continue;
    const auto& [sum, since] = slots_[i].waiting.front();
    const auto slot = static_cast<int32_t>(i);
    sum.completion ? words.ready(slot, sum.priority) : words.fail(slot);
    if (sum.completion) on_gpus &= gpu_sums_.can(sum);
    if (late(since)) words.complain(slot);
  }
  if (on_gpus) words.can_sum_on_gpus();
  return words;
}

// Somebody has waited for too long: finds out who does not come, and ends the group everywhere.
bool Communicator::someone_is_late(int32_t slot) {
  std::string what = "init or barrier";
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (slot >= 0) what = "push of key " + slots_[static_cast<size_t>(slot)].key;
    const int32_t here = slot < 0 ? !meetings_.empty() : !slots_[static_cast<size_t>(slot)].waiting.empty();
    letters_.assign(sizeof here * static_cast<size_t>(size_ + 1), 0);
    std::memcpy(letters_.data(), &here, sizeof here);
  }
  link_.gather(letters_.data(), letters_.data() + sizeof(int32_t), sizeof(int32_t),
               [&] { return "the question who is late with " + what; });
  std::vector<int32_t> present(static_cast<size_t>(size_));
  std::memcpy(present.data(), letters_.data() + sizeof(int32_t), sizeof(int32_t) * present.size());
  if (std::count(present.begin(), present.end(), 0) == 0) return false;
  const std::string who = absent_workers(present.data(), size_);
  end(Code::net, concat("[kvstore dist_allreduce] ", what, ": ", who, " did not come within ", deadlines_.push, " s"),
      true);
  return true;
}

void Communicator::hold_meeting(bool differs) {
  Meeting* meeting;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    meeting = meetings_.front();
  }
  if (differs) return conclude(Code::invalid, difference(meeting->what));
  shared_ = meeting->values;
  share();
  shared_.clear();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    meeting->first_slot = static_cast<int32_t>(slots_.size());
    for (size_t i = 0; i < meeting->keys.size(); ++i)
      slots_.push_back({meeting->keys[i], meeting->values[i].bytes(), {}});
  }
  conclude(Code::ok, "");
}

void Communicator::share() {
  constexpr int64_t most = int64_t{1} << 30;
  for (const NDArray& array : shared_) {
    for (int64_t first = 0; first < array.bytes(); first += most) {
      const int64_t bytes = std::min(most, array.bytes() - first);
      link_.finish(link_.broadcast(static_cast<char*>(array.view().data) + first, bytes), bytes,
                   [] { return std::string("the broadcast of first values"); });
    }
  }
}

// Every worker's call, as text.
std::string Communicator::difference(const std::string& mine) {
  letters_.assign(letter_size * static_cast<size_t>(size_ + 1), 0);
  std::memcpy(letters_.data(), mine.data(), std::min(mine.size(), letter_size - 1));
  link_.gather(letters_.data(), letters_.data() + letter_size, letter_size,
               [] { return std::string("the comparison of calls"); });
  std::string text = "[kvstore dist_allreduce] expected the same call on all workers, got";
  for (int rank = 0; rank < size_; ++rank)
    text +=
        concat(rank ? ", " : " ", letters_.data() + letter_size * static_cast<size_t>(rank + 1), " on worker ", rank);
  return text;
}

// The first sums of the keys that all have, as many as make a round. Those that somebody has no value for fail.
std::vector<Reduction> Communicator::take(const std::vector<Agreement::Ready>& ready) {
  std::vector<Reduction> sums, failed;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    int64_t bytes = 0;
    for (const auto& [place, priority, without_value] : ready) {
      Slot& slot = slots_[static_cast<size_t>(place)];
      if (!without_value && bytes > 0 && bytes + slot.bytes > bytes_per_round) break;
      bytes += without_value ? 0 : slot.bytes;
      (without_value ? failed : sums).push_back(std::move(slot.waiting.front().sum));
      slot.waiting.pop_front();
    }
    pending_ -= static_cast<int64_t>(sums.size() + failed.size());
  }
  // Without the lock: what waits for a sum that failed may be given up, and come here again.
  for (const Reduction& sum : failed) {
    if (sum.completion)
      sum.completion->fail(Code::net,
                           concat("[kvstore push] key ", sum.key, ": another worker could not compute its value"));
  }
  finished(failed.size());
  return sums;
}

void Communicator::finished(size_t count) {
  std::lock_guard<std::mutex> lock(mutex_);
  announced_ -= static_cast<int64_t>(count);
  over_.notify_all();
}

void Communicator::conclude(Code code, const std::string& error) {
  std::lock_guard<std::mutex> lock(mutex_);
  Meeting& meeting = *meetings_.front();
  meetings_.pop_front();
  meeting.code = code;
  meeting.error = error;
  meeting.over = true;
  over_.notify_all();
}

void Communicator::end(Code code, const std::string& why, bool clean) {
  if (!clean) plugin_.abandon();
  std::vector<std::shared_ptr<Completion>> lost;
  for (const Reduction& sum : current_) lost.push_back(sum.completion);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    clean_ = clean;
    end_code_ = code;
    end_reason_ = why;
    for (Slot& slot : slots_) {
      for (Waiting& waiting : slot.waiting) lost.push_back(waiting.sum.completion);
      slot.waiting.clear();
    }
  }
  for (;;) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (meetings_.empty()) break;
    }
    conclude(code, why);
  }
  for (const auto& completion : lost) {
    if (completion) completion->fail(code, why);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  announced_ = 0;
  over_.notify_all();
}

}  // namespace mixnet::mpi
