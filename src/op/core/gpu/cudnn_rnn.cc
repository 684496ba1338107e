#include "op/core/gpu/cudnn_rnn.h"

#include <algorithm>
#include <vector>

#include "base/environment.h"
#include "device/library.h"
#include "op/core/gpu/cudnn_handle.h"

namespace mixnet::gpu {
namespace cudnn {
namespace {

constexpr size_t most_plans = 4096;  // that a device keeps
constexpr size_t alignment = 16, workspace_alignment = 256;
constexpr int64_t most_elements = INT32_MAX;

// cuDNN's numbers.
constexpr int standard_algorithm = 0, two_biases = 2, linear_input = 0, packed_layout = 1, add_gradients = 0;
constexpr int for_inference = 0, for_training = 1;
constexpr int default_math = 0, tensor_math = 1, fma_math = 3;

struct RnnFunctions {
  int (*make_rnn)(void** rnn);
  int (*destroy_rnn)(void* rnn);
  int (*set_rnn)(void* rnn, int algorithm, int cell, int biases, int directions, int input_mode, int dtype,
                 int math_dtype, int math, int32_t input, int32_t hidden, int32_t projected, int32_t layers,
                 void* dropout, uint32_t flags);
  int (*make_data)(void** data);
  int (*destroy_data)(void* data);
  int (*set_data)(void* data, int dtype, int layout, int steps, int batch, int columns, const int* lengths,
                  void* padding);
  int (*make_tensor)(void** tensor);
  int (*destroy_tensor)(void* tensor);
  int (*set_tensor)(void* tensor, int dtype, int dims, const int* extents, const int* strides);
  int (*get_tensor)(const void* tensor, int room, int* dtype, int* dims, int* extents, int* strides);
  int (*make_dropout)(void** dropout);
  int (*destroy_dropout)(void* dropout);
  int (*set_dropout)(void* dropout, void* handle, float share, void* states, size_t bytes, unsigned long long seed);
  int (*spaces)(void* handle, void* rnn, int mode, void* x, size_t* workspace, size_t* reserve);
  int (*weight_bytes)(void* handle, void* rnn, size_t* bytes);
  int (*weight)(void* handle, void* rnn, int32_t lane, size_t bytes, const void* space, int32_t which, void* matrix,
                void** matrix_at, void* bias, void** bias_at);
  int (*forward)(void* handle, void* rnn, int mode, const int32_t* lengths, void* x_data, const void* x, void* y_data,
                 void* y, void* h_tensor, const void* h, void* last_h, void* c_tensor, const void* c, void* last_c,
                 size_t weight_bytes, const void* weights, size_t workspace_bytes, void* workspace,
                 size_t reserve_bytes, void* reserve);
  int (*backward_data)(void* handle, void* rnn, const int32_t* lengths, void* y_data, const void* y, const void* dy,
                       void* x_data, void* dx, void* h_tensor, const void* h, const void* d_last_h, void* dh,
                       void* c_tensor, const void* c, const void* d_last_c, void* dc, size_t weight_bytes,
                       const void* weights, size_t workspace_bytes, void* workspace, size_t reserve_bytes,
                       void* reserve);
  int (*backward_weights)(void* handle, void* rnn, int add, const int32_t* lengths, void* x_data, const void* x,
                          void* h_tensor, const void* h, void* y_data, const void* y, size_t weight_bytes,
                          void* d_weights, size_t workspace_bytes, void* workspace, size_t reserve_bytes,
                          void* reserve);
};

RnnFunctions load() {
  const auto library = open_gpu_library({"cuDNN", "CUDNN", "libcudnn.so.9", "cudnn"});
  MIXNET_CHECK(library, unsupported, "[gpu] cuDNN: expected the library for an RNN, got none");
  RnnFunctions f{};
  auto find = [&](auto& function, const char* name) { library->find(function, name, "9.0"); };
  find(f.make_rnn, "cudnnCreateRNNDescriptor");
  find(f.destroy_rnn, "cudnnDestroyRNNDescriptor");
  find(f.set_rnn, "cudnnSetRNNDescriptor_v8");
  find(f.make_data, "cudnnCreateRNNDataDescriptor");
  find(f.destroy_data, "cudnnDestroyRNNDataDescriptor");
  find(f.set_data, "cudnnSetRNNDataDescriptor");
  find(f.make_tensor, "cudnnCreateTensorDescriptor");
  find(f.destroy_tensor, "cudnnDestroyTensorDescriptor");
  find(f.set_tensor, "cudnnSetTensorNdDescriptor");
  find(f.get_tensor, "cudnnGetTensorNdDescriptor");
  find(f.make_dropout, "cudnnCreateDropoutDescriptor");
  find(f.destroy_dropout, "cudnnDestroyDropoutDescriptor");
  find(f.set_dropout, "cudnnSetDropoutDescriptor");
  find(f.spaces, "cudnnGetRNNTempSpaceSizes");
  find(f.weight_bytes, "cudnnGetRNNWeightSpaceSize");
  find(f.weight, "cudnnGetRNNWeightParams");
  find(f.forward, "cudnnRNNForward");
  find(f.backward_data, "cudnnRNNBackwardData_v8");
  find(f.backward_weights, "cudnnRNNBackwardWeights_v8");
  return f;
}

using Problem = std::array<int64_t, 8>;

// What was found out about a problem. A reserve must be read by who has written it, so that the answer never changes; only the plan may be made again.
struct Answer {
  bool taken;
  std::shared_ptr<const RnnPlan> plan;
};

// A device's handle for RNNs, and its plans.
struct Session : Handle {
  Session(const Functions& f, int index)
      : Handle(f, index),
        rnn(load()),
        tensor_float32(environment_bool("GPU_TF32", false)),
        deterministic(environment_bool("ENFORCE_DETERMINISM", false)) {}

