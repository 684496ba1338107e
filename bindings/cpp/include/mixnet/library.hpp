/// The library as a whole: version, seed, waiting for everything, ending waits early, memory of devices.
#pragma once

#include <mixnet/handle.hpp>
#include <mixnet/types.hpp>

namespace mixnet {

/// Ends waits early, from another thread or a signal handler: `cancel.trigger()`.
class Cancel {
 public:
  Cancel() { check(mxn_cancel_create(receive(handle_))); }
  /// Ends all waits that were given this token, now and later. Async-signal-safe.
  void trigger() noexcept {
    triggered_ = 1;
    mxn_cancel_trigger(handle_.get());
  }
  bool triggered() const noexcept { return triggered_ != 0; }
  const mxn_cancel_t* get() const { return handle_.get(); }

 private:
  Handle<mxn_cancel_t, mxn_cancel_free> handle_;
  volatile int triggered_ = 0;
};

/// How long a blocking call may take; by default for ever.
struct Wait {
  double seconds = 0;  ///< 0: for ever
  const Cancel* cancel = nullptr;

  mxn_wait_t get() const { return {sizeof(mxn_wait_t), seconds, cancel ? cancel->get() : nullptr}; }
};

/// "0.1.0".
inline std::string version() { return mxn_version(); }

/// What this build has, as JSON.
inline std::string features() {
  detail::Text json;
  check(mxn_features(receive(json)));
  return detail::text(json);
}

/// Seeds all random operators and restarts their count.
inline void seed(int64_t value) { check(mxn_random_seed(value)); }

/// Waits for all work; throws the first error since the last call.
inline void wait_all(const Wait& wait = {}) {
  const mxn_wait_t limits = wait.get();
  check(mxn_wait_all(&limits));
}

/// Number of devices of a kind (MXN_DEVICE_...).
inline int32_t device_count(int32_t kind) {
  int32_t count = 0;
  check(mxn_device_count(kind, &count));
  return count;
}

/// State of a device's memory pool.
inline mxn_storage_info_t storage_info(Device device = cpu()) {
  mxn_storage_info_t info{};
  info.struct_size = sizeof info;
  check(mxn_storage_info(device.kind, device.index, &info));
  return info;
}

/// Sets an option of the process: "onednn" (0 or 1), "cpu_threads".
inline void set_option(const std::string& name, int64_t value) { check(mxn_option_set(name.c_str(), value)); }

}  // namespace mixnet
