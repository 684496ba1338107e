#include "op/core/gpu/cublaslt.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/environment.h"
#include "base/worker_thread.h"
#include "device/gpu.h"
#include "device/library.h"

namespace mixnet::gpu {
namespace {

// One of the library's descriptors.
using Object = std::unique_ptr<void, lt::Status (*)(void*)>;

// Everything that an algorithm depends on.
using Key = std::array<int64_t, 19>;

struct Types {
  int data, compute, scale;
};

Types types_of(DType dtype, bool tf32) {
  switch (dtype) {
    case DType::f64: return {lt::r_64f, lt::compute_64f, lt::r_64f};
    case DType::f16: return {lt::r_16f, lt::compute_32f, lt::r_32f};
    case DType::bf16: return {lt::r_16bf, lt::compute_32f, lt::r_32f};
    default: return {lt::r_32f, tf32 ? lt::compute_32f_fast_tf32 : lt::compute_32f, lt::r_32f};
  }
}

// Of an address, in bytes: as far as the library cares.
int64_t alignment(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data) | 256;
  return static_cast<int64_t>(address & (~address + 1));
}

// D's own place where C is not read.
const void* c_of(const Gemm& g) { return g.beta == 0 ? g.d : g.c; }

// What the library's interface can say: 32-bit sizes, rows that do not overlap, matrices of D apart from one another.
bool sayable(DType dtype, const Gemm& g) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (!dtype_is_float(dtype)) return false;
  for (const int64_t size : {g.m, g.n, g.k, g.batch}) {
    if (size < 1 || size > most) return false;
  }
  if (g.lda < (g.trans_a ? g.m : g.k) || g.ldb < (g.trans_b ? g.k : g.n) || g.ldd < g.n) return false;
  return g.batch == 1 || (g.step_a >= 0 && g.step_b >= 0 && g.step_d >= (g.m - 1) * g.ldd + g.n);
}

Key key_of(DType dtype, const Gemm& g) {
  const bool many = g.batch > 1;
  return {static_cast<int64_t>(dtype),
          g.trans_a,
          g.trans_b,
          g.m,
          g.n,
          g.k,
          g.lda,
          g.ldb,
          g.ldd,
          g.batch,
          many ? g.step_a : 0,
          many ? g.step_b : 0,
          many ? g.step_d : 0,
          c_of(g) == g.d,
          alignment(g.a),
          alignment(g.b),
          alignment(c_of(g)),
          alignment(g.d),
          g.bias ? alignment(g.bias) : 0};  // 0: none
}

}  // namespace

// The algorithm for one kind of product, or none.
struct CublasLt::Choice {
  Object desc, a, b, d;  // C lies as D does
  lt::Algo algo;
  size_t workspace;
};

// Row-major matrices are the library's column-major ones transposed: D' = B' A'. So a is our b, and the rows of its D our columns.
class CublasLt::OnDevice {
 public:
  // For the device that calls of this thread are for.
  OnDevice(CublasLt& of, StreamDevice& device) : of_(of), f_(of.functions_), device_(device) {
    check(f_.create(&handle_), "handle");
  }
  ~OnDevice() {
    for (void* workspace : workspaces_) {
      if (workspace) device_.deallocate(workspace, of_.options_.workspace);
    }
    f_.destroy(handle_);
  }

