// Recording, gradients, tracing and replay.
#include "autograd/backward.h"
#include "autograd/function.h"
#include "autograd/thread_state.h"
#include "autograd/trace.h"
#include "c_api/handles.h"

using namespace mixnet;
using namespace mixnet::c_api;
using autograd::Taped;

namespace {

GradRequest make_request(int32_t code) {
  MIXNET_CHECK(code == MXN_GRAD_NULL || code == MXN_GRAD_WRITE || code == MXN_GRAD_ADD, invalid,
               "[mark_variables] grad_req: expected 0, 1 or 3, got ", code);
  return static_cast<GradRequest>(code);
}

// NULL among the gradients means ones.
std::vector<Taped> read_head_grads(mxn_ndarray_t* const* grads, int64_t count, const char* place) {
  std::vector<Taped> result;
  for (mxn_ndarray_t* g : list(grads, grads ? count : 0, place, "head_grads")) {
    if (g && g->place) read_arrays(&g, 1, place, "head_grads");  // refuses what has no value
    result.push_back(g ? *g : Taped());
  }
  return result;
}

mxn_ndarray_t** hand_out(std::vector<Taped> arrays) {
  mxn_ndarray_t** handles = make_array_list(std::vector<NDArray>(arrays.size()));
  for (size_t i = 0; i < arrays.size(); ++i) handles[i] = new mxn_ndarray(std::move(arrays[i]));
  return handles;
}

// The callback gets handles that it borrows and leaves handles that are taken over.
std::vector<Taped> call_back(mxn_backward_fn fn, void* user, const std::vector<Taped>& output_grads, size_t count) {
  std::vector<std::unique_ptr<mxn_ndarray>> owned;
  std::vector<mxn_ndarray_t*> in, out(count, nullptr);
  for (const Taped& t : output_grads) {
    owned.push_back(std::make_unique<mxn_ndarray>(t));
    in.push_back(owned.back().get());
  }
  const int32_t status = fn(user, in.data(), static_cast<int64_t>(in.size()), out.data(), static_cast<int64_t>(count));
  std::vector<Taped> results;
  for (mxn_ndarray_t* handle : out) {
    results.push_back(handle ? *handle : Taped());
    delete handle;
  }
  check_callback(status, "Function");
  return results;
}

thread_local std::unique_ptr<autograd::Trace> trace;

}  // namespace

int32_t mxn_autograd_set(int32_t recording, int32_t training, int32_t* out_before) {
  return guard([&] {
    clear(out_before, "autograd_set", "out_before");
    autograd::ThreadState& state = autograd::thread_state();
    *out_before = (state.recording ? MXN_AUTOGRAD_RECORDING : 0) | (state.training ? MXN_AUTOGRAD_TRAINING : 0) |
                  (state.trace ? MXN_AUTOGRAD_TRACING : 0);
    if (recording >= 0) state.recording = recording != 0;
    if (training >= 0) state.training = training != 0;
  });
}

int32_t mxn_autograd_mark(mxn_ndarray_t* const* arrays, mxn_ndarray_t* const* grads, const int32_t* grad_reqs,
                          int64_t count) {
  return guard([&] {
    const std::vector<Taped*> variables = read_taped(arrays, count, "mark_variables", "arrays");
    if (!grads) {
      for (Taped* t : variables) autograd::detach(*t);
      return;
    }
    MIXNET_CHECK(!autograd::thread_state().trace, unsupported, "[mark_variables] cannot be done while tracing");
    read_arrays(arrays, count, "mark_variables", "arrays");
    const std::vector<NDArray> gradients = read_arrays(grads, count, "mark_variables", "grads", true);
    std::vector<GradRequest> requests;
    for (size_t i = 0; i < variables.size(); ++i) {
      requests.push_back(grad_reqs ? make_request(grad_reqs[i]) : GradRequest::write);
      if (requests.back() != GradRequest::null) required(grads[i], "mark_variables", "grads");
    }
    for (size_t i = 0; i < variables.size(); ++i) autograd::mark(*variables[i], gradients[i], requests[i]);
  });
}

int32_t mxn_autograd_backward(mxn_ndarray_t* const* heads, mxn_ndarray_t* const* head_grads, int64_t count,
                              mxn_ndarray_t* const* variables, int64_t num_variables, int32_t retain_graph,
                              int32_t create_graph, int32_t training, mxn_ndarray_t*** out_arrays, int64_t* out_count) {
  return guard([&] {
    const char* place = variables ? "grad" : "backward";
    clear(out_arrays, place, "out_arrays");
    clear(out_count, place, "out_count");
    MIXNET_CHECK(!autograd::thread_state().trace, unsupported, "[", place, "] cannot be done while tracing");
    autograd::BackwardOptions options;
    options.retain_graph = retain_graph != 0;
    options.training = training != 0;
    const std::vector<Taped*> taped = read_taped(heads, count, place, "heads");
    const std::vector<Taped> grads = read_head_grads(head_grads, count, place);
    if (!variables) {
      list(variables, num_variables, place, "variables");
      return autograd::backward(taped, grads, options);
    }
    options.create_graph = create_graph != 0;
    std::vector<Taped> results =
        autograd::grad(taped, grads, read_taped(variables, num_variables, place, "variables"), options);
    *out_count = static_cast<int64_t>(results.size());
    *out_arrays = hand_out(std::move(results));
  });
}

