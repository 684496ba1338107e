#include "op/core/gpu/cudnn.h"

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "device/library.h"

namespace mixnet::gpu::cudnn {
namespace {

std::mutex mutex;  // guards the rest
bool looked = false;
const Functions* found = nullptr;  // never freed: plans keep what they were made with

// cuDNN ends the process where it finds no cuBLASLt of its CUDA. It finds one that is loaded already.
bool load_cublaslt(int cuda) {
  const std::string file = "libcublasLt.so." + std::to_string(cuda), package = "cu" + std::to_string(cuda);
  try {
    const SystemLibrary library("gpu", "cuBLASLt", "", {file.c_str()}, file.c_str());
    return true;
  } catch (const Error&) {
    return open_gpu_library({"cuBLASLt", "CUBLASLT", file.c_str(), package.c_str()}) != nullptr;
  }
}

const Functions* load() {
  const auto library = open_gpu_library({"cuDNN", "CUDNN", "libcudnn.so.9", "cudnn"});
  if (!library) return nullptr;
  size_t (*cuda)();
  library->find(cuda, "cudnnGetCudartVersion", "9.0");
  // 0: of none.
  if (cuda() > 0 && !load_cublaslt(static_cast<int>(cuda() / 1000))) return nullptr;
  auto f = std::make_unique<Functions>();
  auto find = [&](auto& function, const char* name) { library->find(function, name, "9.0"); };
  find(f->version, "cudnnGetVersion");
  find(f->error_string, "cudnnGetErrorString");
  find(f->last_error, "cudnnGetLastErrorString");
  find(f->create, "cudnnCreate");
  find(f->set_stream, "cudnnSetStream");
  find(f->make, "cudnnBackendCreateDescriptor");
  find(f->destroy, "cudnnBackendDestroyDescriptor");
  find(f->finalize, "cudnnBackendFinalize");
  find(f->set, "cudnnBackendSetAttribute");
  find(f->get, "cudnnBackendGetAttribute");
  find(f->execute, "cudnnBackendExecute");
  return f.release();
}

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::pointwise: return "a pointwise function";
    case Kind::convolution: return "a window";
    case Kind::engine: return "an engine";
    case Kind::engine_config: return "an engine's configuration";
    case Kind::heuristics: return "heuristics";
    case Kind::plan: return "a plan";
    case Kind::knob_choice: return "a knob";
    case Kind::convolve_forward: return "a convolution";
    case Kind::convolve_weight: return "a convolution's weight gradient";
    case Kind::convolve_data: return "a convolution's data gradient";
    case Kind::pointwise_operation: return "a pointwise operation";
    case Kind::graph: return "a graph";
    case Kind::variant_pack: return "a plan's tensors";
    case Kind::tensor: return "a tensor";
    case Kind::product: return "a matrix product";
    case Kind::product_operation: return "a product's operation";
    case Kind::reduction: return "a reduction";
    case Kind::reduction_operation: return "a reduction's operation";
    case Kind::reshape_operation: return "a reshape";
  }
  return "?";
}

}  // namespace

const Functions* functions() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (!looked) found = load();
  looked = true;
  return found;
}

void reopen() {
  static auto& before = *new std::vector<const Functions*>;  // whose plans are still usable
  const std::lock_guard<std::mutex> lock(mutex);
  before.push_back(found);
  looked = false;
  found = nullptr;
}

void check(const Functions& cudnn, int status, const char* what) {
  if (status == 0) return;
  const bool refused = status >= 3000 && status < 4000;
  char more[400] = "";
  cudnn.last_error(more, sizeof more);
  const std::string said = std::string(more).substr(0, std::strcspn(more, "\n"));
  fail(refused ? Code::unsupported : Code::device, "[gpu] cuDNN, ", what, ": ", cudnn.error_string(status),
       said.empty() ? "" : " (", said, said.empty() ? "" : ")");
}

Descriptor::Descriptor(const Functions& cudnn, Kind kind) : cudnn_(cudnn), kind_(kind) {
  check(cudnn, cudnn.make(static_cast<int>(kind), &it_), name_of(kind));
}

Descriptor::Descriptor(Descriptor&& other) noexcept
    : cudnn_(other.cudnn_), kind_(other.kind_), it_(std::exchange(other.it_, nullptr)) {}

Descriptor::~Descriptor() {
  if (it_) cudnn_.destroy(it_);
}

void Descriptor::set(Name name, Type type, int64_t count, const void* values) {
  check(cudnn_, cudnn_.set(it_, static_cast<int>(name), static_cast<int>(type), count, values), name_of(kind_));
}

void Descriptor::set(Name name, const std::vector<int64_t>& values) {
  set(name, Type::int64, static_cast<int64_t>(values.size()), values.data());
}

void Descriptor::set(Name name, const std::vector<const Descriptor*>& values) {
  std::vector<void*> raw;
  for (const Descriptor* d : values) raw.push_back(d->it_);
  set(name, Type::descriptor, static_cast<int64_t>(raw.size()), raw.data());
}

void Descriptor::finalize() { check(cudnn_, cudnn_.finalize(it_), name_of(kind_)); }

int64_t Descriptor::get(Name name, Type type, int64_t room, void* values) const {
  int64_t count = 0;
  check(cudnn_, cudnn_.get(it_, static_cast<int>(name), static_cast<int>(type), room, &count, values), name_of(kind_));
  return count < room ? count : room;
}

int64_t Descriptor::number(Name name) const {
  int64_t value = 0;
  get(name, Type::int64, 1, &value);
  return value;
}

int Descriptor::word(Name name, Type type) const {
  int value = 0;
  get(name, type, 1, &value);
  return value;
}

std::vector<int> Descriptor::words(Name name, Type type, int64_t room) const {
  std::vector<int> values(static_cast<size_t>(room));
  values.resize(static_cast<size_t>(get(name, type, room, values.data())));
  return values;
}

std::vector<Descriptor> Descriptor::parts(Name name, Kind kind, int64_t room) const {
  std::vector<Descriptor> all;
  std::vector<void*> raw;
  for (int64_t i = 0; i < room; ++i) {
    all.emplace_back(cudnn_, kind);
    raw.push_back(all.back().it_);
  }
  const int64_t count = get(name, Type::descriptor, room, raw.data());
  while (static_cast<int64_t>(all.size()) > count) all.pop_back();
  return all;
}

}  // namespace mixnet::gpu::cudnn