  bool takes(DType dtype, const Gemm& g) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return choice(dtype, g) != nullptr;
  }

  bool gemm(Stream& on, void* stream, DType dtype, const Gemm& g) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Choice* const c = choice(dtype, g);
    if (!c) return false;
    void* const workspace = c->workspace > 0 ? workspace_of(device_.branch_of(on)) : nullptr;
    if (c->workspace > 0 && !workspace) return false;
    if (g.bias) set(f_.desc_set, c->desc, lt::desc_bias_pointer, g.bias);
    const auto alpha32 = static_cast<float>(g.alpha), beta32 = static_cast<float>(g.beta);
    const bool wide = dtype == DType::f64;
    const void *const alpha = wide ? static_cast<const void*>(&g.alpha) : &alpha32, *const beta =
                                                                                        wide ? static_cast<const void*>(
                                                                                                   &g.beta)
                                                                                             : &beta32;
    const lt::Status status = f_.matmul(handle_, c->desc.get(), alpha, g.b, c->a.get(), g.a, c->b.get(), beta, c_of(g),
                                        c->d.get(), g.d, c->d.get(), &c->algo, workspace, c->workspace, stream);
    if (refusal(status)) {
      choices_[key_of(dtype, g)] = nullptr;
      return false;
    }
    check(status, "product");
    return true;
  }

 private:
  // Null: there is no algorithm.
  const Choice* choice(DType dtype, const Gemm& g) {
    const Key key = key_of(dtype, g);
    const auto it = choices_.find(key);
    if (it != choices_.end()) return it->second.get();
    if (choices_.size() >= of_.options_.most_algorithms) choices_.clear();
    return (choices_[key] = choose(dtype, g)).get();
  }

  static bool refusal(lt::Status status) { return status == lt::not_supported || status == lt::arch_mismatch; }
  void check(lt::Status status, const char* what) const {
    MIXNET_CHECK(status == lt::success, device, "[", device_.id().str(), "] cuBLASLt: ", what, ": ",
                 f_.status_name(status));
  }
  template <class T>
  void set(lt::Status (*function)(void*, int, const void*, size_t), const Object& object, int attribute,
           T value) const {
    check(function(object.get(), attribute, &value, sizeof value), "attribute");
  }

  Object layout(int type, int64_t rows, int64_t columns, int64_t ld, int64_t batch, int64_t step) const {
    void* made = nullptr;
    check(f_.layout_create(&made, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), ld), "layout");
    Object object(made, f_.layout_destroy);
    if (batch > 1) {
      set(f_.layout_set, object, lt::layout_batch_count, static_cast<int32_t>(batch));
      set(f_.layout_set, object, lt::layout_batch_offset, step);
    }
    return object;
  }

  std::unique_ptr<Choice> choose(DType dtype, const Gemm& g) {
    const Types types = types_of(dtype, of_.options_.tf32);
    void* made = nullptr;
    check(f_.desc_create(&made, types.compute, types.scale), "descriptor");
    Object desc(made, f_.desc_destroy);
    set(f_.desc_set, desc, lt::desc_trans_a, g.trans_b ? lt::op_t : lt::op_n);
    set(f_.desc_set, desc, lt::desc_trans_b, g.trans_a ? lt::op_t : lt::op_n);
    if (g.bias) {
      set(f_.desc_set, desc, lt::desc_epilogue, lt::epilogue_bias);
      set(f_.desc_set, desc, lt::desc_bias_pointer, g.bias);
    }
    Object a = layout(types.data, g.trans_b ? g.k : g.n, g.trans_b ? g.n : g.k, g.ldb, g.batch, g.step_b),
           b = layout(types.data, g.trans_a ? g.m : g.k, g.trans_a ? g.k : g.m, g.lda, g.batch, g.step_a),
           d = layout(types.data, g.n, g.m, g.ldd, g.batch, g.step_d);
    auto choice = std::make_unique<Choice>(Choice{std::move(desc), std::move(a), std::move(b), std::move(d), {}, 0});
    if (!ask(dtype, g, of_.options_.workspace, choice.get())) return nullptr;
    // Without room for the workspace, one that needs none.
    if (choice->workspace > 0 && !workspace_of(0) && !ask(dtype, g, 0, choice.get())) return nullptr;
    return choice;
  }

  bool ask(DType dtype, const Gemm& g, size_t workspace, Choice* choice) {
    ++of_.asked_;
    void* made = nullptr;
    check(f_.pref_create(&made), "preference");
    const Object pref(made, f_.pref_destroy);
    set(f_.pref_set, pref, lt::pref_workspace, static_cast<uint64_t>(workspace));
    // Parts of a sum are never rounded to 16 bits.
    if (dtype_size(dtype) == 2) set(f_.pref_set, pref, lt::pref_reduction, lt::reduction_compute_type);
    const auto aligned = [&](int attribute, const void* data) {
      set(f_.pref_set, pref, attribute, static_cast<uint32_t>(alignment(data)));
    };
    aligned(lt::pref_alignment_a, g.b);
    aligned(lt::pref_alignment_b, g.a);
    aligned(lt::pref_alignment_c, c_of(g));
    aligned(lt::pref_alignment_d, g.d);
    lt::Found found[4] = {};
    int count = 0;
    const lt::Status status = f_.heuristic(handle_, choice->desc.get(), choice->a.get(), choice->b.get(),
                                           choice->d.get(), choice->d.get(), pref.get(), 4, found, &count);
    if (refusal(status)) return false;
    check(status, "choice of an algorithm");
    const lt::Found* const best =
        std::find_if(found, found + count, [](const lt::Found& it) { return it.state == lt::success; });
    if (best == found + count) return false;
    choice->algo = best->algo;
    choice->workspace = best->workspace;
    return true;
  }

  // Null where there is no room. Branches but the first are only ever recorded, and who records must not take memory: another thread does.
  void* workspace_of(int branch) {
    void*& workspace = workspaces_[branch];
    if (workspace) return workspace;
    const auto take = [&] { workspace = device_.allocate(of_.options_.workspace); };
    if (branch == 0) {
      take();
      return workspace;
    }
    start_worker_thread([&] {
      try {
        take();
      } catch (const Error&) {  // as without room
      }
    }).join();
    return workspace;
  }

  CublasLt& of_;
  const lt::Functions& f_;
  StreamDevice& device_;
  std::mutex mutex_;  // guards the rest
  void* handle_ = nullptr;
  void* workspaces_[Branches::most] = {};
  std::map<Key, std::unique_ptr<Choice>> choices_;
};

