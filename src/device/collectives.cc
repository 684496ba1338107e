#include "device/collectives.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/environment.h"
#include "base/error.h"
#include "base/worker_thread.h"
#include "device/gpu.h"
#include "device/library.h"

namespace mixnet {
namespace {

constexpr std::chrono::milliseconds look_again{20};
constexpr std::chrono::seconds patience{2};  // with a library that was told to give up

std::atomic<int64_t> call_count{0};

}  // namespace

// --- groups -----------------------------------------------------------------------------------------------------------

std::shared_ptr<Collectives> Collectives::among(const std::vector<int>& gpus) {
  static std::mutex mutex;
  static auto& made = *new std::map<std::pair<const nccl::Library*, std::vector<int>>, std::shared_ptr<Collectives>>;
  const nccl::Library* const library = nccl::library();
  if (!library) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto place = made.emplace(std::make_pair(library, gpus), nullptr);
  std::shared_ptr<Collectives>& group = place.first->second;
  if (place.second) {
    std::vector<nccl::Comm*> comms(gpus.size());
    const double timeout_s = static_cast<double>(environment_int("NCCL_TIMEOUT_S", 60));
    if (library->comm_init_all(comms.data(), static_cast<int>(gpus.size()), gpus.data()) == nccl::success)
      group.reset(new Collectives(*library, std::move(comms), gpus, Code::device, timeout_s));
  }
  if (!group) return nullptr;
  const std::lock_guard<std::mutex> inside(group->mutex_);
  return group->ended_ ? nullptr : group;
}

bool Collectives::possible() { return gpu_count() > 0 && nccl::library(); }

nccl::UniqueId Collectives::make_id() {
  std::string why;
  const nccl::Library* const library = nccl::library(&why);
  MIXNET_CHECK(library, unsupported, why);
  nccl::UniqueId id{};
  nccl::check(*library, library->get_unique_id(&id), "ncclGetUniqueId");
  return id;
}

std::shared_ptr<Collectives> Collectives::join(const nccl::UniqueId& id, int size, int rank, int gpu, double patience_s,
                                               double timeout_s) {
  std::string why;
  const nccl::Library* const library = nccl::library(&why);
  MIXNET_CHECK(library, unsupported, why);
  struct Joining {
    std::mutex mutex;
    std::condition_variable over;
    bool joined = false;
    int result = 0;
    nccl::Comm* comm = nullptr;
  };
  // NCCL waits for ever for who does not come: the thread is left to it then.
  const auto joining = std::make_shared<Joining>();
  start_worker_thread([joining, library, id, size, rank, gpu] {
    nccl::Comm* comm = nullptr;
    int result = nccl::remote_error;
    try {
      library_stream(gpu_device(gpu).communication());  // makes the GPU this thread's
      result = library->comm_init_rank(&comm, size, id, rank);
    } catch (const Error&) {
    }
    const std::lock_guard<std::mutex> lock(joining->mutex);
    joining->joined = true;
    joining->result = result;
    joining->comm = comm;
    joining->over.notify_all();
  }).detach();
  std::unique_lock<std::mutex> lock(joining->mutex);
  const bool joined =
      joining->over.wait_for(lock, std::chrono::duration<double>(patience_s), [&] { return joining->joined; });
  MIXNET_CHECK(joined, net, "[nccl] rank ", rank, " of ", size, ": the others did not join within ", patience_s, " s");
  nccl::check(*library, joining->result, "ncclCommInitRank");
  return std::shared_ptr<Collectives>(new Collectives(*library, {joining->comm}, {gpu}, Code::net, timeout_s));
}

int64_t Collectives::calls() { return call_count; }

Collectives::Collectives(const nccl::Library& library, std::vector<nccl::Comm*> comms, std::vector<int> gpus, Code code,
                         double timeout_s)
    : library_(library), comms_(std::move(comms)), gpus_(std::move(gpus)), code_(code), timeout_s_(timeout_s) {
  watchdog_ = start_worker_thread([this] { watch(); });
}

Collectives::~Collectives() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return under_way_.empty(); });
    stop_ = true;
    changed_.notify_all();
  }
  watchdog_.join();
  if (ended_) return;  // NCCL has given up, which frees them
  for (nccl::Comm* comm : comms_) library_.comm_destroy(comm);
}

// --- calls ------------------------------------------------------------------------------------------------------------

void Collectives::all_reduce(Span<const Arrays> arrays, const std::string& what, Done done) {
  call(what, std::move(done), [&](size_t i, void* stream) {
    int result = nccl::success;
    for (size_t k = 0; k < arrays.size() && result == nccl::success; ++k) {
      const Arrays& one = arrays[k];
      result = library_.all_reduce(one.from[i], one.to[i], static_cast<size_t>(one.count), nccl::type_of(one.dtype),
                                   nccl::sum, comms_[i], stream);
    }
    return result;
  });
}

void Collectives::reduce(const Arrays& arrays, int root, const std::string& what, Done done) {
  const int type = nccl::type_of(arrays.dtype);
  call(what, std::move(done), [&](size_t i, void* stream) {
    return library_.reduce(arrays.from[i], arrays.to[i], static_cast<size_t>(arrays.count), type, nccl::sum, root,
                           comms_[i], stream);
  });
}