  const RnnFunctions rnn;
  const bool tensor_float32, deterministic;
  std::mutex answers_mutex;
  std::map<Problem, Answer> answers;
  size_t num_plans = 0;
};

// Null where cuDNN has no handle for us.
Session* rnn_session(const Functions& cudnn, int device) {
  static std::mutex mutex;
  static auto& sessions = *new std::map<std::pair<const Functions*, int>, std::unique_ptr<Session>>;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto [it, fresh] = sessions.try_emplace({&cudnn, device});
  if (fresh) {
    try {
      it->second = std::make_unique<Session>(cudnn, device);
    } catch (const Error&) {
      return nullptr;
    }
  }
  return it->second.get();
}

// A descriptor of RNNs' functions, which are older than the backend.
class Object {
 public:
  Object(const Functions& cudnn, int (*make)(void**), int (*destroy)(void*)) : destroy_(destroy) {
    check(cudnn, make(&it_), "an RNN's descriptor");
  }
  ~Object() { destroy_(it_); }
  Object(const Object&) = delete;
  void* raw() const { return it_; }

 private:
  int (*const destroy_)(void*);
  void* it_ = nullptr;
};

int number_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return data_float;
    case DType::f64: return data_double;
    case DType::f16: return data_half;
    case DType::bf16: return data_bfloat16;
    default: fail(Code::unsupported, "[gpu] cuDNN, an RNN: expected a float dtype, got ", dtype);
  }
}

bool aligned(const void* address) { return reinterpret_cast<uintptr_t>(address) % alignment == 0; }
size_t rounded(size_t bytes) { return (bytes + workspace_alignment - 1) / workspace_alignment * workspace_alignment; }
char* aligned_up(void* workspace) { return reinterpret_cast<char*>(rounded(reinterpret_cast<uintptr_t>(workspace))); }

class Plan final : public RnnPlan {
 public:
  // The session's handle is the caller's.
  Plan(Session& session, const Rnn& r, RnnPlace place)
      : s_(session),
        dropout_(s_.cudnn, f_.make_dropout, f_.destroy_dropout),
        rnn_(s_.cudnn, f_.make_rnn, f_.destroy_rnn),
        x_(s_.cudnn, f_.make_data, f_.destroy_data),
        y_(s_.cudnn, f_.make_data, f_.destroy_data),
        states_(s_.cudnn, f_.make_tensor, f_.destroy_tensor) {
    describe(r);
    size_t none = 0;
    expect(f_.spaces(s_.native(), rnn_.raw(), for_training, x_.raw(), &training_, &reserve_));
    expect(f_.spaces(s_.native(), rnn_.raw(), for_inference, x_.raw(), &inference_, &none));
    expect(f_.weight_bytes(s_.native(), rnn_.raw(), &weights_));
    find_pieces(r, place);
  }

  size_t reserve() const override { return reserve_; }
  // cuDNN's, then the weights as it has them, then its reserve.
  size_t forward_workspace() const override { return workspace_alignment + scratch() + rounded(weights_); }
  size_t backward_workspace() const override { return forward_workspace() + reserve_; }

  void forward(Stream& stream, const RnnForward& d, void* workspace) const override {
    char *const at = aligned_up(workspace), *const room = at + scratch();
    const void* const weights = weights_of(stream, d.parameters, room);
    const bool trains = d.reserve != nullptr;
    const std::lock_guard<std::mutex> lock(s_.mutex);
    s_.use(stream);
    expect(f_.forward(s_.native(), rnn_.raw(), trains ? for_training : for_inference, nullptr, x_.raw(), d.x, y_.raw(),
                      d.y, states_.raw(), d.h, d.last_h, states_.raw(), d.c, d.last_c, weights_, weights,
                      trains ? training_ : inference_, at, trains ? reserve_ : 0, d.reserve));
    ++cudnn_rnn_counts().forward;
  }

