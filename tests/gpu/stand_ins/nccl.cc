// What tests open in place of libnccl.so.2: the same functions over emulated GPUs, of one process or of several on this machine.
//
// Strict: every rank must make the same calls with the same counts and types, one thread's GPUs must be called in a group, and a communicator keeps to
// one stream; anything else is the error that NCCL has for it. Ranks meet in a file that the unique id names. Links to nothing of ours.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/half.h"
#include "device/emulated/emulated_native.h"

namespace {

using mixnet::bf16;
using mixnet::f16;

constexpr int success = 0, cuda_error = 1, system_error = 2, invalid_argument = 4, invalid_usage = 5, remote_error = 6;
constexpr int most_ranks = 16;
constexpr size_t area_bytes = size_t{1} << 20;

enum class Kind : int { all_reduce = 1, reduce = 2, broadcast = 3 };

struct Call {
  Kind kind;
  int type, root;
  size_t count;
  bool operator==(const Call& o) const {
    return kind == o.kind && type == o.type && root == o.root && count == o.count;
  }
};

struct Rank {
  std::atomic<uint64_t> step;
  Call call;
};
// What the ranks share.
struct Room {
  std::atomic<int> joined;
  std::atomic<bool> failed;  // one of them has: its peers are told
  Rank ranks[most_ranks];
  alignas(64) char areas[most_ranks][area_bytes];
};

struct Id {
  char bytes[128];
};

size_t size_of(int type) {
  return type <= 1 ? 1 : type <= 3 ? 4 : type <= 5 ? 8 : type == 6 || type == 9 ? 2 : type == 7 ? 4 : 8;
}

}  // namespace

struct ncclComm {
  Room* room;
  int rank, size;
  bool together;  // made for all GPUs by one thread
  uint64_t step = 0;
  void* stream = nullptr;
  std::atomic<int> error{success};
  std::atomic<bool> aborted{false};
};

