// What the library asks of MPI, as one struct of C functions.
//
// MPI implementations differ in their binary interface, so what calls MPI is a small library of its own (plugin.cc, libmixnet_mpi.so), built
// where there are MPI's headers and opened at run time. Nothing here depends on mpi.h.
//
// Functions return 0 or a code of MPI's that `explain` turns into text. None of them waits for another process but start and roll_call.
// Requests: collectives of one group begin in the same order on all of its ranks; what they read and write stays until `test` said done. After an
// error a group is of no use any more.
#pragma once
#include <cstdint>

namespace mixnet::mpi {

enum class Type : int32_t { i8 = 0, u8 = 1, i32 = 2, i64 = 3, f32 = 4, f64 = 5 };
enum class Operation : int32_t { sum = 0, min = 1 };

struct Group;    // some processes and an order of calls of their own
struct Request;  // a collective under way

struct Plugin {
  static constexpr int32_t current_version = 1;
  int32_t version;

  // Once in a process: starts MPI unless somebody has. Gives this process's number and how many there are.
  int32_t (*start)(int32_t* rank, int32_t* size);
  // From now on nothing of MPI ends well: it is not shut down when the process ends.
  void (*abandon)();
  // A group of all processes; usable once the request is done.
  int32_t (*open)(Group** group, Request** request);
  void (*close)(Group* group);

  // From rank 0 to all.
  int32_t (*broadcast)(Group* group, void* data, int64_t count, Type type, Request** request);
  // `from` may be `to`. At most 2^31 - 1 elements.
  int32_t (*reduce)(Group* group, const void* from, void* to, int64_t count, Type type, Operation operation,
                    Request** request);
  // `bytes` bytes of every rank, in their order, to all.
  int32_t (*gather)(Group* group, const void* from, void* to, int64_t bytes, Request** request);
  // A request that is done, or failed, is gone.
  int32_t (*test)(Request* request, int32_t* done);

  // Who answers within so many seconds, while the others ask too: present[rank] is 1 or 0.
  int32_t (*roll_call)(Group* group, double seconds, int32_t* present);
  void (*explain)(int32_t code, char* text, int64_t size);
};

// The one symbol that a plug-in exports: const mixnet::mpi::Plugin* mixnet_mpi_plugin(void).
constexpr const char* plugin_symbol = "mixnet_mpi_plugin";

}  // namespace mixnet::mpi