  void backward(Stream& stream, const RnnBackward& d, void* workspace) const override {
    char *const at = aligned_up(workspace), *const room = at + scratch(), *const kept = room + rounded(weights_);
    const void* const weights = weights_of(stream, d.parameters, room);
    stream.copy(kept, d.reserve, reserve_);  // backward writes it, and may run again
    const std::lock_guard<std::mutex> lock(s_.mutex);
    s_.use(stream);
    expect(f_.backward_data(s_.native(), rnn_.raw(), nullptr, y_.raw(), d.y, d.dy, x_.raw(), d.dx, states_.raw(), d.h,
                            d.d_last_h, d.dh, states_.raw(), d.c, d.d_last_c, d.dc, weights_, weights, training_, at,
                            reserve_, kept));
    if (d.d_parameters) add_weights(stream, d, at, room, kept);
    ++cudnn_rnn_counts().backward;
  }

 private:
  // Bytes that lie together both in the packed vector and in the weight space.
  struct Piece {
    size_t from, to, bytes;
  };

  void expect(int status) const { check(s_.cudnn, status, "an RNN"); }
  size_t scratch() const { return rounded(std::max(training_, inference_)); }

  void describe(const Rnn& r) {
    const int dtype = number_of(r.dtype), sums = r.dtype == DType::f64 ? data_double : data_float;
    const int math = dtype_size(r.dtype) == 2                      ? tensor_math
                     : r.dtype == DType::f32 && !s_.tensor_float32 ? fma_math
                                                                   : default_math;
    const auto input = static_cast<int>(r.input), hidden = static_cast<int>(r.hidden),
               steps = static_cast<int>(r.steps), batch = static_cast<int>(r.batch),
               layers = static_cast<int>(r.layers), directions = static_cast<int>(r.directions);
    expect(f_.set_dropout(dropout_.raw(), s_.native(), 0, nullptr, 0, 0));
    expect(f_.set_rnn(rnn_.raw(), standard_algorithm, static_cast<int>(r.cell), two_biases, directions - 1,
                      linear_input, dtype, sums, math, input, hidden, hidden, layers, dropout_.raw(), 0));
    const std::vector<int> lengths(static_cast<size_t>(batch), steps);
    expect(f_.set_data(x_.raw(), dtype, packed_layout, steps, batch, input, lengths.data(), nullptr));
    expect(f_.set_data(y_.raw(), dtype, packed_layout, steps, batch, directions * hidden, lengths.data(), nullptr));
    const int extents[] = {layers * directions, batch, hidden}, strides[] = {batch * hidden, hidden, 1};
    expect(f_.set_tensor(states_.raw(), dtype, 3, extents, strides));
  }

  void find_pieces(const Rnn& r, RnnPlace place) {
    char* const base = reinterpret_cast<char*>(uintptr_t{1} << 20);  // to count from; nothing is read there
    const auto item = static_cast<size_t>(dtype_size(r.dtype));
    const Object matrix(s_.cudnn, f_.make_tensor, f_.destroy_tensor), bias(s_.cudnn, f_.make_tensor, f_.destroy_tensor);
    std::vector<Piece> all;
    const auto add = [&](int64_t from, const void* to, const Object& tensor, int64_t columns) {
      check_extents(tensor, r.hidden, columns);
      const size_t bytes = static_cast<size_t>(r.hidden * columns) * item,
                   at = static_cast<size_t>(static_cast<const char*>(to) - base);
      MIXNET_CHECK(to >= base && at + bytes <= weights_, unsupported, "[gpu] cuDNN, an RNN: a gate at byte ", at,
                   " of ", weights_);
      all.push_back({static_cast<size_t>(from) * item, at, bytes});
    };
    for (int64_t lane = 0; lane < r.layers * r.directions; ++lane) {
      for (int64_t which = 0; which < 2 * r.gates(); ++which) {
        void *matrix_at = nullptr, *bias_at = nullptr;
        expect(f_.weight(s_.native(), rnn_.raw(), static_cast<int32_t>(lane), weights_, base,
                         static_cast<int32_t>(which), matrix.raw(), &matrix_at, bias.raw(), &bias_at));
        add(place(lane, which, false), matrix_at, matrix,
            which < r.gates() ? r.columns(lane / r.directions) : r.hidden);
        add(place(lane, which, true), bias_at, bias, 1);
      }
    }
    std::sort(all.begin(), all.end(), [](const Piece& a, const Piece& b) { return a.from < b.from; });
    for (const Piece& p : all) {
      covered_ += p.bytes;
      if (!pieces_.empty()) {
        Piece& last = pieces_.back();
        if (last.from + last.bytes == p.from && last.to + last.bytes == p.to) {
          last.bytes += p.bytes;
          continue;
        }
      }
      pieces_.push_back(p);
    }
  }

