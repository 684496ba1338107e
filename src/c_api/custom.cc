// Custom operators: what the library asks of a program's operator becomes one callback, which reads a call and answers it.
//
// Arrays of a call stand on the memory of the tensors, with variables of their own, so that the program may wait on them and hand them to
// other operators; the call is over when all that was pushed on them is. An array that is kept gets a copy of its values then.
#include <algorithm>
#include <atomic>

#include "autograd/thread_state.h"
#include "c_api/handles.h"
#include "op/core/custom.h"

namespace mixnet::c_api {

// Lists of numbers: extents, or codes. A list may be unknown.
struct ShapeList {
  std::vector<std::vector<int64_t>> items;
  std::vector<int32_t> ndims;

  void add(std::vector<int64_t> list) {
    ndims.push_back(static_cast<int32_t>(list.size()));
    items.push_back(std::move(list));
  }
  void add(const Shape& shape) {
    ndims.push_back(shape.ndim());
    items.emplace_back(shape.begin(), shape.end());
  }
  std::vector<Shape> shapes(const char* place) const {
    std::vector<Shape> all;
    for (size_t i = 0; i < items.size(); ++i)
      all.push_back(ndims[i] < 0 ? Shape::unknown() : make_shape(items[i].data(), ndims[i], place));
    return all;
  }
};

}  // namespace mixnet::c_api

struct mxn_custom_call {
  int32_t what = 0;
  bool training = false;
  mixnet::DeviceId device;
  int64_t prop = 0, op = 0;
  const mixnet::TextMap* params = nullptr;
  mixnet::c_api::ShapeList shapes;
  std::vector<mixnet::NDArray> arrays[5];
  // Answers.
  std::vector<std::string> names[3] = {{"data"}, {"output"}, {}};
  bool answered = false;
  mixnet::c_api::ShapeList answer;
};

namespace mixnet::c_api {
namespace {

std::atomic<int64_t> last_number{0};
constexpr int32_t longest = 1 << 20;  // list of an answer

// Neither recorded nor traced, whatever the thread does otherwise.
class OutsideOfTape {
 public:
  explicit OutsideOfTape(bool training) : before_(autograd::thread_state()) {
    autograd::thread_state() = {};
    autograd::thread_state().training = training;
  }
  ~OutsideOfTape() { autograd::thread_state() = before_; }
  OutsideOfTape(const OutsideOfTape&) = delete;

 private:
  const autograd::ThreadState before_;
};

struct Host {
  std::string type;
  mxn_custom_fn fn;
  std::shared_ptr<UserData> user;

  void ask(mxn_custom_call& call) const {
    user->run(type.c_str(), [&](void* data) {
      const OutsideOfTape outside(call.training);
      return fn(data, &call);
    });
  }
  void release(int64_t prop, int64_t op) const {
    UserData::post(user, [fn = fn, prop, op](void* data) {
      mxn_custom_call call;
      call.what = MXN_CUSTOM_RELEASE;
      call.prop = prop;
      call.op = op;
      const OutsideOfTape outside(false);
      fn(data, &call);
    });
  }
};

// An array of a call, on memory that goes when the call is over.
struct Borrowed {
  NDArray array;
  bool borrowed;

  explicit Borrowed(const TensorView& v) : array(v.shape, v.dtype, v.device), borrowed(v.data != nullptr) {
    if (!borrowed) return;
    auto chunk = std::make_shared<Chunk>(v.device, v.data, static_cast<size_t>(v.bytes()), [] {}, false);
    array = NDArray(std::move(chunk), v.shape, v.dtype);
  }
  // Waits for what the program left to do. Others than this one and the call's, which is gone, hold the chunk: it gets its own memory.
  void settle() const {
    array.wait_to_write();
    if (!borrowed || array.chunk().use_count() == 1) return;
    Variable* const variable = array.variable();
    Chunk* const chunk = array.chunk().get();
    engine().push(make_task([chunk] { chunk->let_go(); }, "keeping an array of a custom operator"), {&variable, 1},
                  {&variable, 1});
    array.wait_to_read();
  }
};

class HostOperator : public CustomOperator {
 public:
  HostOperator(std::shared_ptr<const Host> host, int64_t prop, int64_t op)
      : host_(std::move(host)), prop_(prop), op_(op) {}
  ~HostOperator() override { host_->release(0, op_); }

  void run(const CustomRun& run) override {
    std::vector<Borrowed> all;
    std::exception_ptr error;
    {
      mxn_custom_call call;
      call.what = run.backward ? MXN_CUSTOM_BACKWARD : MXN_CUSTOM_FORWARD;
      call.training = run.training;
      call.prop = prop_;
      call.op = op_;
      const std::vector<TensorView>* views[] = {&run.inputs, &run.outputs, &run.states, &run.output_grads,
                                                &run.input_grads};
      for (int i = 0; i < 5; ++i) {
        for (const TensorView& v : *views[i]) {
          all.emplace_back(v);
          call.arrays[i].push_back(all.back().array);
          call.device = v.device;
        }
      }
      std::vector<int64_t> requests;
      for (const TensorView& v : run.backward ? run.input_grads : run.outputs)
        requests.push_back(v.data || v.size() == 0 ? MXN_GRAD_WRITE : MXN_GRAD_NULL);
      call.shapes.add(requests);
      error = attempt([&] { host_->ask(call); });
    }
    // Also after a failure: what was pushed still writes to memory that is about to go.
    for (const Borrowed& b : all) {
      const std::exception_ptr later = attempt([&] { b.settle(); });
      if (!error) error = later;
    }
    if (error) std::rethrow_exception(error);
  }

