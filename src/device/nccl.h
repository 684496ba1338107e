// NCCL as a table of its C functions, opened when it is first needed (device/library.h). Names and numbers are those of its interface, version 2.
#pragma once
#include <cstddef>
#include <string>

#include "base/dtype.h"

namespace mixnet::nccl {

struct Comm;  // one GPU's place in a group

struct UniqueId {
  char bytes[128];
};

// What functions return.
constexpr int success = 0, remote_error = 6, in_progress = 7;
// An operation of reductions.
constexpr int sum = 0;

struct Library {
  int (*get_unique_id)(UniqueId* id);
  int (*comm_init_rank)(Comm** comm, int size, UniqueId id, int rank);
  int (*comm_init_all)(Comm** comms, int count, const int* devices);
  int (*comm_destroy)(Comm* comm);
  int (*comm_abort)(Comm* comm);
  int (*comm_get_async_error)(Comm* comm, int* error);
  const char* (*get_error_string)(int result);
  int (*group_start)();
  int (*group_end)();
  int (*all_reduce)(const void* from, void* to, size_t count, int type, int operation, Comm* comm, void* stream);
  int (*reduce)(const void* from, void* to, size_t count, int type, int operation, int root, Comm* comm, void* stream);
  int (*broadcast)(const void* from, void* to, size_t count, int type, int root, Comm* comm, void* stream);
};

// Null where there is none; `why`, if given, then says so in a line. MIXNET_NCCL is a path, or 0 for no library; it is read at every call.
// Throws Code::unsupported when the setting names one that cannot be opened.
const Library* library(std::string* why = nullptr);

// Its number of a dtype; -1 for bool, which it has not.
int type_of(DType dtype);

// Throws Code::device: "[nccl] what: its own text" unless the result is a success.
void check(const Library& library, int result, const char* what);

}  // namespace mixnet::nccl
