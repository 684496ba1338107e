// Loading of plug-ins: shared libraries that add operators (mixnet/plugin.h).
#include <dlfcn.h>

#include <mutex>
#include <set>

#include "c_api/handles.h"
#include "c_api/plugin_operator.h"
#include "op/core/late.h"

namespace mixnet::c_api {
namespace {

// A loaded library, closed again unless it is kept.
class SharedLibrary {
 public:
  explicit SharedLibrary(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    const char* why = handle_ ? nullptr : dlerror();
    MIXNET_CHECK(handle_, io, "[library_load] ", path, ": cannot be loaded: ", why ? why : "for no known reason");
  }
  ~SharedLibrary() {
    if (handle_) dlclose(handle_);
  }
  SharedLibrary(const SharedLibrary&) = delete;

  template <class F>
  F function(const std::string& path, const char* name) const {
    void* const found = dlsym(handle_, name);
    MIXNET_CHECK(found, invalid, "[library_load] ", path,
                 ": expected a plug-in, which has MXN_PLUGIN(...), but there is no ", name);
    return reinterpret_cast<F>(found);
  }
  void* handle() const { return handle_; }
  void keep() { handle_ = nullptr; }

 private:
  void* handle_;
};

struct Adding {
  Registry* registry;
  std::string problem;
  std::vector<std::string> names;
};

int32_t add_operator(const mxn_plugin_host_t* host, const mxn_plugin_operator_t* op) {
  if (!host || !host->state) return MXN_ERROR_INVALID;
  Adding& adding = *static_cast<Adding*>(host->state);
  if (!adding.problem.empty()) return MXN_ERROR_INVALID;  // the first one is told
  try {
    add_plugin_operator(*adding.registry, op);
    if (!(op->flags & MXN_PLUGIN_HIDDEN)) adding.names.push_back(op->name);
    return MXN_OK;
  } catch (const std::exception& e) {
    adding.problem = e.what();
    return MXN_ERROR_INVALID;
  }
}

std::vector<std::string> add_all(const SharedLibrary& library, const std::string& path) {
  const int32_t abi = library.function<int32_t (*)()>(path, "mxn_plugin_abi")();
  MIXNET_CHECK(abi == MXN_PLUGIN_ABI, unsupported, "[library_load] ", path, ": expected plug-in ABI ", MXN_PLUGIN_ABI,
               ", got ", abi);
  const auto add = library.function<int32_t (*)(const mxn_plugin_host_t*)>(path, "mxn_plugin_add");
  Adding adding{};
  add_late_operators([&](Registry& registry) {
    adding.registry = &registry;
    const mxn_plugin_host_t host{sizeof host, add_operator, &adding};
    int32_t status = 0;
    try {
      status = add(&host);
    } catch (...) {
      adding.problem = "it threw an exception";
    }
    if (adding.problem.empty() && status != 0) adding.problem = concat("it returned ", status);
    MIXNET_CHECK(adding.problem.empty(), invalid, "[library_load] ", path, ": ", adding.problem);
  });
  return adding.names;
}

}  // namespace
}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_library_load(const char* path, mxn_strings_t** out_names) {
  return guard([&] {
    clear(out_names, "library_load", "out_names");
    const std::string file = &required(path, "library_load", "path");
    static std::mutex& mutex = *new std::mutex;
    static std::set<void*>& loaded = *new std::set<void*>;
    const std::lock_guard<std::mutex> lock(mutex);
    SharedLibrary library(file);
    auto names = std::make_unique<mxn_strings>();
    if (!loaded.count(library.handle())) {
      names->items = add_all(library, file);
      loaded.insert(library.handle());
      library.keep();
    }
    *out_names = names.release();
  });
}
