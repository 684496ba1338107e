// Executors.
#include "c_api/handles.h"

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

Executor& executor_of(const mxn_executor_t* handle, const char* place) {
  return *required(handle, place, "executor").executor;
}

GradRequest make_request(int32_t code, const char* place) {
  MIXNET_CHECK(code == MXN_GRAD_NULL || code == MXN_GRAD_WRITE || code == MXN_GRAD_ADD, invalid, "[", place,
               "] grad_req: expected 0, 1 or 3, got ", code);
  return static_cast<GradRequest>(code);
}

}  // namespace

void c_api::give_memory(const MemoryReport& r, mxn_memory_info_t* out, const char* place) {
  give_struct({0, r.planned, r.naive, r.lower_bound, r.external, r.kept}, out, place, "out_info");
}

int32_t mxn_executor_bind(const mxn_symbol_t* symbol, int32_t device_kind, int32_t device_index,
                          mxn_ndarray_t* const* args, mxn_ndarray_t* const* grads, const int32_t* grad_reqs,
                          int64_t num_args, mxn_ndarray_t* const* states, int64_t num_states,
                          const mxn_executor_t* shared, mxn_executor_t** out_executor) {
  return guard([&] {
    clear(out_executor, "bind", "out_executor");
    BindArguments bound;
    bound.arguments = read_arrays(args, num_args, "bind", "args", true);
    if (grads) bound.gradients = read_arrays(grads, num_args, "bind", "grads", true);
    for (int64_t i = 0; grads && i < num_args; ++i)
      bound.requests.push_back(grad_reqs ? make_request(grad_reqs[i], "bind") : GradRequest::write);
    bound.states = read_arrays(states, num_states, "bind", "states", true);
    const Symbol& s = required(symbol, "bind", "symbol").symbol;
    *out_executor = new mxn_executor{mixnet::bind(s, make_device(device_kind, device_index, "bind"), std::move(bound),
                                                  shared ? shared->executor : nullptr)};
  });
}

int32_t mxn_executor_simple_bind(const mxn_symbol_t* symbol, int32_t device_kind, int32_t device_index,
                                 const char* const* shape_names, const int32_t* ndims, const int64_t* dims,
                                 int32_t num_shapes, const char* const* dtype_names, const int32_t* dtypes,
                                 int32_t num_dtypes, const char* const* req_names, const int32_t* reqs,
                                 int32_t num_reqs, int32_t default_req, const mxn_executor_t* shared,
                                 mxn_executor_t** out_executor) {
  return guard([&] {
    const char* place = "simple_bind";
    clear(out_executor, place, "out_executor");
    SimpleBindArguments arguments;
    arguments.shapes = read_shapes(shape_names, ndims, dims, num_shapes, place);
    list(dtypes, num_dtypes, place, "dtypes");
    for (const char* name : list(dtype_names, num_dtypes, place, "dtype_names")) {
      arguments.dtypes.emplace_back(&required(name, place, "dtype_names"),
                                    make_dtype(dtypes[arguments.dtypes.size()], place));
    }
    list(reqs, num_reqs, place, "reqs");
    for (const char* name : list(req_names, num_reqs, place, "req_names")) {
      arguments.requests.emplace_back(&required(name, place, "req_names"),
                                      make_request(reqs[arguments.requests.size()], place));
    }
    arguments.default_request = make_request(default_req, place);
    const Symbol& s = required(symbol, place, "symbol").symbol;
    *out_executor = new mxn_executor{mixnet::simple_bind(s, make_device(device_kind, device_index, place), arguments,
                                                         shared ? shared->executor : nullptr)};
  });
}

int32_t mxn_executor_reshape(const mxn_executor_t* executor, int32_t partial_shaping, int32_t up_sizing,
                             const char* const* names, const int32_t* ndims, const int64_t* dims, int32_t count,
                             mxn_executor_t** out_executor) {
  return guard([&] {
    clear(out_executor, "reshape", "out_executor");
    const auto& old = required(executor, "reshape", "executor").executor;
    *out_executor = new mxn_executor{
        mixnet::reshape(old, partial_shaping != 0, up_sizing != 0, read_shapes(names, ndims, dims, count, "reshape"))};
  });
}

void mxn_executor_free(mxn_executor_t* executor) {
  guard([&] { delete executor; });
}

int32_t mxn_executor_forward(mxn_executor_t* executor, int32_t training) {
  return guard([&] { executor_of(executor, "forward").forward(training != 0); });
}

int32_t mxn_executor_backward(mxn_executor_t* executor, mxn_ndarray_t* const* grads, int64_t count) {
  return guard([&] {
    Executor& e = executor_of(executor, "backward");
    e.backward(read_arrays(grads, count, "backward", "grads", true));
  });
}

int32_t mxn_executor_arrays(const mxn_executor_t* executor, int32_t what, mxn_ndarray_t*** out_arrays,
                            int64_t* out_count) {
  return guard([&] {
    clear(out_arrays, "executor_arrays", "out_arrays");
    clear(out_count, "executor_arrays", "out_count");
    Executor& e = executor_of(executor, "executor_arrays");
    MIXNET_CHECK(what >= 0 && what <= 3, invalid, "[executor_arrays] what: expected 0 to 3, got ", what);
    const BindArguments& b = e.bound();
    const std::vector<NDArray>& arrays = what == 0   ? b.arguments
                                         : what == 1 ? b.gradients
                                         : what == 2 ? b.states
                                                     : e.outputs();
    *out_arrays = make_array_list(arrays);
    *out_count = static_cast<int64_t>(arrays.size());
  });
}

int32_t mxn_executor_set_monitor(mxn_executor_t* executor, mxn_monitor_fn fn, void* user, mxn_destroy_fn destroy,
                                 int32_t inputs) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    Executor& e = executor_of(executor, "set_monitor");
    if (!fn) return e.set_monitor({}, false);
    e.set_monitor(
        [fn, data](const std::string& name, const NDArray& value) {
          mxn_ndarray handle{value};
          data->run("monitor", [&](void* user_data) { return fn(user_data, name.c_str(), &handle); });
        },
        inputs != 0);
  });
}

int32_t mxn_executor_memory(const mxn_executor_t* executor, int32_t training, mxn_memory_info_t* out) {
  return guard([&] {
    known_size(out, "executor_memory", "out_info");
    give_memory(executor_of(executor, "executor_memory").memory(training != 0), out, "executor_memory");
  });
}

int32_t mxn_executor_device_memory(const mxn_executor_t* executor, int32_t device_kind, int32_t device_index,
                                   int32_t training, mxn_memory_info_t* out) {
  return guard([&] {
    const char* place = "executor_device_memory";
    known_size(out, place, "out_info");
    const DeviceId device = make_device(device_kind, device_index, place);
    give_memory(on_device(executor_of(executor, place).device_memory(training != 0), device), out, place);
  });
}

int32_t mxn_executor_describe(const mxn_executor_t* executor, char** out_text) {
  return guard([&] {
    clear(out_text, "executor_describe", "out_text");
    *out_text = copy_text(executor_of(executor, "executor_describe").describe());
  });
}
