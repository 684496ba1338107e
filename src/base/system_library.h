// A library of the system that is looked for when it is first needed, and stays loaded: ZeroMQ, libcurl.
#pragma once
#include <cstring>
#include <string>
#include <vector>

namespace mixnet {

class SystemLibrary {
 public:
  // The first of the names that can be loaded, or only the one at the path `given` unless that is empty. Throws Code::unsupported: "[place] title: expected `wanted`".
  SystemLibrary(std::string place, std::string title, const std::string& given, const std::vector<const char*>& names,
                const char* wanted);

  // Throws Code::unsupported for a library without it, which is older than `version`.
  template <class F>
  void find(F& function, const char* name, const char* version) const {
    void* const symbol = need(name, version);
    std::memcpy(&function, &symbol, sizeof symbol);
  }
  // Null where it has none.
  void* symbol(const char* name) const;

 private:
  void* need(const char* name, const char* version) const;

  const std::string about_;
  void* library_ = nullptr;
};

}  // namespace mixnet
