// A variable of the environment for as long as this lives.
#pragma once
#include <cstdlib>
#include <string>

namespace mixnet::test {

class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Setting() { unsetenv(name_); }
  Setting(const Setting&) = delete;

 private:
  const char* const name_;
};

}  // namespace mixnet::test
