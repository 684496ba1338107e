#include "base/environment.h"

#include <cerrno>
#include <cstdlib>

#include "base/error.h"

namespace mixnet {
namespace {

const char* find(const char* name) {
  for (const char* prefix : {"MIXNET_", "MXNET_"}) {
    if (const char* value = std::getenv((std::string(prefix) + name).c_str())) return value;
  }
  return nullptr;
}

}  // namespace

int64_t environment_int(const char* name, int64_t fallback) {
  const char* value = find(name);
  if (!value || !*value) return fallback;
  char* end = nullptr;
  errno = 0;
  const long long parsed = std::strtoll(value, &end, 10);
  MIXNET_CHECK(*end == '\0' && errno == 0, invalid, "[environment] MIXNET_", name, ": expected an integer, got '",
               value, "'");
  return parsed;
}

bool environment_bool(const char* name, bool fallback) { return environment_int(name, fallback ? 1 : 0) != 0; }

std::string environment_string(const char* name, const char* fallback) {
  const char* value = find(name);
  return value ? value : fallback;
}

}  // namespace mixnet
