#include "io/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace mixnet {
namespace {

class FileSource : public Source {
 public:
  explicit FileSource(const std::string& path) : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    MIXNET_CHECK(descriptor_ >= 0, io, "[open] ", path, ": ", std::strerror(errno));
    struct stat about{};
    if (fstat(descriptor_, &about) != 0 || !S_ISREG(about.st_mode)) {
      close(descriptor_);
      fail(Code::io, "[open] ", path, ": expected a file");
    }
    size_ = about.st_size;
  }
  ~FileSource() override { close(descriptor_); }

  const std::string& name() const override { return path_; }
  int64_t size() const override { return size_; }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    size_t done = 0;
    while (done < bytes) {
      const ssize_t got =
          pread(descriptor_, static_cast<char*>(buffer) + done, bytes - done, offset + static_cast<int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      MIXNET_CHECK(got >= 0, io, "[read] ", path_, " at byte ", offset + static_cast<int64_t>(done), ": ",
                   std::strerror(errno));
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  const std::string path_;
  const int descriptor_;
  int64_t size_ = 0;
};

class MemorySource : public Source {
 public:
  MemorySource(std::string name, const void* data, size_t bytes)
      : name_(std::move(name)), bytes_(static_cast<const char*>(data), bytes) {}

  const std::string& name() const override { return name_; }
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    const size_t begin = std::min(static_cast<size_t>(std::max<int64_t>(0, offset)), bytes_.size());
    const size_t count = std::min(bytes, bytes_.size() - begin);
    if (count > 0) std::memcpy(buffer, bytes_.data() + begin, count);
    return count;
  }

 private:
  const std::string name_;
  const std::string bytes_;
};

}  // namespace

std::shared_ptr<const Source> open_file(const std::string& path) { return std::make_shared<FileSource>(path); }

std::shared_ptr<const Source> make_memory_source(std::string name, const void* data, size_t bytes) {
  return std::make_shared<MemorySource>(std::move(name), data, bytes);
}

}  // namespace mixnet
