#include "io/image_list.h"

#include <algorithm>

#include "base/error.h"
#include "io/number_text.h"
#include "io/text_lines.h"

namespace mixnet {
namespace {

constexpr int64_t lines_at_once = 4096;

// The next field, without its tab; false at the last, which is the path.
bool next_field(std::string_view* line, std::string_view* field) {
  const size_t tab = line->find('\t');
  if (tab == std::string_view::npos) return false;
  *field = line->substr(0, tab);
  line->remove_prefix(tab + 1);
  return true;
}

template <class T>
T number_of(std::string_view field, const std::string& where, const char* what) {
  T value{};
  std::string_view rest = field;
  MIXNET_CHECK(read_number(&rest, &value) && rest.find_first_not_of(" \r") == std::string_view::npos, io, where,
               ": expected ", what, ", got '", std::string(field.substr(0, 40)), "'");
  return value;
}

}  // namespace

ImageList::ImageList(const std::string& place, const std::string& path, int64_t width) {
  TextLines lines(place, path);
  for (;;) {
    const std::vector<TextLine>& some = lines.take(lines_at_once);
    if (some.empty()) break;
    for (const TextLine& line : some) {
      const std::string where = concat("[", place, "] ", *line.file, " line ", line.number);
      std::string_view rest = line.text, field;
      MIXNET_CHECK(next_field(&rest, &field), io, where, ": expected an id, labels and a path, with tabs between");
      const auto id = number_of<uint64_t>(field, where, "an id");
      const Labels labels{labels_.size(), 0};
      while (next_field(&rest, &field)) labels_.push_back(number_of<float>(field, where, "a label"));
      const auto count = static_cast<int64_t>(labels_.size() - labels.begin);
      MIXNET_CHECK(width < 0 ? count > 0 : count == width, io, where, ": expected ",
                   width < 0 ? std::string("labels") : concat(width, width == 1 ? " label" : " labels"), ", got ",
                   count);
      by_id_[id] = {labels.begin, static_cast<size_t>(count)};
      widest_ = std::max(widest_, count);
    }
  }
}

Span<const float> ImageList::find(uint64_t id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return {};
  return {labels_.data() + found->second.begin, found->second.count};
}

}  // namespace mixnet
