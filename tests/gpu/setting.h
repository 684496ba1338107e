// A variable of the environment for as long as this lives.
#pragma once
#include <cstdlib>
#include <string>

namespace mixnet::test {

class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name), was_(std::getenv(name) ? std::getenv(name) : "") {
    setenv(name, value.c_str(), 1);
  }
  ~Setting() {
    if (was_.empty()) unsetenv(name_);
    else setenv(name_, was_.c_str(), 1);
  }
  Setting(const Setting&) = delete;

 private:
  const char* const name_;
  const std::string was_;
};

}  // namespace mixnet::test
