// cuDNN's stand-in, continued: RNNs.
//
// As strict: descriptors are set before they are used and fit each other; sizes are those that were told; 16-bit cells are summed in float; weights are only added to;
// backward is of a reserve that forward has written in training, data before weights, once. Gates lie in the weight space in another
// order than anybody's, unless stand_in_rnn_plain asks for cuDNN's own. stand_in_rnn_* is for tests.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "cudnn_handle.h"
#include "plain_rnn.h"

namespace {

using namespace stand_in;

enum Status { ok = 0, bad = 2000, null_pointer = 2002, misaligned = 2003, unfinished = 2004, mismatch = 2008 };
enum Refusal { unsupported = 3000, failed = 5000 };
enum What { an_rnn = 71, sequences = 72, a_tensor = 73, a_dropout = 74 };
constexpr double after_forward = 7.25, after_data = 8.5;  // what a reserve is good for

std::atomic<int> refusal{0};
std::atomic<bool> plain{false};
std::atomic<int64_t> live{0}, last_math{-1};

struct Object {
  explicit Object(int w) : what(w) { ++live; }
  virtual ~Object() { --live; }
  const int what;
  bool set = false;
};
struct RnnObject : Object {
  RnnObject() : Object(an_rnn) {}
  RnnShape shape;  // without the sequences'
  WeightPlaces places;
};
struct Sequences : Object {
  Sequences() : Object(sequences) {}
  int dtype = 0, steps = 0, batch = 0, columns = 0;
};
struct TensorObject : Object {
  TensorObject() : Object(a_tensor) {}
  int dtype = 0;
  std::vector<int> extents, strides;
};
struct Dropout : Object {
  Dropout() : Object(a_dropout) {}
};

template <class T>
int make(void** to) {
  if (!to) return null_pointer;
  *to = static_cast<Object*>(new T);
  return ok;
}
// Null unless it is one of these, and set.
template <class T>
T* of(void* it, bool set = true) {
  T* const t = dynamic_cast<T*>(static_cast<Object*>(it));
  return t && (t->set || !set) ? t : nullptr;
}
int destroy(void* it, int what) {
  Object* const o = static_cast<Object*>(it);
  if (!o) return null_pointer;
  if (o->what != what) return bad;
  delete o;
  return ok;
}
void set_tensor(TensorObject& t, int dtype, std::vector<int> extents) {
  t.dtype = dtype;
  t.extents = std::move(extents);
  t.strides.assign(t.extents.size(), 1);
  for (size_t i = t.extents.size() - 1; i > 0; --i) t.strides[i - 1] = t.strides[i] * t.extents[i];
  t.set = true;
}

// Bytes that a call needs for work, and what training keeps.
size_t workspace_of(const RnnShape& s, bool training) {
  return static_cast<size_t>((training ? 24 : 8) * s.rows() * s.hidden + (training ? 1000 : 300));
}
size_t reserve_of(const RnnShape& s) { return static_cast<size_t>(s.reserve()) * sizeof(double); }

bool odd(const void* address, size_t to) { return reinterpret_cast<uintptr_t>(address) % to != 0; }

// Operands that all three functions have.
struct Call {
  void *handle, *rnn, *x, *y, *h, *c;
  const void *x_at, *y_at, *h_at, *c_at, *weights;
  size_t weight_bytes, workspace_bytes, reserve_bytes;
  void *workspace, *reserve;
};

int check(const Call& call, bool training, RnnWork* work, const mixnet::EmulatedNative** stream) {
  const auto* const handle = static_cast<const Handle*>(call.handle);
  const auto* const r = of<RnnObject>(call.rnn);
  const auto *const x = of<Sequences>(call.x), *const y = of<Sequences>(call.y);
  const auto* const h = of<TensorObject>(call.h);
  if (!handle || !call.x_at || !call.y_at || !call.weights || !call.workspace) return null_pointer;
  if (!r || !x || !y || !h || !handle->stream) return unfinished;
  const bool lstm = r->shape.cell == cell_lstm;
  if (lstm && of<TensorObject>(call.c) != h && !of<TensorObject>(call.c)) return unfinished;
  if (!lstm && call.c_at) return bad;
  RnnShape s = r->shape;
  s.steps = x->steps;
  s.batch = x->batch;
  if (x->columns != s.input || y->columns != s.width() || y->steps != x->steps || y->batch != x->batch) return mismatch;
  if (x->dtype != s.dtype || y->dtype != s.dtype || h->dtype != s.dtype) return mismatch;
  if (h->extents != std::vector<int>{static_cast<int>(s.lanes()), x->batch, static_cast<int>(s.hidden)})
    return mismatch;
  if (call.weight_bytes != r->places.bytes || call.workspace_bytes < workspace_of(s, training)) return mismatch;
  if (training ? call.reserve_bytes < reserve_of(s) : call.reserve_bytes != 0) return mismatch;
  if ((call.reserve != nullptr) != training) return null_pointer;
  if (odd(call.weights, 16) || odd(call.workspace, 256) || odd(call.reserve, 16)) return misaligned;
  for (const void* at : {call.x_at, call.y_at, call.h_at, call.c_at}) {
    if (odd(at, element(s.dtype))) return misaligned;
  }
  const auto raw = [](const void* at) { return static_cast<char*>(const_cast<void*>(at)); };
  work->s = s;
  work->places = r->places;
  work->x = raw(call.x_at);
  work->y = raw(call.y_at);
  work->h = raw(call.h_at);
  work->c = raw(call.c_at);
  work->weights = raw(call.weights);
  work->reserve = static_cast<double*>(call.reserve);
  *stream = handle->stream;
  return ok;
}

// Work on the stream that spoils the workspace first.
template <class F>
int push(const mixnet::EmulatedNative* stream, const Call& call, F f) {
  const bool pushed = mixnet::push_to_emulated(const_cast<mixnet::EmulatedNative*>(stream),
                                               [f, workspace = call.workspace, bytes = call.workspace_bytes] {
                                                 std::memset(workspace, 0xff, bytes);
                                                 f();
                                               });
  return pushed ? static_cast<int>(ok) : static_cast<int>(failed);
}

void spoil(char* at, int64_t elements, int dtype) {
  if (at) std::memset(at, 0xff, static_cast<size_t>(elements) * element(dtype));
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int cudnnCreateRNNDescriptor(void** rnn) { return make<RnnObject>(rnn); }
EXPORT int cudnnDestroyRNNDescriptor(void* rnn) { return destroy(rnn, an_rnn); }
EXPORT int cudnnCreateRNNDataDescriptor(void** data) { return make<Sequences>(data); }
EXPORT int cudnnDestroyRNNDataDescriptor(void* data) { return destroy(data, sequences); }
EXPORT int cudnnCreateTensorDescriptor(void** tensor) { return make<TensorObject>(tensor); }
EXPORT int cudnnDestroyTensorDescriptor(void* tensor) { return destroy(tensor, a_tensor); }
EXPORT int cudnnCreateDropoutDescriptor(void** dropout) { return make<Dropout>(dropout); }
EXPORT int cudnnDestroyDropoutDescriptor(void* dropout) { return destroy(dropout, a_dropout); }

EXPORT int cudnnSetDropoutDescriptor(void* dropout, void* handle, float share, void* states, size_t bytes,
                                     unsigned long long) {
  auto* const d = of<Dropout>(dropout, false);
  if (!d || !handle) return null_pointer;
  if (share != 0 || states || bytes != 0) return unsupported;
  d->set = true;
  return ok;
}

EXPORT int cudnnSetRNNDescriptor_v8(void* rnn, int algorithm, int cell, int biases, int directions, int input_mode,
                                    int dtype, int math_dtype, int math, int32_t input, int32_t hidden,
                                    int32_t projected, int32_t layers, void* dropout, uint32_t flags) {
  auto* const r = of<RnnObject>(rnn, false);
  if (!r) return null_pointer;
  if (!of<Dropout>(dropout)) return unfinished;
  if (refusal == 1 || (refusal == 4 && dtype == 2)) return unsupported;
  if (algorithm != 0 || cell < 0 || cell > 3 || biases != 2 || directions < 0 || directions > 1 || input_mode != 0)
    return bad;
  if (input < 1 || hidden < 1 || layers < 1 || projected != hidden || flags != 0) return bad;
  const bool half = dtype == 2 || dtype == 9;
  if (!half && dtype != 0 && dtype != 1) return bad;
  if (math_dtype != (dtype == 1 ? 1 : 0)) return bad;
  // Tensor cores, any math, or float as it is.
  if (half ? math != 1 : dtype == 0 ? math != 0 && math != 3 : math != 0) return bad;
  r->shape = {cell, dtype, layers, directions + 1, 0, 0, input, hidden};
  r->places = r->shape.places(!plain);
  r->set = true;
  last_math = math;
  return ok;
}

EXPORT int cudnnSetRNNDataDescriptor(void* data, int dtype, int layout, int steps, int batch, int columns,
                                     const int* lengths, void*) {
  auto* const s = of<Sequences>(data, false);
  if (!s || !lengths) return null_pointer;
  if (layout != 1 || steps < 1 || batch < 1 || columns < 1) return bad;
  for (int b = 0; b < batch; ++b) {
    if (lengths[b] != steps) return unsupported;
  }
  s->dtype = dtype;
  s->steps = steps;
  s->batch = batch;
  s->columns = columns;
  s->set = true;
  return ok;
}

EXPORT int cudnnSetTensorNdDescriptor(void* tensor, int dtype, int dims, const int* extents, const int* strides) {
  auto* const t = of<TensorObject>(tensor, false);
  if (!t || !extents || !strides) return null_pointer;
  if (dims < 3 || dims > 8) return bad;
  set_tensor(*t, dtype, {extents, extents + dims});
  return std::equal(strides, strides + dims, t->strides.begin()) ? static_cast<int>(ok) : static_cast<int>(unsupported);
}

EXPORT int cudnnGetTensorNdDescriptor(const void* tensor, int room, int* dtype, int* dims, int* extents, int* strides) {
  const auto* const t = of<TensorObject>(const_cast<void*>(tensor));
  if (!t) return unfinished;
  *dtype = t->dtype;
  *dims = static_cast<int>(t->extents.size());
  for (int i = 0; i < std::min(room, *dims); ++i) {
    extents[i] = t->extents[static_cast<size_t>(i)];
    strides[i] = t->strides[static_cast<size_t>(i)];
  }
  return ok;
}

EXPORT int cudnnGetRNNTempSpaceSizes(void* handle, void* rnn, int mode, void* data, size_t* workspace,
                                     size_t* reserve) {
  const auto* const r = of<RnnObject>(rnn);
  const auto* const x = of<Sequences>(data);
  if (!handle || !workspace) return null_pointer;
  if (!r || !x) return unfinished;
  RnnShape s = r->shape;
  if (x->columns != s.input || x->dtype != s.dtype || mode < 0 || mode > 1) return mismatch;
  s.steps = x->steps;
  s.batch = x->batch;
  *workspace = workspace_of(s, mode == 1);
  if (reserve) *reserve = mode == 1 ? reserve_of(s) : 0;
  return ok;
}

EXPORT int cudnnGetRNNWeightSpaceSize(void* handle, void* rnn, size_t* bytes) {
  const auto* const r = of<RnnObject>(rnn);
  if (!handle || !bytes) return null_pointer;
  if (!r) return unfinished;
  *bytes = r->places.bytes;
  return ok;
}

EXPORT int cudnnGetRNNWeightParams(void* handle, void* rnn, int32_t lane, size_t bytes, const void* space,
                                   int32_t which, void* matrix, void** matrix_at, void* bias, void** bias_at) {
  const auto* const r = of<RnnObject>(rnn);
  auto *const m = of<TensorObject>(matrix, false), *const v = of<TensorObject>(bias, false);
  if (!handle || !space || !m || !v || !matrix_at || !bias_at) return null_pointer;
  if (!r) return unfinished;
  const RnnShape& s = r->shape;
  if (lane < 0 || lane >= s.lanes() || which < 0 || which >= 2 * s.gates() || bytes != r->places.bytes) return bad;
  const auto hidden = static_cast<int>(s.hidden), columns = static_cast<int>(s.columns_of(lane, which));
  set_tensor(*m, s.dtype, {1, hidden, refusal == 2 ? columns + 1 : columns});
  set_tensor(*v, s.dtype, {1, hidden, 1});
  const auto at = static_cast<size_t>(lane * 2 * s.gates() + which);
  char* const base = static_cast<char*>(const_cast<void*>(space));
  *matrix_at = base + r->places.matrix[at];
  *bias_at = base + r->places.bias[at];
  return ok;
}

EXPORT int cudnnRNNForward(void* handle, void* rnn, int mode, const int32_t*, void* x, const void* x_at, void* y,
                           void* y_at, void* h, const void* h_at, void* last_h, void* c, const void* c_at, void* last_c,
                           size_t weight_bytes, const void* weights, size_t workspace_bytes, void* workspace,
                           size_t reserve_bytes, void* reserve) {
  const Call call{
      handle,          rnn,           x,         y,      h, c, x_at, y_at, h_at, c_at, weights, weight_bytes,
      workspace_bytes, reserve_bytes, workspace, reserve};
  RnnWork work;
  const mixnet::EmulatedNative* stream = nullptr;
  const bool training = mode == 1;
  if (const int status = check(call, training, &work, &stream)) return status;
  if (last_c && work.s.cell != cell_lstm) return bad;
  if (refusal == 3) return failed;
  work.last_h = static_cast<char*>(last_h);
  work.last_c = static_cast<char*>(last_c);
  return push(stream, call, [work, training] {
    RnnWork w = work;
    std::vector<double> kept(training ? 0 : static_cast<size_t>(w.s.reserve()));
    if (!training) w.reserve = kept.data();
    w.forward();
    w.reserve[0] = after_forward;
  });
}

EXPORT int cudnnRNNBackwardData_v8(void* handle, void* rnn, const int32_t*, void* y, const void* y_at, const void* dy,
                                   void* x, void* dx, void* h, const void* h_at, const void* d_last_h, void* dh,
                                   void* c, const void* c_at, const void* d_last_c, void* dc, size_t weight_bytes,
                                   const void* weights, size_t workspace_bytes, void* workspace, size_t reserve_bytes,
                                   void* reserve) {
  const Call call{handle,          rnn,           x,         y,      h, c, dx, y_at, h_at, c_at, weights, weight_bytes,
                  workspace_bytes, reserve_bytes, workspace, reserve};
  RnnWork work;
  const mixnet::EmulatedNative* stream = nullptr;
  if (const int status = check(call, true, &work, &stream)) return status;
  if (!dy) return null_pointer;
  if ((d_last_c || dc) && work.s.cell != cell_lstm) return bad;
  const auto raw = [](const void* at) { return static_cast<char*>(const_cast<void*>(at)); };
  work.dx = raw(dx);
  work.dy = raw(dy);
  work.last_h = raw(d_last_h);
  work.last_c = raw(d_last_c);
  work.dh = raw(dh);
  work.dc = raw(dc);
  return push(stream, call, [work] {
    if (work.reserve[0] != after_forward) return spoil(work.dx, work.s.rows() * work.s.input, work.s.dtype);
    work.backward_data();
    work.reserve[0] = after_data;
  });
}

EXPORT int cudnnRNNBackwardWeights_v8(void* handle, void* rnn, int add, const int32_t*, void* x, const void* x_at,
                                      void* h, const void* h_at, void* y, const void* y_at, size_t weight_bytes,
                                      void* d_weights, size_t workspace_bytes, void* workspace, size_t reserve_bytes,
                                      void* reserve) {
  const Call call{
      handle,          rnn,           x,         y,      h, h, x_at, y_at, h_at, nullptr, d_weights, weight_bytes,
      workspace_bytes, reserve_bytes, workspace, reserve};
  RnnWork work;
  const mixnet::EmulatedNative* stream = nullptr;
  if (const int status = check(call, true, &work, &stream)) return status;
  if (add != 0) return unsupported;
  return push(stream, call, [work] {
    if (work.reserve[0] != after_data)
      return spoil(work.weights, static_cast<int64_t>(work.places.bytes / element(work.s.dtype)), work.s.dtype);
    work.backward_weights();
  });
}

// From now on: 0 nothing, 1 all RNNs, 2 gates have other extents, 3 runs, 4 float16.
EXPORT void stand_in_rnn_refuse(int what) { refusal = what; }
// Whether the weight space is as cuDNN has it, for RNNs that are described from now on.
EXPORT void stand_in_rnn_plain(bool as_cudnn) { plain = as_cudnn; }
EXPORT int64_t stand_in_rnn_live() { return live; }
EXPORT int64_t stand_in_rnn_last_math() { return last_math; }
