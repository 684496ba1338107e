#include "io/crew.h"

#include <algorithm>
#include <system_error>

#include "base/profile.h"
#include "base/worker_thread.h"

namespace mixnet {
namespace {

// Whether what went wrong is the example's fault.
bool is_hole(const Error& e) {
  if (dynamic_cast<const SourceError*>(&e)) return false;
  return e.code() == Code::io || e.code() == Code::invalid || e.code() == Code::shape;
}

}  // namespace

Crew::~Crew() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    work_.notify_all();
  }
  for (std::thread& t : threads_) t.join();
}

void Crew::start() {
  while (static_cast<int64_t>(threads_.size()) < task_.options.threads) {
    try {
      threads_.push_back(start_worker_thread([this] { run(); }));
    } catch (const std::system_error& e) {
      if (!threads_.empty()) return;  // slower, not wrong
      fail(Code::memory, "[", task_.options.name, "] no thread could be started: ", e.what());
    }
  }
}

bool Crew::has_room_nolock() const {
  return filling_ || static_cast<int64_t>(batches_.size()) < std::max<int64_t>(1, task_.options.prefetch);
}

// Tells the one who waits in next() what there is now.
void Crew::look_nolock() {
  const bool news = batches_.empty() ? !open_ && !reading_ : batches_.front()->done;
  if (news == news_.load(std::memory_order_relaxed)) return;
  ready_.notify([&] { news_.store(news, std::memory_order_release); });
}

void Crew::run() {
  profile::name_thread("data");
  std::unique_ptr<Work::Example> example;
  for (;;) {
    OpenPtr batch;
    int64_t row = 0;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      work_.wait(lock, [this] { return stop_ || (open_ && !reading_ && has_room_nolock()); });
      if (stop_) return;
      reading_ = true;
    }
    if (read(example, &batch, &row)) write(example.get(), *batch, row);
    if (!batch) continue;
    std::unique_lock<std::mutex> lock(mutex_);
    written(lock, batch, 1);
  }
}

// Takes the next example and a row for it. False: there is nothing to write; `batch` then says whether a row is a hole.
bool Crew::read(std::unique_ptr<Work::Example>& example, OpenPtr* batch, int64_t* row) {
  Work::Taken taken = Work::Taken::end;
  std::string fault;
  std::exception_ptr error;
  OpenPtr filling = filling_;  // changed by the reader alone, and by drop(), which waits for it
  try {
    const profile::Span span(profile::Category::engine, task_.reading);
    if (!example) example = task_.work.make_example();
    taken = task_.walk.next(filling ? filling->given : 0, example.get(), &fault);
    if (taken != Work::Taken::end && !filling) filling = std::make_shared<Open>(task_);
  } catch (...) {
    error = std::current_exception();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  reading_ = false;
  const OpenPtr unfinished = filling_;
  if (error || taken == Work::Taken::end) {
    end_epoch_nolock(std::move(error));
  } else {
    if (!filling_) batches_.push_back(filling);
    *row = filling->given++;
    filling->own = task_.walk.own();
    *batch = filling;
    const bool full = filling->given == filling->rows.count();
    filling_ = full ? nullptr : filling;
    if (full && filling->own >= 0) {
      filling->last = true;
      open_ = false;
    }
    if (taken == Work::Taken::hole) filling->rows.set_hole(*row, concat(example->place, ": ", fault));
  }
  if (open_ && has_room_nolock()) work_.notify_one();
  idle_.notify_all();
  look_nolock();
  if (!*batch && unfinished) written(lock, unfinished, unfinished->rows.count() - unfinished->given);
  return taken == Work::Taken::example && *batch;
}

// The batch under way is the last, or the error stands in its place.
void Crew::end_epoch_nolock(std::exception_ptr error) {
  open_ = false;
  if (filling_) {
    filling_->own = task_.walk.own();
    filling_->last = true;
    if (error) filling_->fail_nolock(filling_->given, std::move(error));
  } else if (error) {
    batches_.push_back(std::make_shared<Open>());
    batches_.back()->fail_nolock(0, std::move(error));
    batches_.back()->done = true;
  }
  filling_ = nullptr;
}

void Crew::write(Work::Example* example, Open& batch, int64_t row) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    // Nobody gets the batch, and each of its rows might wait for the same lost server; earlier rows may still say what went wrong first.
    if (batch.error && batch.failed_row < row) return;
  }
  const profile::Span span(profile::Category::engine, task_.writing);
  try {
    task_.work.fill(example, batch.rows.row(row));
    batch.rows.set_written(row, example->id);
  } catch (const Error& e) {
    if (is_hole(e)) {
      batch.rows.set_hole(row, concat(example->place, ": ", e.what()));
      return;
    }
    std::lock_guard<std::mutex> lock(mutex_);
    batch.fail_nolock(row, std::current_exception());
  } catch (...) {
    std::lock_guard<std::mutex> lock(mutex_);
    batch.fail_nolock(row, std::current_exception());
  }
}

// So many rows more are written, or stay holes; the last closes the batch.
void Crew::written(std::unique_lock<std::mutex>& lock, const OpenPtr& batch, int64_t rows) {
  batch->left -= rows;
  if (batch->left > 0) return;
  lock.unlock();
  if (!batch->error) batch->finished = batch->rows.finish(batch->own < 0 ? batch->rows.count() : batch->own);
  lock.lock();
  batch->done = true;
  look_nolock();
}

Crew::Got Crew::next(BatchRows::Finished* batch, const WaitOptions& wait) {
  const auto news = [this] { return news_.load(std::memory_order_acquire); };
  if (!news()) {
    const profile::Span span(profile::Category::api, task_.options.name, "wait");
    check_wait(ready_.wait(news, wait), task_.options.name.c_str(), wait);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (batches_.empty()) return {};
  const OpenPtr first = batches_.front();
  batches_.pop_front();
  work_.notify_one();
  look_nolock();
  *batch = std::move(first->finished);
  // Given away, not shared: a thread of the crew may be the last to let go of `first`.
  const bool failed = first->error != nullptr;
  return {!failed, first->last, std::move(first->error)};
}

void Crew::drop() {
  std::unique_lock<std::mutex> lock(mutex_);
  open_ = false;
  idle_.wait(lock, [this] { return !reading_; });
  batches_.clear();
  filling_ = nullptr;
  look_nolock();
}

void Crew::go_on() {
  std::lock_guard<std::mutex> lock(mutex_);
  open_ = true;
  look_nolock();
  work_.notify_one();
}

}  // namespace mixnet