void Collectives::broadcast(const Arrays& arrays, int root, const std::string& what, Done done) {
  const int type = nccl::type_of(arrays.dtype);
  call(what, std::move(done), [&](size_t i, void* stream) {
    return library_.broadcast(arrays.from[i], arrays.to[i], static_cast<size_t>(arrays.count), type, root, comms_[i],
                              stream);
  });
}

void Collectives::call(const std::string& what, Done done, FunctionRef<int(size_t, void*)> enter) {
  // One for all groups: GPUs that are in several get the calls of all in one order.
  static std::mutex entering;
  const std::lock_guard<std::mutex> one(entering);
  const auto call = std::make_shared<Call>();
  call->what = what;
  call->done = std::move(done);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) throw Error(end_code_, why_);
    call->since = Clock::now();
    call->waiting = entering_ = true;
    under_way_.push_back(call);
    changed_.notify_all();
  }
  std::vector<EventPtr> before, after;
  std::optional<Error> failed;
  try {
    put(before, after, enter);
  } catch (const Error& error) {
    failed = error;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    call->waiting = entering_ = false;
    changed_.notify_all();
    if (failed) {
      end_nolock(failed->code(), failed->what());
      under_way_.erase(std::remove(under_way_.begin(), under_way_.end(), call), under_way_.end());
      throw Error(end_code_, why_);
    }
  }
  ++call_count;
  for (const EventPtr& event : before) {
    watcher_.tell(event, [this, call, last = event == before.back()](const Error* error) {
      if (error) return finish(call, error);
      const std::lock_guard<std::mutex> lock(mutex_);
      call->since = Clock::now();
      call->waiting = last;
    });
  }
  for (const EventPtr& event : after) {
    watcher_.tell(event, [this, call, last = event == after.back()](const Error* error) {
      if (error || last) finish(call, error);
    });
  }
}

void Collectives::put(std::vector<EventPtr>& before, std::vector<EventPtr>& after,
                      FunctionRef<int(size_t, void*)> enter) {
  std::vector<Stream*> streams;
  for (const int gpu : gpus_) {
    StreamDevice& device = gpu_device(gpu);
    streams.push_back(&device.communication());
    before.push_back(device.stream()->record());
    streams.back()->wait(*before.back());
  }
  nccl::check(library_, library_.group_start(), "ncclGroupStart");
  int result = nccl::success;
  for (size_t i = 0; i < streams.size() && result == nccl::success; ++i) result = enter(i, library_stream(*streams[i]));
  const int end = library_.group_end();
  nccl::check(library_, result, "a collective");
  nccl::check(library_, end, "ncclGroupEnd");
  for (Stream* stream : streams) after.push_back(stream->record());
}

void Collectives::finish(const CallPtr& call, const Error* error) {
  std::optional<Error> failed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (call->over) return;
    call->over = true;
    under_way_.erase(std::remove(under_way_.begin(), under_way_.end(), call), under_way_.end());
    if (error) end_nolock(error->code(), error->what());
    else look_nolock();
    if (ended_) failed.emplace(end_code_, why_);
    changed_.notify_all();
  }
  call->done(failed ? &*failed : nullptr);
}

// --- when something is wrong --------------------------------------------------------------------------------------------

void Collectives::end_nolock(Code code, const std::string& why) {
  if (ended_) return;
  ended_ = true;
  end_code_ = code;
  why_ = why;
  changed_.notify_all();
}

// Asks the library how it is, and the clock.
void Collectives::look_nolock() {
  for (size_t i = 0; i < comms_.size() && !ended_; ++i) {
    int error = nccl::success;
    const int result = library_.comm_get_async_error(comms_[i], &error);
    if (result != nccl::success) error = result;
    if (error != nccl::success && error != nccl::in_progress)
      end_nolock(code_,
                 concat("[nccl] ", DeviceId{DeviceKind::gpu, gpus_[i]}.str(), ": ", library_.get_error_string(error)));
  }
  for (const CallPtr& call : under_way_) {
    if (call->waiting && Clock::now() - call->since > std::chrono::duration<double>(timeout_s_))
      end_nolock(code_, concat("[nccl] ", call->what, ": did not end within ", timeout_s_, " s"));
  }
}

void Collectives::watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ended_) {
    if (stop_) return;
    if (under_way_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, look_again);
      if (!ended_ && !under_way_.empty()) look_nolock();
    }
  }
  // Who is inside NCCL comes out first, unless it is what hangs.
  changed_.wait_for(lock, patience, [this] { return !entering_; });
  lock.unlock();
  for (nccl::Comm* comm : comms_) library_.comm_abort(comm);
  lock.lock();
  // What NCCL leaves ends by its events, so that nobody uses the arrays any more.
  changed_.wait_for(lock, patience, [this] { return under_way_.empty(); });
  const std::vector<CallPtr> left(under_way_.begin(), under_way_.end());
  under_way_.clear();
  changed_.notify_all();
  for (const CallPtr& call : left) call->over = true;
  lock.unlock();
  const Error error(end_code_, why_);
  for (const CallPtr& call : left) call->done(&error);
}

}  // namespace mixnet
