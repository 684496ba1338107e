// A variable of the environment for as long as this lives; null: unset. What it was before comes back.
#pragma once
#include <cstdlib>
#include <optional>
#include <string>

namespace mixnet::test {

class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) {
    if (const char* const was = std::getenv(name)) was_ = was;
    set(value);
  }
  Setting(const char* name, const std::string& value) : Setting(name, value.c_str()) {}
  ~Setting() { set(was_ ? was_->c_str() : nullptr); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  void set(const char* value) {
    if (value) setenv(name_, value, 1);
    else unsetenv(name_);
  }

  const char* const name_;
  std::optional<std::string> was_;
};

}  // namespace mixnet::test
