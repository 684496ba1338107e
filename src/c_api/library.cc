// Features, devices, lists, engine.
#include "base/json.h"
#include "base/thread_pool.h"
#include "c_api/handles.h"
#include "device/gpu.h"
#include "executor/invoke.h"

namespace mixnet::c_api {
namespace {

class CallbackTask : public Task {
 public:
  CallbackTask(mxn_task_fn fn, std::shared_ptr<UserData> user) : fn_(fn), user_(std::move(user)) {}
  void run() override { user_->run("engine_push", fn_); }
  std::string describe() const override { return "a pushed function"; }

 private:
  mxn_task_fn fn_;
  std::shared_ptr<UserData> user_;
};

}  // namespace

}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_features(char** out_json) {
  return guard([&] {
    clear(out_json, "features", "out_json");
    Json j = Json::object();
    j.set("version", MIXNET_VERSION);
#if defined(MIXNET_ONEDNN)
    j.set("onednn", true);
#else
    j.set("onednn", false);
#endif
    j.set("cuda", std::string(gpu_backend()) == "cuda");
    j.set("f16c", sizeof(f16) == 2);
    j.set("cpu_threads", parallel_threads());
    j.set("operators", static_cast<int64_t>(registry().all().size()));
    *out_json = copy_text(j.dump());
  });
}

int32_t mxn_error_set(int32_t code, const char* message) {
  set_error(code < 0 && code >= MXN_ERROR_INTERNAL ? static_cast<Code>(code) : Code::user, message ? message : "");
  return MXN_OK;
}

void mxn_text_free(char* text) { std::free(text); }

int32_t mxn_handle_count(int64_t* out_count) {
  return guard([&] { clear(out_count, "handle_count", "out_count") = CountedHandle::alive.load(); });
}

int32_t mxn_random_seed(int64_t seed) {
  return guard([&] { seed_random(static_cast<uint64_t>(seed)); });
}

int32_t mxn_device_count(int32_t kind, int32_t* out_count) {
  return guard([&] {
    clear(out_count, "device_count", "out_count");
    *out_count = device_count(make_device(kind, 0, "device_count").kind);
  });
}

int32_t mxn_device_memory(int32_t kind, int32_t index, int64_t* out_free, int64_t* out_total) {
  return guard([&] {
    clear(out_free, "device_memory", "out_free");
    clear(out_total, "device_memory", "out_total");
    const MemoryInfo info = get_device(make_device(kind, index, "device_memory")).memory();
    *out_free = info.free_bytes;
    *out_total = info.total_bytes;
  });
}

int32_t mxn_storage_info(int32_t kind, int32_t index, mxn_storage_info_t* out) {
  return guard([&] {
    known_size(out, "storage_info", "out_info");
    const StorageStatistics s = storage(make_device(kind, index, "storage_info")).statistics();
    give_struct({0, s.in_use, s.cached, s.peak, s.limit, s.allocations, s.hits, s.device_calls}, out, "storage_info",
                "out_info");
  });
}

int32_t mxn_storage_empty_cache(int32_t kind, int32_t index) {
  return guard([&] { storage(make_device(kind, index, "storage_empty_cache")).empty_cache(); });
}

int32_t mxn_storage_set_limit(int32_t kind, int32_t index, int64_t bytes) {
  return guard([&] { storage(make_device(kind, index, "storage_set_limit")).set_limit(bytes); });
}

int32_t mxn_wait_all(const mxn_wait_t* wait) {
  return guard([&] {
    engine().wait_all(make_wait(wait));
    synchronize_gpus();
  });
}

int32_t mxn_shutdown(void) {
  return guard([&] { engine().shutdown(); });
}

int64_t mxn_strings_count(const mxn_strings_t* strings) {
  return strings ? static_cast<int64_t>(strings->items.size()) : 0;
}

const char* mxn_strings_get(const mxn_strings_t* strings, int64_t i) {
  return i >= 0 && i < mxn_strings_count(strings) ? strings->items[static_cast<size_t>(i)].c_str() : nullptr;
}

void mxn_strings_free(mxn_strings_t* strings) { delete strings; }

int64_t mxn_shapes_count(const mxn_shapes_t* shapes) { return shapes ? static_cast<int64_t>(shapes->items.size()) : 0; }

int32_t mxn_shapes_get(const mxn_shapes_t* shapes, int64_t i, int32_t* out_ndim, const int64_t** out_dims) {
  return guard([&] {
    clear(out_ndim, "shapes_get", "out_ndim");
    clear(out_dims, "shapes_get", "out_dims");
    MIXNET_CHECK(i >= 0 && i < mxn_shapes_count(shapes), invalid, "[shapes_get] expected an index below ",
                 mxn_shapes_count(shapes), ", got ", i);
    *out_ndim = shapes->ndims[static_cast<size_t>(i)];
    *out_dims = shapes->items[static_cast<size_t>(i)].data();
  });
}

void mxn_shapes_free(mxn_shapes_t* shapes) { delete shapes; }

int32_t mxn_cancel_create(mxn_cancel_t** out_cancel) {
  return guard([&] {
    clear(out_cancel, "cancel_create", "out_cancel");
    *out_cancel = new mxn_cancel;
  });
}

int32_t mxn_cancel_trigger(mxn_cancel_t* cancel) {
  if (!cancel) return set_error(Code::invalid, "[cancel_trigger] cancel: expected a value, got NULL");
  cancel->token.cancel();
  return MXN_OK;
}

void mxn_cancel_free(mxn_cancel_t* cancel) { delete cancel; }

int32_t mxn_variable_create(mxn_variable_t** out_variable) {
  return guard([&] {
    clear(out_variable, "variable_create", "out_variable");
    *out_variable = new mxn_variable{engine().new_variable()};
  });
}

int32_t mxn_variable_wait(mxn_variable_t* variable, const mxn_wait_t* wait) {
  return guard(
      [&] { engine().wait_to_read(required(variable, "variable_wait", "variable").variable, make_wait(wait)); });
}

void mxn_variable_free(mxn_variable_t* variable) {
  if (!variable) return;
  guard([&] { engine().delete_variable(variable->variable, {}); });
  delete variable;
}

int32_t mxn_engine_push(mxn_task_fn fn, void* user, mxn_destroy_fn destroy, mxn_variable_t* const* reads,
                        int64_t num_reads, mxn_variable_t* const* writes, int64_t num_writes,
                        mxn_ndarray_t* const* array_reads, int64_t num_array_reads, mxn_ndarray_t* const* array_writes,
                        int64_t num_array_writes, int32_t priority) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    MIXNET_CHECK(fn, invalid, "[engine_push] fn: expected a function, got NULL");
    std::vector<Variable*> read, write;
    for (mxn_variable_t* v : list(reads, num_reads, "engine_push", "reads"))
      read.push_back(required(v, "engine_push", "reads").variable);
    for (mxn_variable_t* v : list(writes, num_writes, "engine_push", "writes"))
      write.push_back(required(v, "engine_push", "writes").variable);
    for (mxn_ndarray_t* a : list(array_reads, num_array_reads, "engine_push", "array_reads"))
      read.push_back(required(a, "engine_push", "array_reads").array.variable());
    for (mxn_ndarray_t* a : list(array_writes, num_array_writes, "engine_push", "array_writes"))
      write.push_back(required(a, "engine_push", "array_writes").array.variable());
    PushOptions options;
    options.lane = Lane::callback;
    options.priority = priority;
    engine().push(std::make_unique<CallbackTask>(fn, std::move(data)), read, write, options);
  });
}
