#include "kvstore/mpi/link.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "base/real_text.h"
#include "kvstore/mpi/job.h"

namespace mixnet::mpi {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double slowest_link = 4e6, quick_link = 1e9;  // bytes per second
constexpr double longest_alert = 1e-3;                  // seconds

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Looked at again soon while the end may be near, seldom when it is far: MPI makes progress only when it is asked.
void rest(double waited, double alert) {
  if (waited < alert) return std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::duration<double>(std::clamp(waited / 64, 20e-6, 500e-6)));
}

double positive(const char* name, const char* fallback) {
  const std::string text = environment_string(name, fallback);
  char* end = nullptr;
  const double value = read_real(text.c_str(), &end);
  MIXNET_CHECK(end != text.c_str() && !*end && value > 0 && value < 1e9, invalid, "[kvstore] MIXNET_", name,
               ": expected a positive number of seconds, got '", text, "'");
  return value;
}

}  // namespace

Deadlines deadlines_from_environment() { return {positive("PS_TIMEOUT_S", "10"), positive("ALLREDUCE_WAIT_S", "600")}; }

std::string absent_workers(const int32_t* present, int size) {
  std::vector<int> absent;
  for (int rank = 0; rank < size; ++rank) {
    if (!present[rank]) absent.push_back(rank);
  }
  std::string text = absent.size() == 1 ? "worker " : "workers ";
  for (size_t i = 0; i < absent.size(); ++i)
    text += concat(i == 0 ? "" : i + 1 == absent.size() ? " and " : ", ", absent[i]);
  return text;
}

Link::~Link() {
  if (group_) plugin_.close(group_);
}

void Link::open() {
  Request* request = nullptr;
  Group* group = nullptr;
  check(plugin_, plugin_.open(&group, &request), "a group of all workers");
  if (!finished_within(request, deadlines_.push))
    fail(Code::net, "[kvstore dist_allreduce] not all of ", size_, " workers made their store within ", deadlines_.push,
         " s");
  group_ = group;
}

Request* Link::broadcast(void* data, int64_t bytes) {
  Request* request = nullptr;
  check(plugin_, plugin_.broadcast(group_, data, bytes, Type::u8, &request), "broadcast");
  return request;
}

Request* Link::reduce(const void* from, void* to, int64_t count, Type type, Operation operation) {
  Request* request = nullptr;
  check(plugin_, plugin_.reduce(group_, from, to, count, type, operation, &request), "allreduce");
  return request;
}

void Link::gather(const void* from, void* to, int64_t bytes, What what) {
  Request* request = nullptr;
  check(plugin_, plugin_.gather(group_, from, to, bytes, &request), "gather");
  finish(request, bytes * size_, what);
}

void Link::finish(Request* request, int64_t bytes, What what) {
  const auto size = static_cast<double>(bytes);
  finish_within(request, deadlines_.collective() + size / slowest_link, what,
                std::min(longest_alert, 50e-6 + size / quick_link));
}

void Link::finish_within(Request* request, double seconds, What what, double alert) {
  if (!finished_within(request, seconds, alert)) give_up(seconds, what);
}

bool Link::finished_within(Request* request, double seconds, double alert) {
  const auto begin = Clock::now();
  for (;;) {
    int32_t done = 0;
    check(plugin_, plugin_.test(request, &done), "a collective");
    if (done) return true;
    const double waited = seconds_since(begin);
    if (waited > seconds) return false;
    rest(waited, alert);
  }
}

void Link::give_up(double seconds, What what) {
  std::vector<int32_t> present(static_cast<size_t>(size_));
  const bool asked = plugin_.roll_call(group_, deadlines_.roll_call(), present.data()) == 0;
  const bool all_here = std::count(present.begin(), present.end(), 0) == 0;
  const std::string who = !asked     ? "it is not known who is lost"
                          : all_here ? "all workers answer"
                                     : "no answer from " + absent_workers(present.data(), size_);
  fail(Code::net, "[kvstore dist_allreduce] worker ", rank_, ": ", what(), " did not end within ", seconds,
       " s: ", who);
}

}  // namespace mixnet::mpi
