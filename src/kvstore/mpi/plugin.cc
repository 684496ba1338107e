// libmixnet_mpi.so: the functions of plugin.h by a real MPI. Not part of libmixnet.so; nothing of the library is linked here.
//
// Collectives are MPI's nonblocking ones, looked at with MPI_Test. MPI_THREAD_MULTIPLE is asked for; where only MPI_THREAD_SERIALIZED is
// granted, a lock keeps this library's calls apart, and the program must not call MPI by itself meanwhile.
#include <dlfcn.h>
#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "kvstore/mpi/plugin.h"

namespace mixnet::mpi {

struct Group {
  MPI_Comm handle = MPI_COMM_NULL;
  bool lenient = false;  // errors are returned; MPI's own way is to end the job
};
struct Request {
  MPI_Request handle = MPI_REQUEST_NULL;
};

namespace {

constexpr int roll_call_tag = 7;

bool serialised = false;
pid_t starter = 0;  // a forked child must not shut down its parent's MPI
std::atomic<bool> abandoned{false};
std::mutex serial_mutex;

// Held around every call of MPI.
class Turn {
 public:
  Turn() {
    if (serialised) serial_mutex.lock();
  }
  ~Turn() {
    if (serialised) serial_mutex.unlock();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
};

// Open MPI's parts look for libmpi among the process's own symbols, where a library opened by a library is not.
void show_symbols() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&MPI_Init_thread), &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

void finish() {
  int over = 0;
  if (getpid() != starter) return;
  MPI_Finalized(&over);
  if (!over && !abandoned) MPI_Finalize();
}

int32_t start_once() {
  int running = 0, level = MPI_THREAD_SINGLE;
  show_symbols();
  MPI_Initialized(&running);
  if (running) {
    MPI_Query_thread(&level);
  } else {
    const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level);
    if (code != MPI_SUCCESS) return code;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    starter = getpid();
    std::atexit(finish);
  }
  serialised = level < MPI_THREAD_MULTIPLE;
  return level < MPI_THREAD_SERIALIZED ? MPI_ERR_UNSUPPORTED_OPERATION : MPI_SUCCESS;
}

int32_t start(int32_t* rank, int32_t* size) {
  static const int32_t code = start_once();
  if (code != MPI_SUCCESS) return code;
  Turn turn;
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  return MPI_Comm_size(MPI_COMM_WORLD, size);
}

void abandon() { abandoned = true; }

MPI_Datatype native(Type type) {
  switch (type) {
    case Type::i8: return MPI_INT8_T;
    case Type::u8: return MPI_UINT8_T;
    case Type::i32: return MPI_INT32_T;
    case Type::i64: return MPI_INT64_T;
    case Type::f32: return MPI_FLOAT;
    case Type::f64: return MPI_DOUBLE;
  }
  return MPI_DATATYPE_NULL;
}

// Makes the request and has `begin` fill it.
template <class F>
int32_t begin(Request** request, F body) {
  auto* made = new (std::nothrow) Request;
  if (!made) return MPI_ERR_NO_MEM;
  Turn turn;
  const int code = body(&made->handle);
  if (code == MPI_SUCCESS) {
    *request = made;
  } else {
    delete made;
  }
  return code;
}

int32_t open(Group** group, Request** request) {
  auto* made = new (std::nothrow) Group;
  if (!made) return MPI_ERR_NO_MEM;
  const int32_t code = begin(request, [&](MPI_Request* r) { return MPI_Comm_idup(MPI_COMM_WORLD, &made->handle, r); });
  if (code == MPI_SUCCESS) {
    *group = made;
  } else {
    delete made;
  }
  return code;
}

// The communicator itself stays: freeing it is collective, and the others may have failed.
void close(Group* group) { delete group; }

MPI_Comm lenient(Group* group) {
  if (!group->lenient) MPI_Comm_set_errhandler(group->handle, MPI_ERRORS_RETURN);
  group->lenient = true;
  return group->handle;
}

int32_t broadcast(Group* group, void* data, int64_t count, Type type, Request** request) {
  return begin(request, [&](MPI_Request* r) {
    return MPI_Ibcast(data, static_cast<int>(count), native(type), 0, lenient(group), r);
  });
}

int32_t reduce(Group* group, const void* from, void* to, int64_t count, Type type, Operation operation,
               Request** request) {
  const void* source = from == to ? MPI_IN_PLACE : from;
  const MPI_Op how = operation == Operation::min ? MPI_MIN : MPI_SUM;
  return begin(request, [&](MPI_Request* r) {
    return MPI_Iallreduce(source, to, static_cast<int>(count), native(type), how, lenient(group), r);
  });
}

int32_t gather(Group* group, const void* from, void* to, int64_t bytes, Request** request) {
  const int count = static_cast<int>(bytes);
  return begin(request, [&](MPI_Request* r) {
    return MPI_Iallgather(from, count, MPI_BYTE, to, count, MPI_BYTE, lenient(group), r);
  });
}

int32_t test(Request* request, int32_t* done) {
  int over = 0, code;
  {
    Turn turn;
    code = MPI_Test(&request->handle, &over, MPI_STATUS_IGNORE);
  }
  if (over || code != MPI_SUCCESS) delete request;
  *done = over;
  return code;
}

// Everybody greets everybody. What is not answered stays in MPI's hands, so the letters are never freed.
int32_t roll_call(Group* group, double seconds, int32_t* present) {
  int rank = 0, size = 0;
  {
    Turn turn;
    MPI_Comm_rank(lenient(group), &rank);
    MPI_Comm_size(group->handle, &size);
  }
  auto& letters = *new std::vector<int32_t>(static_cast<size_t>(size) + 1, 1);
  auto& requests = *new std::vector<MPI_Request>(static_cast<size_t>(size) * 2, MPI_REQUEST_NULL);
  for (int other = 0; other < size; ++other) {
    present[other] = other == rank;
    if (other == rank) continue;
    Turn turn;
    MPI_Isend(&letters[static_cast<size_t>(size)], 1, MPI_INT32_T, other, roll_call_tag, group->handle,
              &requests[static_cast<size_t>(size + other)]);
    MPI_Irecv(&letters[static_cast<size_t>(other)], 1, MPI_INT32_T, other, roll_call_tag, group->handle,
              &requests[static_cast<size_t>(other)]);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (int missing = size - 1; missing > 0 && std::chrono::steady_clock::now() < end;) {
    for (int other = 0; other < size; ++other) {
      int here = 0;
      Turn turn;
      if (present[other] || MPI_Test(&requests[static_cast<size_t>(other)], &here, MPI_STATUS_IGNORE) != MPI_SUCCESS ||
          !here)
        continue;
      present[other] = 1;
      --missing;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return MPI_SUCCESS;
}

void explain(int32_t code, char* text, int64_t size) {
  char message[MPI_MAX_ERROR_STRING + 1] = "";
  int length = 0;
  if (code == MPI_ERR_UNSUPPORTED_OPERATION) {
    std::strcpy(message, "this MPI lets only one thread call it (MPI_THREAD_SERIALIZED is needed)");
  } else {
    Turn turn;
    MPI_Error_string(code, message, &length);
  }
  std::strncpy(text, message, static_cast<size_t>(size - 1));
  text[size - 1] = '\0';
}

}  // namespace
}  // namespace mixnet::mpi

extern "C" __attribute__((visibility("default"))) const mixnet::mpi::Plugin* mixnet_mpi_plugin(void) {
  using namespace mixnet::mpi;
  static const Plugin plugin{
      Plugin::current_version, start, abandon, open, close, broadcast, reduce, gather, test, roll_call, explain};
  return &plugin;
}
