// A stand-in of cuBLASLt for emulated GPUs: the functions that op/core/gpu/cublaslt.cc calls, by plain loops, and as strict as the library's documentation.
// Each wrong attribute, layout, order of calls, algorithm of another product, stream of another device, is a status.
//
// What can be told from outside: operands of TF32 products are rounded; sums are split and their parts rounded to D's type where that is allowed;
// a bias with float64 is refused; depths of 64 and more use their workspace. stand_in_fail() makes the next call of a function give a status.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/half.h"
#include "device/emulated/emulated_native.h"
#include "op/core/gpu/cublaslt_api.h"

using namespace mixnet;
using namespace mixnet::gpu::lt;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

struct Layout {
  int type;
  int64_t rows, columns, ld;
  int32_t batch = 1;
  int64_t step = 0;
  bool operator==(const Layout& o) const {
    return type == o.type && rows == o.rows && columns == o.columns && ld == o.ld && batch == o.batch && step == o.step;
  }
};
struct Desc {
  int compute, scale;
  int32_t trans_a = op_n, trans_b = op_n;
  uint32_t epilogue = epilogue_default;
  const void* bias = nullptr;
};
struct Pref {
  uint64_t workspace = 0;
  uint32_t reduction = 7, alignment[4] = {256, 256, 256, 256};
};
struct Handle {
  int gpu = -1;
};

std::mutex mutex;               // guards the rest
std::set<const void*> objects;  // all that are alive
std::map<std::string, Status> failures;

template <class T>
Status make(void** made, const T& value) {
  if (!made) return invalid_value;
  *made = new T(value);
  const std::lock_guard<std::mutex> lock(mutex);
  objects.insert(*made);
  return success;
}
template <class T>
Status drop(void* object) {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (objects.erase(object) == 0) return invalid_value;
  }
  delete static_cast<T*>(object);
  return success;
}
bool alive(std::initializer_list<const void*> all) {
  const std::lock_guard<std::mutex> lock(mutex);
  return std::all_of(all.begin(), all.end(), [](const void* object) { return objects.count(object) == 1; });
}

// What the next call was told to give.
Status failure(const char* function) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto it = failures.find(function);
  if (it == failures.end()) return success;
  const Status status = it->second;
  failures.erase(it);
  return status;
}

template <class T>
Status assign(T* to, const void* value, size_t bytes) {
  if (!value || bytes != sizeof(T)) return invalid_value;
  std::memcpy(to, value, bytes);
  return success;
}

size_t size_of(int type) { return type == r_64f ? 8 : type == r_32f ? 4 : 2; }

double element(const void* data, int type, int64_t i) {
  switch (type) {
    case r_64f: return static_cast<const double*>(data)[i];
    case r_32f: return static_cast<const float*>(data)[i];
    case r_16f: return static_cast<float>(static_cast<const f16*>(data)[i]);
    default: return static_cast<float>(static_cast<const bf16*>(data)[i]);
  }
}
void put(void* data, int type, int64_t i, double value) {
  switch (type) {
    case r_64f: static_cast<double*>(data)[i] = value; break;
    case r_32f: static_cast<float*>(data)[i] = static_cast<float>(value); break;
    case r_16f: static_cast<f16*>(data)[i] = static_cast<f16>(static_cast<float>(value)); break;
    default: static_cast<bf16*>(data)[i] = static_cast<bf16>(static_cast<float>(value));
  }
}
double rounded(int type, double value) {
  uint64_t room = 0;
  put(&room, type, 0, value);
  return element(&room, type, 0);
}
// To the ten bits behind the point of TF32.
double to_tf32(double value) {
  const auto narrow = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &narrow, 4);
  bits = (bits + 0x1000u) & ~0x1fffu;
  float back;
  std::memcpy(&back, &bits, 4);
  return back;
}

struct Product {
  Desc desc;
  Layout a, b, d;

  int64_t depth() const { return desc.trans_a == op_t ? a.rows : a.columns; }
  bool fits() const {
    const int64_t rows = desc.trans_a == op_t ? a.columns : a.rows, columns = desc.trans_b == op_t ? b.rows : b.columns,
                  other = desc.trans_b == op_t ? b.columns : b.rows;
    bool apart = true;
    for (const Layout* l : {&a, &b, &d})
      apart = apart && l->rows > 0 && l->columns > 0 && l->ld >= l->rows && l->batch == d.batch && l->type == d.type;
    return apart && rows == d.rows && columns == d.columns && other == depth() &&
           (d.batch == 1 || d.step >= (d.columns - 1) * d.ld + d.rows);
  }
  bool typed() const {
    switch (d.type) {
      case r_64f: return desc.compute == compute_64f && desc.scale == r_64f;
      case r_32f: return (desc.compute == compute_32f || desc.compute == compute_32f_fast_tf32) && desc.scale == r_32f;
      case r_16f:
      case r_16bf: return desc.compute == compute_32f && desc.scale == r_32f;
      default: return false;
    }
  }
};

// An algorithm is a note of what it was given for.
struct Note {
  uint32_t shape, alignment[5];
  uint8_t split, depth64;
  char magic[6];
};
static_assert(sizeof(Note) <= sizeof(Algo), "a note in an algorithm");
constexpr char magic[6] = {'s', 't', 'a', 'n', 'd', 'L'};

