#include "io/record_files.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/error.h"

namespace mixnet {
namespace {

class JoinedSource final : public Source {
 public:
  explicit JoinedSource(std::vector<std::shared_ptr<const Source>> files) : files_(std::move(files)) {
    for (const auto& file : files_) {
      begins_.push_back(size_);
      size_ += (file->size() + 3) / 4 * 4;
      name_ += (name_.empty() ? "" : ";") + file->name();
    }
  }
  const std::string& name() const override { return name_; }
  int64_t size() const override { return size_; }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    if (offset < 0 || offset >= size_) return 0;
    auto i = static_cast<size_t>(std::upper_bound(begins_.begin(), begins_.end(), offset) - begins_.begin()) - 1;
    size_t done = 0;
    for (; done < bytes && i < files_.size(); ++i) {
      const int64_t from = offset + static_cast<int64_t>(done) - begins_[i];
      const int64_t end = (i + 1 < files_.size() ? begins_[i + 1] : size_) - begins_[i];
      const size_t wanted = std::min(bytes - done, static_cast<size_t>(end - from));
      const size_t got =
          from < files_[i]->size() ? files_[i]->read_at(from, static_cast<char*>(buffer) + done, wanted) : 0;
      // What is missing is the filling at the end of a file; more would be a file that became shorter.
      if (got + 3 < wanted) return done + got;
      std::memset(static_cast<char*>(buffer) + done + got, 0, wanted - got);
      done += wanted;
    }
    return done;
  }
  void stop() const override {
    for (const auto& file : files_) file->stop();
  }

 private:
  const std::vector<std::shared_ptr<const Source>> files_;
  std::vector<int64_t> begins_;
  int64_t size_ = 0;
  std::string name_;
};

std::vector<std::string> files_of(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.path().extension() == ".rec") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::shared_ptr<const Source> join_records(std::vector<std::shared_ptr<const Source>> files) {
  if (files.size() == 1) return files[0];
  return std::make_shared<JoinedSource>(std::move(files));
}

std::shared_ptr<const Source> open_records(const std::string& place, const std::string& paths) {
  std::vector<std::shared_ptr<const Source>> files;
  for (size_t begin = 0; begin < paths.size();) {
    const size_t end = std::min(paths.find(';', begin), paths.size());
    for (const std::string& file : files_of(paths.substr(begin, end - begin))) {
      if (!file.empty()) files.push_back(open_source(file));
    }
    begin = end + 1;
  }
  MIXNET_CHECK(!files.empty(), io, "[", place,
               "] path_imgrec: expected a file of records or a folder with .rec files, got '", paths, "'");
  return join_records(std::move(files));
}

}  // namespace mixnet