CublasLt::CublasLt(std::unique_ptr<SystemLibrary> library, const Options& options)
    : library_(std::move(library)), options_(options) {
  if (!library_) return;
  const auto find = [&](auto& function, const char* name) { library_->find(function, name, "11"); };
  find(functions_.create, "cublasLtCreate");
  find(functions_.destroy, "cublasLtDestroy");
  find(functions_.status_name, "cublasLtGetStatusName");
  find(functions_.layout_create, "cublasLtMatrixLayoutCreate");
  find(functions_.layout_destroy, "cublasLtMatrixLayoutDestroy");
  find(functions_.layout_set, "cublasLtMatrixLayoutSetAttribute");
  find(functions_.desc_create, "cublasLtMatmulDescCreate");
  find(functions_.desc_destroy, "cublasLtMatmulDescDestroy");
  find(functions_.desc_set, "cublasLtMatmulDescSetAttribute");
  find(functions_.pref_create, "cublasLtMatmulPreferenceCreate");
  find(functions_.pref_destroy, "cublasLtMatmulPreferenceDestroy");
  find(functions_.pref_set, "cublasLtMatmulPreferenceSetAttribute");
  find(functions_.heuristic, "cublasLtMatmulAlgoGetHeuristic");
  find(functions_.matmul, "cublasLtMatmul");
}

CublasLt::~CublasLt() = default;

// A stream that records (device/stream_graph.h) has its device's algorithms, and the first branch its workspace: what it has recorded runs on the compute stream.
CublasLt::OnDevice& CublasLt::on_device(const Stream& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<OnDevice>& it = devices_[stream.gpu()];
  if (!it) it = std::make_unique<OnDevice>(*this, gpu_device(stream.gpu()));
  return *it;
}

bool CublasLt::takes(Stream& stream, DType dtype, const Gemm& g) {
  if (!on() || stream.gpu() < 0 || !sayable(dtype, g)) return false;
  library_stream(stream);  // and makes the device this thread's
  return on_device(stream).takes(dtype, g);
}

bool CublasLt::gemm(Stream& stream, DType dtype, const Gemm& g) {
  if (!on() || stream.gpu() < 0 || !sayable(dtype, g)) return false;
  void* const native = library_stream(stream);
  if (!on_device(stream).gemm(stream, native, dtype, g)) return false;
  ++count_;
  return true;
}

CublasLt& cublaslt() {
  static auto& it = *new CublasLt(open_gpu_library({"cuBLASLt", "CUBLASLT", "libcublasLt.so.13", "cu13"}), [] {
    CublasLt::Options options;
    options.tf32 = environment_bool("GPU_TF32", options.tf32);
    options.workspace = static_cast<size_t>(
        std::max<int64_t>(0, environment_int("CUBLASLT_WORKSPACE", static_cast<int64_t>(options.workspace))));
    return options;
  }());
  return it;
}

}  // namespace mixnet::gpu
