// Labels of images by id, from a list: lines of an id, one or more labels and a path, with tabs between. They stand in place of those in the records.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "base/span.h"

namespace mixnet {

class ImageList {
 public:
  // `width` labels in each line; -1: any number, at least one. Throws Code::io "[place] PATH line 7: expected ..., got ...".
  ImageList(const std::string& place, const std::string& path, int64_t width);

  // Those of an id; null: it is not in the list.
  Span<const float> find(uint64_t id) const;
  int64_t widest() const { return widest_; }

 private:
  struct Labels {
    size_t begin, count;
  };
  std::unordered_map<uint64_t, Labels> by_id_;
  std::vector<float> labels_;
  int64_t widest_ = 0;
};

}  // namespace mixnet
