#include "device/nccl.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/environment.h"
#include "base/error.h"
#include "device/library.h"

namespace mixnet::nccl {
namespace {

std::unique_ptr<const Library> open(std::string* why) {
  const std::unique_ptr<SystemLibrary> opened = open_gpu_library({"NCCL", "NCCL", "libnccl.so.2", "nccl"}, why);
  if (!opened) return nullptr;
  auto library = std::make_unique<Library>();
  const char* const version = "2.10";
  opened->find(library->get_unique_id, "ncclGetUniqueId", version);
  opened->find(library->comm_init_rank, "ncclCommInitRank", version);
  opened->find(library->comm_init_all, "ncclCommInitAll", version);
  opened->find(library->comm_destroy, "ncclCommDestroy", version);
  opened->find(library->comm_abort, "ncclCommAbort", version);
  opened->find(library->comm_get_async_error, "ncclCommGetAsyncError", version);
  opened->find(library->get_error_string, "ncclGetErrorString", version);
  opened->find(library->group_start, "ncclGroupStart", version);
  opened->find(library->group_end, "ncclGroupEnd", version);
  opened->find(library->all_reduce, "ncclAllReduce", version);
  opened->find(library->reduce, "ncclReduce", version);
  opened->find(library->broadcast, "ncclBroadcast", version);
  return library;
}

struct Found {
  std::unique_ptr<const Library> library;
  std::string why;
};

}  // namespace

const Library* library(std::string* why) {
  static std::mutex mutex;
  static auto& by_setting = *new std::map<std::string, Found>;
  const std::string setting = environment_string("NCCL", "");
  const std::lock_guard<std::mutex> lock(mutex);
  auto found = by_setting.find(setting);
  if (found == by_setting.end()) {
    Found one;
    one.library = open(&one.why);
    found = by_setting.emplace(setting, std::move(one)).first;
  }
  if (why) *why = found->second.why;
  return found->second.library.get();
}

int type_of(DType dtype) {
  switch (dtype) {
    case DType::i8: return 0;
    case DType::u8: return 1;
    case DType::i32: return 2;
    case DType::i64: return 4;
    case DType::f16: return 6;
    case DType::f32: return 7;
    case DType::f64: return 8;
    case DType::bf16: return 9;
    default: return -1;
  }
}

void check(const Library& library, int result, const char* what) {
  MIXNET_CHECK(result == success || result == in_progress, device, "[nccl] ", what, ": ",
               library.get_error_string(result));
}

}  // namespace mixnet::nccl
