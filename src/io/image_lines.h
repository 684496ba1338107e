// Lists of images (.lst): lines `ID TAB LABEL TAB ... TAB PATH`, with one label or more.
#pragma once
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace mixnet {

struct ImageListEntry {
  uint64_t id = 0;
  std::vector<float> labels;
  std::string path;
};

// Throws Code::io saying what is wrong with the line.
ImageListEntry parse_image_list_line(const std::string& line);

// The lines of a file that are not empty, one at a time; the file is not held in memory.
class ImageListReader {
 public:
  // Throws Code::io.
  explicit ImageListReader(const std::string& path);
  // False at the end. Numbers are those of the file's lines, from 1.
  bool next(std::string* line);
  int64_t line_number() const { return number_; }

 private:
  const std::string path_;
  std::ifstream file_;
  int64_t number_ = 0;
};

int64_t count_image_list(const std::string& path);

}  // namespace mixnet