int32_t mxn_autograd_gradient(const mxn_ndarray_t* array, int32_t* out_recorded, mxn_ndarray_t** out_array) {
  return guard([&] {
    clear(out_recorded, "gradient", "out_recorded");
    clear(out_array, "gradient", "out_array");
    const Taped& t = required(array, "gradient", "array");
    const autograd::TapeNode* node = t.node();
    if (node && node->marked && !node->gradient.none()) *out_array = new mxn_ndarray{node->gradient};
    *out_recorded = t.tracked();
  });
}

int32_t mxn_autograd_function(mxn_ndarray_t* const* inputs, int64_t num_inputs, mxn_ndarray_t* const* outputs,
                              int64_t num_outputs, mxn_backward_fn fn, void* user, mxn_destroy_fn destroy) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    required(fn, "Function", "fn");
    read_arrays(inputs, num_inputs, "Function", "inputs");
    read_arrays(outputs, num_outputs, "Function", "outputs");
    const std::vector<Taped*> in = read_taped(inputs, num_inputs, "Function", "inputs"),
                              out = read_taped(outputs, num_outputs, "Function", "outputs");
    const size_t count = in.size();
    autograd::record_function(in, out, [fn, data, count](const std::vector<Taped>& output_grads) {
      return call_back(fn, data->get(), output_grads, count);
    });
  });
}

int32_t mxn_trace_begin(mxn_ndarray_t* const* arrays, int64_t count, mxn_ndarray_t*** out_arrays, int64_t* out_count) {
  return guard([&] {
    clear(out_arrays, "trace_begin", "out_arrays");
    clear(out_count, "trace_begin", "out_count");
    const std::vector<Taped*> inputs = read_taped(arrays, count, "trace_begin", "arrays");
    trace = std::make_unique<autograd::Trace>(inputs);
    *out_arrays = hand_out(trace->inputs());
    *out_count = count;
  });
}

int32_t mxn_trace_end(mxn_ndarray_t* const* outputs, int64_t count, mxn_symbol_t** out_symbol,
                      mxn_ndarray_t*** out_arrays, int64_t* out_count) {
  return guard([&] {
    clear(out_symbol, "trace_end", "out_symbol");
    clear(out_arrays, "trace_end", "out_arrays");
    clear(out_count, "trace_end", "out_count");
    const std::unique_ptr<autograd::Trace> ended = std::move(trace);
    const std::vector<Taped*> heads = read_taped(outputs, count, "trace_end", "outputs");
    if (ended && heads.empty()) return;
    auto symbol = std::make_unique<mxn_symbol>();
    symbol->symbol = ended ? ended->end(heads) : autograd::recorded_symbol(heads);
    if (ended) {
      *out_count = static_cast<int64_t>(ended->captured().size());
      *out_arrays = hand_out(ended->captured());
    }
    *out_symbol = symbol.release();
  });
}

int32_t mxn_cached_op_create(const mxn_symbol_t* symbol, const char* const* parameters, int32_t num_parameters,
                             mxn_cached_op_t** out_op) {
  return guard([&] {
    clear(out_op, "cached_op_create", "out_op");
    std::vector<std::string> names;
    for (const char* name : list(parameters, num_parameters, "cached_op_create", "parameters"))
      names.push_back(&required(name, "cached_op_create", "parameters"));
    const Symbol& s = required(symbol, "cached_op_create", "symbol").symbol;
    *out_op = new mxn_cached_op{std::make_shared<autograd::CachedOp>(s, names)};
  });
}

void mxn_cached_op_free(mxn_cached_op_t* op) {
  guard([&] { delete op; });
}

int32_t mxn_cached_op_invoke(mxn_cached_op_t* op, mxn_ndarray_t* const* inputs, int64_t num_inputs,
                             mxn_ndarray_t** outputs, int32_t capacity, int32_t* num_outputs) {
  return guard([&] {
    const char* place = "cached_op_invoke";
    clear(num_outputs, place, "num_outputs");
    list(outputs, capacity, place, "outputs");
    // Its own: the handle may be freed meanwhile.
    const std::shared_ptr<autograd::CachedOp> cached = required(op, place, "op").op;
    const size_t count = cached->symbol().outputs().size();
    MIXNET_CHECK(static_cast<int64_t>(count) <= capacity, invalid, "[", place, "] capacity: expected room for ", count,
                 " outputs, got ", capacity);
    if (!autograd::thread_state().trace) read_arrays(inputs, num_inputs, place, "inputs");
    std::vector<Taped> results = cached->invoke(read_taped(inputs, num_inputs, place, "inputs"));
    for (size_t i = 0; i < count; ++i) outputs[i] = new mxn_ndarray(std::move(results[i]));
    *num_outputs = static_cast<int32_t>(count);
  });
}

int32_t mxn_cached_op_describe(mxn_cached_op_t* op, char** out_text, int64_t* out_plans) {
  return guard([&] {
    clear(out_text, "cached_op_describe", "out_text");
    clear(out_plans, "cached_op_describe", "out_plans");
    const std::shared_ptr<autograd::CachedOp> cached = required(op, "cached_op_describe", "op").op;
    *out_plans = cached->num_plans();
    *out_text = copy_text(cached->describe());
  });
}