namespace {

std::mutex mutex;  // guards the next two
std::set<ncclComm*> alive;
int fault = 0;
std::atomic<int64_t> carried_out{0};

struct Entry {
  ncclComm* comm;
  Call call;
  const void* from;
  void* to;
  void* stream;
};
thread_local int depth = 0;
thread_local std::vector<Entry> entries;
thread_local int wrong = success;

// The next one of the faults that a test has asked for: 1: hangs until aborted, 2: an error told later, 3: one told at once.
int take_fault() {
  const std::lock_guard<std::mutex> lock(mutex);
  return std::exchange(fault, 0);
}

bool known(ncclComm* comm) {
  const std::lock_guard<std::mutex> lock(mutex);
  return alive.count(comm) > 0;
}

Room* enter(const char* path) {
  const int file = open(path, O_RDWR);
  if (file < 0) return nullptr;
  void* data = mmap(nullptr, sizeof(Room), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return data == MAP_FAILED ? nullptr : static_cast<Room*>(data);
}

ncclComm* make(Room* room, int rank, int size, bool together) {
  auto* comm = new ncclComm{room, rank, size, together};
  const std::lock_guard<std::mutex> lock(mutex);
  alive.insert(comm);
  return comm;
}

bool all_at(ncclComm& comm, uint64_t step) {
  for (int r = 0; r < comm.size; ++r) {
    while (comm.room->ranks[r].step.load(std::memory_order_acquire) < step) {
      if (comm.room->failed) comm.error = remote_error;
      if (comm.aborted || comm.error != success) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
  return true;
}

bool meet(ncclComm& comm) {
  comm.room->ranks[comm.rank].step.store(++comm.step, std::memory_order_release);
  return all_at(comm, comm.step);
}

template <class T, class Wide>
void sum(ncclComm& comm, void* to, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Wide total = 0;
    for (int r = 0; r < comm.size; ++r)
      total = static_cast<Wide>(total + static_cast<Wide>(reinterpret_cast<const T*>(comm.room->areas[r])[i]));
    static_cast<T*>(to)[i] = T(total);
  }
}

void sum(ncclComm& comm, int type, void* to, size_t count) {
  switch (type) {
    case 0: return sum<int8_t, uint8_t>(comm, to, count);
    case 1: return sum<uint8_t, uint8_t>(comm, to, count);
    case 2: return sum<int32_t, uint32_t>(comm, to, count);
    case 4: return sum<int64_t, uint64_t>(comm, to, count);
    case 6: return sum<f16, float>(comm, to, count);
    case 7: return sum<float, float>(comm, to, count);
    case 8: return sum<double, double>(comm, to, count);
    case 9: return sum<bf16, float>(comm, to, count);
    default: break;
  }
}

// On the stream.
void carry_out(const Entry& entry, int with_fault) {
  ncclComm& comm = *entry.comm;
  const Call& call = entry.call;
  while (with_fault == 1 && !comm.aborted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (with_fault == 2) comm.room->failed = true;
  if (comm.room->failed) comm.error = remote_error;
  if (comm.aborted || comm.error != success) return;
  const size_t size = size_of(call.type), most = area_bytes / size;
  for (size_t first = 0; first == 0 || first < call.count; first += most) {
    const size_t count = std::min(most, call.count - first), bytes = count * size;
    char* const to = static_cast<char*>(entry.to) + first * size;
    comm.room->ranks[comm.rank].call = call;
    if (bytes > 0 && (call.kind != Kind::broadcast || comm.rank == call.root))
      std::memcpy(comm.room->areas[comm.rank], static_cast<const char*>(entry.from) + first * size, bytes);
    if (!meet(comm)) return;
    for (int r = 0; r < comm.size; ++r) {
      if (!(comm.room->ranks[r].call == call)) comm.error = invalid_usage;
    }
    if (comm.error == success && bytes > 0) {
      if (call.kind == Kind::broadcast) std::memcpy(to, comm.room->areas[call.root], bytes);
      else if (call.kind == Kind::all_reduce || comm.rank == call.root) sum(comm, call.type, to, count);
    }
    if (!meet(comm) || comm.error != success) return;
  }
  ++carried_out;
}

int end_group() {
  std::vector<Entry> all;
  all.swap(entries);
  const int result = std::exchange(wrong, success);
  if (result != success) return result;
  // GPUs of one thread's communicators must all be here, equally often: the others would be waited for.
  for (const Entry& one : all) {
    if (!one.comm->together) continue;
    int calls = 0, own = 0;
    for (const Entry& other : all) {
      calls += other.comm->room == one.comm->room;
      own += other.comm == one.comm;
    }
    if (calls != own * one.comm->size) return invalid_usage;
  }
  const int with_fault = all.empty() ? 0 : take_fault();
  if (with_fault == 3) return cuda_error;
  for (const Entry& one : all) {
    if (!mixnet::push_to_emulated(one.stream, [one, with_fault] { carry_out(one, with_fault); })) return cuda_error;
  }
  return success;
}

int enter_call(Kind kind, const void* from, void* to, size_t count, int type, int root, ncclComm* comm, void* stream) {
  const bool types = (type >= 0 && type <= 2) || type == 4 || (type >= 6 && type <= 9);
  int result = success;
  if (!known(comm) || !stream || !types || root < 0 || root >= comm->size) {
    result = invalid_argument;
  } else {
    const bool reads = kind != Kind::broadcast || comm->rank == root,
               writes = kind != Kind::reduce || comm->rank == root;
    if (count > 0 && ((reads && !from) || (writes && !to))) result = invalid_argument;
    if (comm->stream && comm->stream != stream) result = invalid_usage;
    if (comm->aborted) result = invalid_usage;
    comm->stream = stream;
  }
  if (result == success) entries.push_back({comm, {kind, type, root, count}, from, to, stream});
  else wrong = result;
  if (depth == 0) return end_group();
  return result;
}

int new_id(Id* id) {
  std::memset(id, 0, sizeof *id);
  const std::string pattern = "/tmp/mixnet-stand-in-nccl-" + std::string(6, 'X');
  std::strcpy(id->bytes, pattern.c_str());
  const int file = mkstemp(id->bytes);
  if (file < 0) return system_error;
  const bool sized = ftruncate(file, sizeof(Room)) == 0;
  close(file);
  return sized ? success : system_error;
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int ncclGetUniqueId(Id* id) { return new_id(id); }

EXPORTED int ncclCommInitRank(ncclComm** comm, int size, Id id, int rank) {
  if (size < 1 || size > most_ranks || rank < 0 || rank >= size) return invalid_argument;
  Room* room = enter(id.bytes);
  if (!room) return system_error;
  ++room->joined;
  while (room->joined < size) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  unlink(id.bytes);
  *comm = make(room, rank, size, false);
  return success;
}

EXPORTED int ncclCommInitAll(ncclComm** comms, int count, const int* devices) {
  if (std::set<int>(devices, devices + count).size() != static_cast<size_t>(count) || count > most_ranks)
    return invalid_argument;
  Id id;
  if (new_id(&id) != success) return system_error;
  Room* room = enter(id.bytes);
  unlink(id.bytes);
  if (!room) return system_error;
  for (int i = 0; i < count; ++i) comms[i] = make(room, i, count, true);
  return success;
}

// Work in streams may still look at it: the memory stays.
EXPORTED int ncclCommDestroy(ncclComm* comm) {
  const std::lock_guard<std::mutex> lock(mutex);
  return alive.erase(comm) ? success : invalid_argument;
}

EXPORTED int ncclCommAbort(ncclComm* comm) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (!alive.erase(comm)) return invalid_argument;
  comm->aborted = true;
  return success;
}

EXPORTED int ncclCommGetAsyncError(ncclComm* comm, int* error) {
  if (!known(comm)) return invalid_argument;
  *error = comm->error;
  return success;
}

EXPORTED const char* ncclGetErrorString(int result) {
  switch (result) {
    case success: return "no error";
    case cuda_error: return "unhandled cuda error";
    case system_error: return "unhandled system error";
    case invalid_argument: return "invalid argument";
    case invalid_usage: return "invalid usage";
    case remote_error: return "remote process exited or there was a network error";
    default: return "unknown result code";
  }
}

EXPORTED int ncclGroupStart() {
  ++depth;
  return success;
}

EXPORTED int ncclGroupEnd() {
  if (depth == 0) return invalid_usage;
  return --depth == 0 ? end_group() : success;
}

EXPORTED int ncclAllReduce(const void* from, void* to, size_t count, int type, int operation, ncclComm* comm,
                           void* stream) {
  return enter_call(Kind::all_reduce, from, to, count, operation == 0 ? type : -1, 0, comm, stream);
}

EXPORTED int ncclReduce(const void* from, void* to, size_t count, int type, int operation, int root, ncclComm* comm,
                        void* stream) {
  return enter_call(Kind::reduce, from, to, count, operation == 0 ? type : -1, root, comm, stream);
}

EXPORTED int ncclBroadcast(const void* from, void* to, size_t count, int type, int root, ncclComm* comm, void* stream) {
  return enter_call(Kind::broadcast, from, to, count, type, root, comm, stream);
}

// For tests: the next collective's fault, and how many were carried out, by all communicators of this process.
EXPORTED void stand_in_nccl_fail(int how) {
  const std::lock_guard<std::mutex> lock(mutex);
  fault = how;
}
EXPORTED int64_t stand_in_nccl_carried_out() { return carried_out; }