uint32_t shape_of(const Product& p) {
  uint64_t h = 14695981039346656037u;
  const auto add = [&](int64_t v) { h = (h ^ static_cast<uint64_t>(v)) * 1099511628211u; };
  for (const Layout* l : {&p.a, &p.b, &p.d}) {
    for (const int64_t v : {int64_t{l->type}, l->rows, l->columns, l->ld, int64_t{l->batch}, l->step}) add(v);
  }
  for (const int64_t v :
       {p.desc.compute, p.desc.scale, p.desc.trans_a, p.desc.trans_b, static_cast<int32_t>(p.desc.epilogue)})
    add(v);
  return static_cast<uint32_t>(h ^ (h >> 32));
}
uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data) | 256;
  return static_cast<uint32_t>(address & (~address + 1));
}

struct Work {
  Product p;
  double alpha, beta;
  const void *a, *b, *c;
  void *d, *workspace;
  size_t workspace_bytes;
  bool split;

  double part(int64_t batch, int64_t i, int64_t j, int64_t from, int64_t to) const {
    const bool tf32 = p.desc.compute == compute_32f_fast_tf32;
    double sum = 0;
    for (int64_t t = from; t < to; ++t) {
      const double x = element(a, p.a.type,
                               batch * p.a.step + (p.desc.trans_a == op_t ? t + i * p.a.ld : i + t * p.a.ld)),
                   y = element(b, p.b.type,
                               batch * p.b.step + (p.desc.trans_b == op_t ? j + t * p.b.ld : t + j * p.b.ld));
      sum += tf32 ? to_tf32(x) * to_tf32(y) : x * y;
    }
    return sum;
  }
  void operator()() const {
    // Nothing may be kept there from one product to the next, and no other product may use it meanwhile.
    if (workspace_bytes > 0) std::memset(workspace, 0xff, workspace_bytes);
    if (workspace_bytes >= sizeof d) std::memcpy(workspace, &d, sizeof d);
    const int64_t depth = p.depth(), half = split ? depth / 2 : 0;
    for (int64_t e = 0; e < p.d.batch * p.d.rows * p.d.columns; ++e) {
      const int64_t i = e % p.d.rows, j = e / p.d.rows % p.d.columns, batch = e / (p.d.rows * p.d.columns),
                    at = batch * p.d.step + i + j * p.d.ld;
      double y = alpha * (half > 0 ? rounded(p.d.type, part(batch, i, j, 0, half)) + part(batch, i, j, half, depth)
                                   : part(batch, i, j, 0, depth));
      if (beta != 0) y += beta * element(c, p.d.type, at);
      if (p.desc.epilogue == epilogue_bias) y += element(p.desc.bias, p.d.type, i);
      put(d, p.d.type, at, y);
    }
    if (workspace_bytes >= sizeof d && std::memcmp(workspace, &d, sizeof d) != 0) put(d, p.d.type, 0, NAN);
  }
};

}  // namespace

// --- for tests ---------------------------------------------------------------------------------------------------------

EXPORTED void stand_in_fail(const char* function, Status status) {
  const std::lock_guard<std::mutex> lock(mutex);
  failures[function] = status;
}
EXPORTED int stand_in_objects() {
  const std::lock_guard<std::mutex> lock(mutex);
  return static_cast<int>(objects.size());
}

// --- cuBLASLt ----------------------------------------------------------------------------------------------------------

