#include "base/system_library.h"

#include <dlfcn.h>

#include "base/error.h"

namespace mixnet {

SystemLibrary::SystemLibrary(std::string place, std::string title, const std::string& given,
                             const std::vector<const char*>& names, const char* wanted)
    : about_("[" + place + "] " + title + ": ") {
  if (!given.empty()) library_ = dlopen(given.c_str(), RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; given.empty() && !library_ && i < names.size(); ++i)
    library_ = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  MIXNET_CHECK(library_, unsupported, about_, "expected ", wanted, ", got none", given.empty() ? "" : " at ", given);
}

void* SystemLibrary::symbol(const char* name) const { return dlsym(library_, name); }

void* SystemLibrary::need(const char* name, const char* version) const {
  void* const found = symbol(name);
  MIXNET_CHECK(found, unsupported, about_, "expected version ", version, " or later, got one without ", name);
  return found;
}

}  // namespace mixnet
