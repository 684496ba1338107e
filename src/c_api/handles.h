// What is behind the opaque handles.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "autograd/cached_op.h"
#include "autograd/tape_node.h"
#include "c_api/guard.h"
#include "executor/executor.h"
#include "kvstore/kvstore.h"
#include "mixnet/c_api.h"

struct mxn_ndarray : mixnet::autograd::Taped {
  using Taped::Taped;
  explicit mxn_ndarray(Taped t) : Taped(std::move(t)) {}
};
struct mxn_cached_op {
  mixnet::autograd::CachedOp op;
};
struct mxn_symbol {
  mixnet::Symbol symbol;
};
struct mxn_executor {
  std::shared_ptr<mixnet::Executor> executor;
};
struct mxn_kvstore {
  std::shared_ptr<mixnet::KVStore> store;
};
struct mxn_variable {
  mixnet::Variable* variable;
};
struct mxn_cancel {
  mixnet::CancelToken token;
};
struct mxn_strings {
  std::vector<std::string> items;
};
struct mxn_shapes {
  std::vector<std::vector<int64_t>> items;
  std::vector<int32_t> ndims;
};

namespace mixnet::c_api {

inline DeviceId make_device(int32_t kind, int32_t index, const char* place) {
  MIXNET_CHECK(kind >= 1 && kind <= 3, invalid, "[", place, "] device: expected kind 1, 2 or 3, got ", kind);
  MIXNET_CHECK(index >= 0, invalid, "[", place, "] device: expected an index of at least 0, got ", index);
  return {static_cast<DeviceKind>(kind), index};
}

inline WaitOptions make_wait(const mxn_wait_t* wait) {
  WaitOptions options;
  if (!wait) return options;
  const mxn_wait_t given = take_struct(wait, "wait", "wait");
  if (given.timeout_s > 0) options.timeout_s = given.timeout_s;
  if (given.cancel) options.cancel = &given.cancel->token;
  return options;
}

Attributes make_attributes(const OpSchema& op, Span<const mxn_arg_t> args);
inline const OpSchema& schema_of(const mxn_op_t* op, const char* place) {
  required(op, place, "op");
  return *reinterpret_cast<const OpSchema*>(op);
}

// Handles of arrays; none() becomes NULL. The vector is freed by mxn_ndarray_list_free.
mxn_ndarray_t** make_array_list(const std::vector<NDArray>& arrays);
std::vector<NDArray> read_arrays(mxn_ndarray_t* const* handles, int64_t count, const char* place, const char* name,
                                 bool allow_null = false);
// The handles themselves, for what looks at the tape.
std::vector<autograd::Taped*> read_taped(mxn_ndarray_t* const* handles, int64_t count, const char* place,
                                         const char* name);
// (function, user data, destroy) with the destroy run once.
class UserData {
 public:
  UserData(void* user, mxn_destroy_fn destroy) : user_(user), destroy_(destroy) {}
  ~UserData() {
    if (destroy_) destroy_(user_);
  }
  UserData(const UserData&) = delete;
  void* get() const { return user_; }

 private:
  void* user_;
  mxn_destroy_fn destroy_;
};

// Throws what a callback reported by its status.
void check_callback(int32_t status, const char* place);

}  // namespace mixnet::c_api