 private:
  template <class F>
  static std::exception_ptr attempt(F body) {
    try {
      body();
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  const std::shared_ptr<const Host> host_;
  const int64_t prop_, op_;
};

class HostProp : public CustomProp {
 public:
  HostProp(std::shared_ptr<const Host> host, const TextMap& params)
      : host_(std::move(host)), number_(++last_number), params_(params) {
    mxn_custom_call call = question(MXN_CUSTOM_DECLARE);
    try {
      host_->ask(call);
      take(call);
    } catch (...) {
      host_->release(number_, 0);
      throw;
    }
  }
  ~HostProp() override { host_->release(number_, 0); }

  void infer_shapes(CustomValues<Shape>& shapes) override {
    std::vector<Shape> answer = remembered(shapes.inputs);
    if (answer.empty()) {
      mxn_custom_call call = question(MXN_CUSTOM_SHAPES);
      for (const Shape& s : shapes.inputs) call.shapes.add(s);
      host_->ask(call);
      expect(call, count(), "shapes");
      answer = call.answer.shapes(host_->type.c_str());
      std::lock_guard<std::mutex> lock(mutex_);
      asked_ = shapes.inputs;
      told_ = answer;
    }
    split(answer, shapes);
  }

  void infer_types(CustomValues<DType>& types) override {
    mxn_custom_call call = question(MXN_CUSTOM_TYPES);
    std::vector<int64_t> codes;
    for (DType t : types.inputs) codes.push_back(t == DType::unknown ? -1 : static_cast<int64_t>(t));
    call.shapes.add(codes);
    host_->ask(call);
    expect(call, 1, "lists of dtypes");
    const std::vector<int64_t>& answer = call.answer.items[0];
    MIXNET_CHECK(static_cast<int>(answer.size()) == count(), type, host_->type, ": expected ", count(), " dtypes, got ",
                 answer.size());
    std::vector<DType> dtypes;
    for (int64_t code : answer)
      dtypes.push_back(code < 0 ? DType::unknown : make_dtype(static_cast<int32_t>(code), host_->type.c_str()));
    split(dtypes, types);
  }

  std::shared_ptr<CustomOperator> create(const std::vector<TensorView>& inputs_of,
                                         const std::vector<TensorView>& states_of) override {
    mxn_custom_call call = question(MXN_CUSTOM_CREATE);
    call.op = ++last_number;
    std::vector<int64_t> codes;
    for (const auto* views : {&inputs_of, &states_of}) {
      for (const TensorView& v : *views) {
        call.shapes.add(v.shape);
        call.device = v.device;
        codes.push_back(static_cast<int64_t>(v.dtype));
      }
    }
    call.shapes.add(codes);
    auto op = std::make_shared<HostOperator>(host_, number_, call.op);
    host_->ask(call);
    return op;
  }

 private:
  mxn_custom_call question(int32_t what) const {
    mxn_custom_call call;
    call.what = what;
    call.prop = number_;
    call.params = &params_;
    return call;
  }

  int count() const { return num_inputs() + num_outputs() + num_states(); }

  void expect(const mxn_custom_call& call, int expected, const char* what) const {
    MIXNET_CHECK(call.answered && static_cast<int>(call.answer.items.size()) == expected, user, host_->type,
                 ": expected ", expected, " ", what, " as the answer, got ",
                 call.answered ? call.answer.items.size() : 0);
  }

  void take(mxn_custom_call& call) {
    inputs = std::move(call.names[MXN_CUSTOM_INPUTS]);
    outputs = std::move(call.names[MXN_CUSTOM_OUTPUTS]);
    states = std::move(call.names[MXN_CUSTOM_STATES]);
    MIXNET_CHECK(!outputs.empty(), user, host_->type, ": expected at least one output");
    std::vector<std::string> names = inputs;
    names.insert(names.end(), states.begin(), states.end());
    std::sort(names.begin(), names.end());
    MIXNET_CHECK(std::adjacent_find(names.begin(), names.end()) == names.end(), user, host_->type, ": the name '",
                 *std::adjacent_find(names.begin(), names.end()), "' is given to two inputs");
    const int all = num_inputs() + 2 * num_outputs();
    for (int i = 0; !call.answered && i < all; ++i) backward_reads.push_back(i);
    if (!call.answered) return;
    expect(call, 1, "lists of what backward reads");
    for (int64_t number : call.answer.items[0]) {
      MIXNET_CHECK(number >= 0 && number < all, user, host_->type,
                   ".declare_backward_dependency: expected numbers below ", all, ", got ", number);
      backward_reads.push_back(static_cast<int>(number));
    }
  }

  std::vector<Shape> remembered(const std::vector<Shape>& in) const {
    std::lock_guard<std::mutex> lock(mutex_);
    return asked_ == in ? told_ : std::vector<Shape>();
  }

  template <class T>
  void split(const std::vector<T>& all, CustomValues<T>& values) const {
    const auto outputs_at = all.begin() + num_inputs(), states_at = outputs_at + num_outputs();
    values.inputs.assign(all.begin(), outputs_at);
    values.outputs.assign(outputs_at, states_at);
    values.states.assign(states_at, all.end());
  }

  const std::shared_ptr<const Host> host_;
  const int64_t number_;
  const TextMap params_;
  mutable std::mutex mutex_;
  std::vector<Shape> asked_, told_;
};

}  // namespace
}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_custom_register(const char* name, mxn_custom_fn fn, void* user, mxn_destroy_fn destroy) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    const std::string type = &required(name, "custom_register", "name");
    required(fn, "custom_register", "fn");
    const auto host = std::make_shared<const Host>(Host{type, fn, std::move(data)});
    register_custom(type, [host](const TextMap& params) { return std::make_shared<HostProp>(host, params); });
  });
}

