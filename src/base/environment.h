// Settings from the environment, read as MIXNET_NAME and, for old scripts, MXNET_NAME.
#pragma once
#include <cstdint>
#include <string>

namespace mixnet {

// name without prefix: environment_int("CPU_WORKER_NTHREADS", 1). A value that is not a number throws Code::invalid.
int64_t environment_int(const char* name, int64_t fallback);
bool environment_bool(const char* name, bool fallback);
std::string environment_string(const char* name, const char* fallback);

}  // namespace mixnet
