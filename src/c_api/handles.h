// What is behind the opaque handles.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autograd/cached_op.h"
#include "autograd/tape_node.h"
#include "c_api/guard.h"
#include "engine/host_queue.h"
#include "executor/executor.h"
#include "io/data_iter.h"
#include "io/record_reader.h"
#include "io/record_writer.h"
#include "kvstore/kvstore.h"
#include "mixnet/c_api.h"
#include "optimizer/optimizer.h"

struct mxn_ndarray : mixnet::autograd::Taped {
  using Taped::Taped;
  explicit mxn_ndarray(Taped t) : Taped(std::move(t)) {}
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_cached_op {
  std::shared_ptr<mixnet::autograd::CachedOp> op;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_symbol {
  mixnet::Symbol symbol;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_executor {
  std::shared_ptr<mixnet::Executor> executor;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_kvstore {
  std::shared_ptr<mixnet::KVStore> store;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_optimizer {
  std::shared_ptr<mixnet::Optimizer> optimizer;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_record_reader {
  mixnet::RecordReader reader;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_record_writer {
  mxn_record_writer(const char* path, bool append) : writer(path, append) {}
  mixnet::RecordWriter writer;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_data_iter {
  std::unique_ptr<mixnet::DataIter> iter;
  std::optional<mixnet::Batch> batch;
  std::vector<int64_t> ids;  // of the batch
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_variable {
  mixnet::Variable* variable;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_cancel {
  mixnet::CancelToken token;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_strings {
  std::vector<std::string> items;
  mixnet::c_api::CountedHandle counted{};
};
struct mxn_shapes {
  std::vector<std::vector<int64_t>> items;
  std::vector<int32_t> ndims;
  mixnet::c_api::CountedHandle counted{};
};

namespace mixnet::c_api {

inline DeviceId make_device(int32_t kind, int32_t index, const char* place) {
  MIXNET_CHECK(kind >= 1 && kind <= 3, invalid, "[", place, "] device: expected kind 1, 2 or 3, got ", kind);
  MIXNET_CHECK(index >= 0, invalid, "[", place, "] device: expected an index of at least 0, got ", index);
  return {static_cast<DeviceKind>(kind), index};
}

void give_memory(const MemoryReport& report, mxn_memory_info_t* out, const char* place);

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

// Throws what a callback reported by its status.
void check_callback(int32_t status, const char* place);

// Handles of arrays; none() becomes NULL. The vector is freed by mxn_ndarray_list_free.
mxn_ndarray_t** make_array_list(const std::vector<NDArray>& arrays);
std::vector<NDArray> read_arrays(mxn_ndarray_t* const* handles, int64_t count, const char* place, const char* name,
                                 bool allow_null = false);
// The handles themselves, for what looks at the tape.
std::vector<autograd::Taped*> read_taped(mxn_ndarray_t* const* handles, int64_t count, const char* place,
                                         const char* name);
// (function, user data, destroy) with the destroy run once. When the thread that makes it has an open queue, all runs there.
class UserData {
 public:
  UserData(void* user, mxn_destroy_fn destroy) : user_(user), destroy_(destroy), queue_(HostQueue::current()) {}
  ~UserData() {
    if (!destroy_) return;
    if (!queue_) {
      destroy_(user_);
      return;
    }
    try {
      queue_->post([user = user_, destroy = destroy_] { destroy(user); });
    } catch (const std::bad_alloc&) {  // rather lost than run on a thread that must not
    }
  }
  UserData(const UserData&) = delete;
  void* get() const { return user_; }

  // Runs the callback, which returns a status; throws what it reported.
  template <class F>
  void run(const char* place, F callback) const {
    auto body = [&] { check_callback(callback(user_), place); };
    if (queue_) queue_->call(body);
    else body();
  }
  // The same some time later where there is a queue; what it reports is lost.
  template <class F>
  static void post(const std::shared_ptr<UserData>& data, F callback) {
    if (data->queue_) data->queue_->post([data, callback] { callback(data->user_); });
    else callback(data->user_);
  }

 private:
  void* user_;
  mxn_destroy_fn destroy_;
  std::shared_ptr<HostQueue> queue_;
};

}  // namespace mixnet::c_api
