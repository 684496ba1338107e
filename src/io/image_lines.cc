#include "io/image_lines.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/real_text.h"

namespace mixnet {
namespace {

uint64_t read_id(const std::string& text) {
  uint64_t id = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, id);
  MIXNET_CHECK(problem == std::errc() && stopped == end, io, "expected an integer of at least 0 as id, got '", text,
               "'");
  return id;
}

float read_label(const std::string& text) {
  char* end = nullptr;
  const double value = read_real(text.c_str(), &end);
  MIXNET_CHECK(!text.empty() && *end == '\0', io, "expected a number as label, got '", text, "'");
  return static_cast<float>(value);
}

}  // namespace

ImageListEntry parse_image_list_line(const std::string& line) {
  std::vector<std::string> fields;
  for (size_t from = 0, tab = 0; tab != std::string::npos; from = tab + 1) {
    tab = line.find('\t', from);
    fields.push_back(line.substr(from, tab == std::string::npos ? tab : tab - from));
  }
  MIXNET_CHECK(fields.size() >= 3, io, "expected an id, a label and a path with tabs in between, got ", fields.size(),
               fields.size() == 1 ? " field" : " fields");
  ImageListEntry entry;
  entry.id = read_id(fields.front());
  for (size_t i = 1; i + 1 < fields.size(); ++i) entry.labels.push_back(read_label(fields[i]));
  entry.path = fields.back();
  return entry;
}

ImageListReader::ImageListReader(const std::string& path) : path_(path), file_(path, std::ios::binary) {
  MIXNET_CHECK(file_, io, "[image list] ", path, ": ", std::strerror(errno));
}

bool ImageListReader::next(std::string* line) {
  while (std::getline(file_, *line)) {
    ++number_;
    const size_t last = line->find_last_not_of(" \t\r");
    line->erase(last == std::string::npos ? 0 : last + 1);
    if (!line->empty()) return true;
  }
  MIXNET_CHECK(!file_.bad(), io, "[image list] ", path_, ": ", std::strerror(errno));
  return false;
}

int64_t count_image_list(const std::string& path) {
  ImageListReader reader(path);
  std::string line;
  int64_t count = 0;
  while (reader.next(&line)) ++count;
  return count;
}

}  // namespace mixnet