  // Row-major, as we have it.
  void check_extents(const Object& tensor, int64_t rows, int64_t columns) const {
    int dtype = 0, dims = 0, extents[3] = {}, strides[3] = {};
    expect(f_.get_tensor(tensor.raw(), 3, &dtype, &dims, extents, strides));
    MIXNET_CHECK(dims == 3 && extents[0] == 1 && extents[1] == rows && extents[2] == columns &&
                     (rows == 1 || strides[1] == columns),
                 unsupported, "[gpu] cuDNN, an RNN: expected gates of ", rows, " x ", columns, ", got ", extents[1],
                 " x ", extents[2]);
  }

  bool fits(const void* parameters) const {
    return pieces_.size() == 1 && pieces_[0].from == pieces_[0].to && covered_ == weights_ && aligned(parameters);
  }

  const void* weights_of(Stream& stream, const void* parameters, char* room) const {
    if (fits(parameters)) return parameters;
    if (covered_ < weights_) stream.fill_zero(room, weights_);
    for (const Piece& p : pieces_) stream.copy(room + p.to, static_cast<const char*>(parameters) + p.from, p.bytes);
    ++cudnn_rnn_counts().copied;
    return room;
  }

  // cuDNN adds to what is there. The room's weights have been read by then.
  void add_weights(Stream& stream, const RnnBackward& d, void* workspace, char* room, void* kept) const {
    const bool direct = fits(d.d_parameters);
    void* const to = direct ? d.d_parameters : room;
    stream.fill_zero(to, weights_);
    expect(f_.backward_weights(s_.native(), rnn_.raw(), add_gradients, nullptr, x_.raw(), d.x, states_.raw(), d.h,
                               y_.raw(), d.y, weights_, to, training_, workspace, reserve_, kept));
    for (size_t i = 0; !direct && i < pieces_.size(); ++i) {
      const Piece& p = pieces_[i];
      stream.copy(static_cast<char*>(d.d_parameters) + p.from, room + p.to, p.bytes);
    }
  }

  Session& s_;
  const RnnFunctions& f_ = s_.rnn;
  const Object dropout_, rnn_, x_, y_, states_;
  size_t training_ = 0, inference_ = 0, reserve_ = 0, weights_ = 0, covered_ = 0;
  std::vector<Piece> pieces_;
};

// cuDNN counts in int.
bool countable(const Rnn& r) {
  for (int64_t n : {r.steps, r.batch, r.input, r.hidden, r.layers}) {
    if (n < 1 || n > most_elements) return false;
  }
  const auto fits = [](std::initializer_list<int64_t> factors) {
    int64_t left = most_elements;
    for (int64_t n : factors) left /= n;
    return left > 0;
  };
  return fits({r.steps, r.batch, std::max(r.input, r.directions * r.gates() * r.hidden)}) &&
         fits({r.layers, r.directions, r.batch, r.hidden});
}

}  // namespace
}  // namespace cudnn

std::shared_ptr<const RnnPlan> cudnn_rnn(int device, const Rnn& r, RnnPlace place) {
  using namespace cudnn;
  const Functions* const f = functions();
  if (!f || !countable(r)) return nullptr;
  Session* const s = rnn_session(*f, device);
  if (!s || s->deterministic) return nullptr;
  const Problem problem{static_cast<int64_t>(r.cell), r.layers, r.directions, r.steps, r.batch, r.input, r.hidden,
                        static_cast<int64_t>(r.dtype)};
  const std::lock_guard<std::mutex> answers_lock(s->answers_mutex);
  const auto [it, fresh] = s->answers.try_emplace(problem);
  Answer& answer = it->second;
  if (!fresh && (answer.plan || !answer.taken)) return answer.plan;
  if (s->num_plans >= most_plans) {
    for (auto& [key, old] : s->answers) old.plan = nullptr;
    s->num_plans = 0;
  }
  try {
    const std::lock_guard<std::mutex> lock(s->mutex);
    s->use(s->stream);
    answer.plan = std::make_shared<Plan>(*s, r, place);
  } catch (const Error&) {
    if (answer.taken) throw;
    ++cudnn_rnn_counts().refused;
    return nullptr;
  }
  answer.taken = true;
  ++s->num_plans;
  ++cudnn_rnn_counts().made;
  return answer.plan;
}

CudnnRnnCounts& cudnn_rnn_counts() {
  static CudnnRnnCounts counts;
  return counts;
}

}  // namespace mixnet::gpu
