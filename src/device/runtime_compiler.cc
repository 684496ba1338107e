#include "device/runtime_compiler.h"

#include <atomic>
#include <map>
#include <mutex>
#include <sstream>

#include "base/error.h"
#include "device/kernel_compiler.h"
#include "device/kernel_files.h"

namespace mixnet {
namespace {

std::atomic<int64_t> compilations{0};

// Modules by what they are made of; the one that was asked for longest ago goes first.
class ModuleTable {
 public:
  RuntimeModulePtr find(const std::string& key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto it = modules_.find(key);
    if (it == modules_.end()) return nullptr;
    it->second.asked = ++clock_;
    return it->second.module;
  }
  void keep(const std::string& key, RuntimeModulePtr module) {
    RuntimeModulePtr dropped;  // goes after the lock
    const std::lock_guard<std::mutex> lock(mutex_);
    if (modules_.size() >= most) {
      auto oldest = modules_.begin();
      for (auto it = modules_.begin(); it != modules_.end(); ++it) {
        if (it->second.asked < oldest->second.asked) oldest = it;
      }
      dropped = std::move(oldest->second.module);
      modules_.erase(oldest);
    }
    modules_[key] = {std::move(module), ++clock_};
  }

 private:
  static constexpr size_t most = 512;
  struct Kept {
    RuntimeModulePtr module;
    int64_t asked = 0;
  };
  std::mutex mutex_;  // guards the rest
  std::map<std::string, Kept> modules_;
  int64_t clock_ = 0;
};

// Never destroyed, as devices are.
ModuleTable& modules() {
  static auto* const table = new ModuleTable;
  return *table;
}

// Each part with its length, so that no two sources have one key.
std::string key_of(int device, const KernelSource& source) {
  std::string key;
  auto add = [&key](const std::string& part) { key += std::to_string(part.size()) + ":" + part + "\n"; };
  add(kernel_compiler(device));
  add(std::to_string(source.options.size()));
  for (const std::string& option : source.options) add(option);
  for (const std::string& kernel : source.kernels) add(kernel);
  add(source.text);
  return key;
}

// The number after `start`, where the line begins with that; -1 otherwise.
int line_number(const std::string& line, const std::string& start) {
  if (line.compare(0, start.size(), start) != 0) return -1;
  const std::string digits =
      line.substr(start.size(), line.find_first_not_of("0123456789", start.size()) - start.size());
  return digits.empty() || digits.size() > 8 ? -1 : std::stoi(digits);
}

}  // namespace

RuntimeModulePtr compile_kernels(int device, const KernelSource& source) {
  const std::string key = key_of(device, source);
  if (RuntimeModulePtr module = modules().find(key)) return module;
  RuntimeModulePtr module;
  if (const auto binary = read_kernel_file(key)) {
    try {
      module = load_binary(device, source, *binary);
    } catch (const Error&) {  // whatever that file has: it is made anew
    }
  }
  if (!module) {
    compilations.fetch_add(1);
    const std::string binary = compile_binary(device, source);
    module = load_binary(device, source, binary);
    write_kernel_file(key, binary);
  }
  modules().keep(key, module);
  return module;
}

std::string no_runtime_compiler(int device) {
  try {
    kernel_compiler(device);
    return {};
  } catch (const Error& e) {
    return e.what();
  }
}

int64_t runtime_compilations() { return compilations.load(); }

std::string first_error(const std::string& log) {
  std::istringstream lines(log);
  std::string first;
  for (std::string line; std::getline(lines, line);) {
    if (first.empty()) first = line;
    const size_t at = line.find("error: ");
    if (at == std::string::npos) continue;
    const std::string what = line.substr(at + 7);
    // kernel.cu(3): error: ... of NVRTC, kernel.cu:3:14: error: ... of others
    const int number =
        std::max(line_number(line, std::string(source_name) + "("), line_number(line, std::string(source_name) + ":"));
    return number < 0 ? "[rtc] " + what : concat("[rtc] line ", number, ": ", what);
  }
  return "[rtc] the compiler failed: " + first;
}

}  // namespace mixnet
