#include "io/text_lines.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace mixnet {
namespace {

constexpr size_t block = size_t{1} << 20;
constexpr size_t longest = size_t{1} << 28;  // of a line: what is longer is no text
constexpr char byte_order_mark[] = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool is_folder(const std::string& path) {
  struct stat about{};
  return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  if (DIR* const entries = opendir(folder.c_str())) {
    while (const dirent* entry = readdir(entries)) {
      std::string path = folder + (folder.back() == '/' ? "" : "/") + entry->d_name;
      if (entry->d_name[0] != '.' && !is_folder(path)) names.push_back(std::move(path));
    }
    closedir(entries);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TextLines::TextLines(std::string place, const std::string& paths, char comment)
    : place_(std::move(place)), paths_(paths), comment_(comment) {
  for (size_t begin = 0; begin <= paths.size();) {
    const size_t end = std::min(paths.find(';', begin), paths.size());
    if (end > begin) add(paths.substr(begin, end - begin));
    begin = end + 1;
  }
  MIXNET_CHECK(!files_.empty(), io, "[", place_, "] ", paths, ": expected a file or a folder with files, got none");
}

void TextLines::add(const std::string& path) {
  if (is_folder(path)) {
    for (const std::string& file : files_in(path)) add(file);
    return;
  }
  try {
    files_.push_back(open_source(path));
  } catch (const Error& e) {
    fail(e.code(), "[", place_, "] ", path, ": expected a readable file, got ", e.what());
  }
}

int64_t TextLines::share(int64_t part, int64_t parts) {
  MIXNET_CHECK(parts >= 1 && part >= 0 && part < parts, invalid, "[", place_,
               "] part_index: expected 0 <= part_index < num_parts, got ", part, " of ", parts);
  if (parts == 1) return -1;
  while (!take(4096).empty()) {
  }
  const int64_t count = mark_.row;
  const auto limit = [&](int64_t p) { return count / parts * p + count % parts * p / parts; };
  rewind();
  while (mark_.row < limit(part)) take(std::min<int64_t>(4096, limit(part) - mark_.row));
  begin_ = mark_;
  end_ = limit(part + 1);
  return count;
}

void TextLines::rewind() {
  mark_ = begin_;
  buffer_.clear();
  pieces_.clear();
  kept_ = used_ = 0;
  read_at_ = mark_.offset;
}

// Reads on in the file; false at its end. What was taken before makes room.
bool TextLines::more() {
  buffer_.erase(0, kept_);
  for (Piece& p : pieces_) p.begin -= kept_;
  used_ -= kept_;
  kept_ = 0;
  const Source& file = *files_[mark_.file];
  const size_t held = buffer_.size();
  MIXNET_CHECK(held - used_ < longest, io, "[", place_, "] ", file.name(), ":", mark_.line + 1,
               ": expected lines of at most ", longest, " bytes, got a longer one");
  const int64_t left = std::max<int64_t>(0, file.size() - read_at_);
  buffer_.resize(held + std::min(std::max(block, held - used_), static_cast<size_t>(left)));
  const size_t got = file.read_at(read_at_, &buffer_[held], buffer_.size() - held);
  buffer_.resize(held + got);
  read_at_ += static_cast<int64_t>(got);
  return got > 0;
}

// A line of the buffer, if it is none that does not count.
void TextLines::keep(size_t begin, size_t end) {
  if (++mark_.line == 1 && buffer_.compare(begin, 3, byte_order_mark) == 0) begin = std::min(begin + 3, end);
  if (comment_)
    if (const void* at = std::memchr(&buffer_[begin], comment_, end - begin))
      end = static_cast<size_t>(static_cast<const char*>(at) - buffer_.data());
  while (begin < end && is_blank(buffer_[begin])) ++begin;
  while (begin < end && is_blank(buffer_[end - 1])) --end;
  if (begin == end) return;
  pieces_.push_back({begin, end - begin, mark_.file, mark_.line});
  ++mark_.row;
}

void TextLines::finish() {
  lines_.clear();
  for (const Piece& p : pieces_)
    lines_.push_back({{buffer_.data() + p.begin, p.size}, p.number, &files_[p.file]->name()});
}

void TextLines::next_file() {
  if (used_ < buffer_.size()) keep(used_, buffer_.size());
  used_ = buffer_.size();
  mark_ = {mark_.file + 1, 0, 0, mark_.row};
  read_at_ = 0;
}

const std::vector<TextLine>& TextLines::take(int64_t count) {
  kept_ = used_;
  pieces_.clear();
  if (end_ >= 0) count = std::min(count, end_ - mark_.row);
  while (static_cast<int64_t>(pieces_.size()) < count && mark_.file < files_.size()) {
    const void* const found = std::memchr(buffer_.data() + used_, '\n', buffer_.size() - used_);
    if (!found) {
      if (!more()) next_file();
      continue;
    }
    const size_t end = static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
    keep(used_, end);
    mark_.offset += static_cast<int64_t>(end + 1 - used_);
    used_ = end + 1;
  }
  finish();
  return lines_;
}

}  // namespace mixnet
