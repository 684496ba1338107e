// Sources: files by path or URI, and schemes of the program's own, whose files are read by a callback.
#include <atomic>
#include <mutex>
#include <new>

#include "base/fork.h"
#include "c_api/handles.h"
#include "io/read_ahead.h"
#include "io/source_schemes.h"

namespace mixnet::c_api {
namespace {

std::atomic<int64_t> last_file{0};

// A file that the program opened. What its callback reports is thrown with Code::user.
class HostSource final : public Source, private ForkListener {
 public:
  HostSource(std::string uri, mxn_source_fn fn, std::shared_ptr<UserData> user)
      : uri_(std::move(uri)), fn_(fn), user_(std::move(user)), file_(++last_file) {
    size_ = ask(MXN_SOURCE_OPEN, nullptr, 0);
    if (size_ < 0) {
      close();
      fail(Code::user, "[open] ", uri_, ": expected a size of at least 0 from the callback, got ", size_);
    }
    start_listening();
  }
  ~HostSource() {
    stop_listening();
    close();
  }

  const std::string& name() const override { return uri_; }
  int64_t size() const override { return size_; }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    const int64_t begin = std::min(std::max<int64_t>(0, offset), size_);
    const int64_t wanted = static_cast<int64_t>(std::min(bytes, static_cast<size_t>(size_ - begin)));
    if (wanted == 0) return 0;
    const int64_t count = ask(begin, buffer, wanted);
    MIXNET_CHECK(count == wanted, user, "[read] ", uri_, " at byte ", begin, ": expected ", wanted,
                 " bytes from the callback, got ", count);
    return static_cast<size_t>(count);
  }

 private:
  int64_t ask(int64_t offset, void* buffer, int64_t bytes) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    int64_t count = 0;
    user_->run(uri_.c_str(), [&](void* data) { return fn_(data, uri_.c_str(), file_, offset, buffer, bytes, &count); });
    return count;
  }
  void close() {
    UserData::post(user_, [fn = fn_, uri = uri_, file = file_](void* data) {
      int64_t nothing = 0;
      fn(data, uri.c_str(), file, MXN_SOURCE_CLOSE, nullptr, 0, &nothing);
    });
  }
  void forked() override { new (&mutex_) std::mutex; }

  const std::string uri_;
  const mxn_source_fn fn_;
  const std::shared_ptr<UserData> user_;
  const int64_t file_;
  int64_t size_ = 0;
  mutable std::mutex mutex_;
};

}  // namespace
}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_source_register(const char* scheme, mxn_source_fn fn, void* user, mxn_destroy_fn destroy) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    required(scheme, "source_register", "scheme");
    if (!fn) return register_scheme(scheme, nullptr);
    // A host that threads may not enter would be waited for by threads that it waits for.
    const bool ahead = HostQueue::current() == nullptr;
    register_scheme(scheme, [fn, data, ahead](const std::string& uri) -> std::shared_ptr<const Source> {
      auto source = std::make_shared<const HostSource>(uri, fn, data);
      return ahead ? read_ahead(std::move(source)) : source;
    });
  });
}

int32_t mxn_source_read(const char* path, int64_t offset, void* data, int64_t bytes, int64_t* out_count,
                        int64_t* out_total) {
  return guard([&] {
    clear(out_count, "source_read", "out_count");
    clear(out_total, "source_read", "out_total");
    const std::string uri = &required(path, "source_read", "path");
    MIXNET_CHECK(offset >= 0, invalid, "[source_read] offset: expected at least 0, got ", offset);
    list(static_cast<char*>(data), bytes, "source_read", "data");
    const std::shared_ptr<const Source> source = open_source(uri);
    *out_total = source->size();
    *out_count = static_cast<int64_t>(source->read_at(offset, data, static_cast<size_t>(bytes)));
  });
}