EXPORTED const char* cublasLtGetStatusName(Status status) {
  switch (status) {
    case success: return "CUBLAS_STATUS_SUCCESS";
    case not_initialized: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case invalid_value: return "CUBLAS_STATUS_INVALID_VALUE";
    case arch_mismatch: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case execution_failed: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case not_supported: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

EXPORTED Status cublasLtCreate(void** handle) {
  if (const Status status = failure("create")) return status;
  return make(handle, Handle());
}
EXPORTED Status cublasLtDestroy(void* handle) { return drop<Handle>(handle); }

EXPORTED Status cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  return make(layout, Layout{type, static_cast<int64_t>(rows), static_cast<int64_t>(columns), ld});
}
EXPORTED Status cublasLtMatrixLayoutDestroy(void* layout) { return drop<Layout>(layout); }
EXPORTED Status cublasLtMatrixLayoutSetAttribute(void* layout, int attribute, const void* value, size_t bytes) {
  if (!alive({layout})) return invalid_value;
  auto* const l = static_cast<Layout*>(layout);
  switch (attribute) {
    case layout_batch_count: return assign(&l->batch, value, bytes);
    case layout_batch_offset: return assign(&l->step, value, bytes);
    default: return invalid_value;
  }
}

EXPORTED Status cublasLtMatmulDescCreate(void** desc, int compute, int scale) {
  return make(desc, Desc{compute, scale});
}
EXPORTED Status cublasLtMatmulDescDestroy(void* desc) { return drop<Desc>(desc); }
EXPORTED Status cublasLtMatmulDescSetAttribute(void* desc, int attribute, const void* value, size_t bytes) {
  if (!alive({desc})) return invalid_value;
  auto* const d = static_cast<Desc*>(desc);
  switch (attribute) {
    case desc_trans_a: return assign(&d->trans_a, value, bytes);
    case desc_trans_b: return assign(&d->trans_b, value, bytes);
    case desc_epilogue: return assign(&d->epilogue, value, bytes);
    case desc_bias_pointer: return assign(&d->bias, value, bytes);
    default: return invalid_value;
  }
}

EXPORTED Status cublasLtMatmulPreferenceCreate(void** pref) { return make(pref, Pref()); }
EXPORTED Status cublasLtMatmulPreferenceDestroy(void* pref) { return drop<Pref>(pref); }
EXPORTED Status cublasLtMatmulPreferenceSetAttribute(void* pref, int attribute, const void* value, size_t bytes) {
  if (!alive({pref})) return invalid_value;
  auto* const p = static_cast<Pref*>(pref);
  switch (attribute) {
    case pref_workspace: return assign(&p->workspace, value, bytes);
    case pref_reduction: return assign(&p->reduction, value, bytes);
    case pref_alignment_a:
    case pref_alignment_b:
    case pref_alignment_c:
    case pref_alignment_d: return assign(&p->alignment[attribute - pref_alignment_a], value, bytes);
    default: return invalid_value;
  }
}

EXPORTED Status cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d, void* pref,
                                               int most, Found* found, int* count) {
  if (const Status status = failure("heuristic")) return status;
  if (!alive({handle, desc, a, b, c, d, pref}) || most < 2 || !found || !count) return invalid_value;
  const Product p{*static_cast<Desc*>(desc), *static_cast<Layout*>(a), *static_cast<Layout*>(b),
                  *static_cast<Layout*>(d)};
  const Pref& want = *static_cast<Pref*>(pref);
  if (!p.fits() || !(*static_cast<Layout*>(c) == p.d)) return invalid_value;
  const bool bias = p.desc.epilogue == epilogue_bias;
  if (!bias && p.desc.epilogue != epilogue_default) return invalid_value;
  if (!p.typed() || (bias && p.d.type == r_64f)) return not_supported;
  Note note{};
  note.shape = shape_of(p);
  std::copy(want.alignment, want.alignment + 4, note.alignment);
  note.alignment[4] = bias ? alignment_of(p.desc.bias) : 0;
  for (const uint32_t bytes : want.alignment) {
    if (bytes < size_of(p.d.type)) return not_supported;
  }
  note.split = (want.reduction & (reduction_in_place | reduction_output_type)) != 0;
  note.depth64 = p.depth() >= 64 && want.workspace >= 4096;
  std::memcpy(note.magic, magic, sizeof magic);
  // The first is of no use.
  *count = 2;
  found[0].state = not_supported;
  found[1] = {};
  std::memcpy(&found[1].algo, &note, sizeof note);
  found[1].workspace = note.depth64 ? 4096 : 0;
  return success;
}

EXPORTED Status cublasLtMatmul(void* handle, void* desc, const void* alpha, const void* a, void* a_layout,
                               const void* b, void* b_layout, const void* beta, const void* c, void* c_layout, void* d,
                               void* d_layout, const Algo* algo, void* workspace, size_t workspace_bytes,
                               void* stream) {
  if (const Status status = failure("matmul")) return status;
  if (!alive({handle})) return not_initialized;
  if (!alive({desc, a_layout, b_layout, c_layout, d_layout})) return invalid_value;
  if (!alpha || !beta || !a || !b || !c || !d || !algo || !stream) return invalid_value;
  {
    // A handle is of one device.
    const std::lock_guard<std::mutex> lock(mutex);
    int& known = static_cast<Handle*>(handle)->gpu;
    const int gpu = static_cast<const mixnet::EmulatedNative*>(stream)->gpu;
    if (known >= 0 && known != gpu) return arch_mismatch;
    known = gpu;
  }
  const Product p{*static_cast<Desc*>(desc), *static_cast<Layout*>(a_layout), *static_cast<Layout*>(b_layout),
                  *static_cast<Layout*>(d_layout)};
  Note note;
  std::memcpy(&note, algo, sizeof note);
  if (std::memcmp(note.magic, magic, sizeof magic) != 0 || note.shape != shape_of(p)) return invalid_value;
  const void* const operands[] = {a, b, c, d};
  for (int i = 0; i < 4; ++i) {
    if (alignment_of(operands[i]) < note.alignment[i]) return invalid_value;
  }
  const bool bias = p.desc.epilogue == epilogue_bias;
  if (bias && (!p.desc.bias || alignment_of(p.desc.bias) < note.alignment[4])) return invalid_value;
  if (note.depth64 && (workspace_bytes < 4096 || !workspace || alignment_of(workspace) < 256)) return invalid_value;
  const Work work{p,         element(alpha, p.desc.scale, 0),    element(beta, p.desc.scale, 0),      a, b, c, d,
                  workspace, note.depth64 ? workspace_bytes : 0, note.split && size_of(p.d.type) == 2};
  return push_to_emulated(stream, work) ? success : execution_failed;
}
