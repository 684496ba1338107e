// Both engines, several widths, and small helpers for their tests.
#pragma once
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"

#if defined(__SANITIZE_THREAD__)
#define MIXNET_TEST_TSAN 1
#else
#define MIXNET_TEST_TSAN 0
#endif

namespace mixnet::testing {

using Variables = std::vector<Variable*>;

struct NamedEngine {
  std::string name;
  std::function<std::unique_ptr<Engine>()> make;
};

inline const std::vector<NamedEngine>& all_engines() {
  static const std::vector<NamedEngine> engines = {
      {"naive", [] { return make_naive_engine(); }},
      {"threaded, 1 thread", [] { return make_threaded_engine(1); }},
      {"threaded, 4 threads", [] { return make_threaded_engine(4); }},
  };
  return engines;
}

template <class F>
void push(Engine& engine, const Variables& reads, const Variables& writes, F body, const PushOptions& options = {}) {
  engine.push(make_task(std::move(body), "test task"), reads, writes, options);
}

inline void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// Polls; false when it did not come true in ten seconds.
template <class F>
bool eventually(F&& condition) {
  for (int i = 0; i < 10000; ++i) {
    if (condition()) return true;
    sleep_ms(1);
  }
  return condition();
}

// The code and message that `f` throws; Code::ok when it throws nothing.
struct Thrown {
  Code code = Code::ok;
  std::string message;
  bool says(const std::string& part) const { return message.find(part) != std::string::npos; }
};
template <class F>
Thrown thrown(F&& f) {
  try {
    f();
    return {};
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
}

// Closed at first; tasks wait at it.
class Gate {
 public:
  void open() { open_.store(true); }
  void pass() const {
    while (!open_.load()) std::this_thread::yield();
  }

 private:
  std::atomic<bool> open_{false};
};

struct OwnedVariables {
  OwnedVariables(Engine& engine, int count) : engine(engine) {
    for (int i = 0; i < count; ++i) list.push_back(engine.new_variable());
  }
  ~OwnedVariables() {
    for (Variable* v : list) engine.delete_variable(v, {});
  }
  OwnedVariables(const OwnedVariables&) = delete;
  Variable* operator[](size_t i) const { return list[i]; }
  Engine& engine;
  Variables list;
};

}  // namespace mixnet::testing