int32_t mxn_custom_call_info(const mxn_custom_call_t* call, mxn_custom_info_t* out) {
  return guard([&] {
    const mxn_custom_call_t& c = required(call, "custom_call_info", "call");
    const int32_t kind = static_cast<int32_t>(c.device.kind);
    give_struct({0, c.what, c.training, kind, c.device.index, c.prop, c.op}, out, "custom_call_info", "out_info");
  });
}

int32_t mxn_custom_call_params(const mxn_custom_call_t* call, mxn_strings_t** out_params) {
  return guard([&] {
    clear(out_params, "custom_call_params", "out_params");
    auto strings = std::make_unique<mxn_strings>();
    if (const TextMap* params = required(call, "custom_call_params", "call").params) {
      for (const auto& [key, value] : *params) {
        strings->items.push_back(key);
        strings->items.push_back(value);
      }
    }
    *out_params = strings.release();
  });
}

int32_t mxn_custom_call_shapes(const mxn_custom_call_t* call, mxn_shapes_t** out_shapes) {
  return guard([&] {
    clear(out_shapes, "custom_call_shapes", "out_shapes");
    const ShapeList& shapes = required(call, "custom_call_shapes", "call").shapes;
    auto result = std::make_unique<mxn_shapes>();
    result->items = shapes.items;
    result->ndims = shapes.ndims;
    *out_shapes = result.release();
  });
}

int32_t mxn_custom_call_arrays(const mxn_custom_call_t* call, int32_t what, mxn_ndarray_t*** out_arrays,
                               int64_t* out_count) {
  return guard([&] {
    clear(out_arrays, "custom_call_arrays", "out_arrays");
    clear(out_count, "custom_call_arrays", "out_count");
    required(call, "custom_call_arrays", "call");
    MIXNET_CHECK(what >= 0 && what <= MXN_CUSTOM_INPUT_GRADS, invalid,
                 "[custom_call_arrays] what: expected 0 to 4, got ", what);
    const std::vector<NDArray>& arrays = call->arrays[what];
    *out_arrays = make_array_list(arrays);
    *out_count = static_cast<int64_t>(arrays.size());
  });
}

int32_t mxn_custom_call_set_names(mxn_custom_call_t* call, int32_t what, const char* const* names, int32_t count) {
  return guard([&] {
    const char* place = "custom_call_set_names";
    required(call, place, "call");
    MIXNET_CHECK(what >= 0 && what <= MXN_CUSTOM_STATES, invalid, "[", place, "] what: expected 0 to 2, got ", what);
    std::vector<std::string> texts;
    for (const char* name : list(names, count, place, "names")) texts.push_back(&required(name, place, "names"));
    call->names[what] = std::move(texts);
  });
}

int32_t mxn_custom_call_set_shapes(mxn_custom_call_t* call, const int32_t* ndims, const int64_t* dims, int32_t count) {
  return guard([&] {
    const char* place = "custom_call_set_shapes";
    required(call, place, "call");
    ShapeList answer;
    for (const int32_t ndim : list(ndims, count, place, "ndims")) {
      MIXNET_CHECK(ndim <= longest, shape, "[", place, "] ndims: expected at most ", longest, ", got ", ndim);
      const Span<const int64_t> numbers = list(dims, std::max(ndim, 0), place, "dims");
      answer.ndims.push_back(std::max(ndim, -1));
      answer.items.emplace_back(numbers.begin(), numbers.end());
      if (ndim > 0) dims += ndim;
    }
    call->answer = std::move(answer);
    call->answered = true;
  });
}
