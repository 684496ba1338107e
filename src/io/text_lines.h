// The lines of text files, in order, again and again. Blank lines are none.
//
// A path is a file, a folder (its files by name), or several of either, separated by ';'. Of a file no more is held than the lines that were asked for.
// One thread at a time.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/source.h"

namespace mixnet {

struct TextLine {
  std::string_view text;  // without blanks at its ends
  int64_t number;         // in its file, from 1
  const std::string* file;
};

class TextLines {
 public:
  // What follows `comment` in a line does not count; 0: everything does. Throws `[place] PATH: ...` with Code::io.
  TextLines(std::string place, const std::string& paths, char comment = 0);

  // Keeps share `part` of `parts`, in numbers of lines. Reads all once, to count them: how many there are; -1 for the whole, which needs no count.
  int64_t share(int64_t part, int64_t parts);
  // The next lines, as many as there are up to `count`, valid until the next call; none at the end.
  const std::vector<TextLine>& take(int64_t count);
  // To the beginning of the share.
  void rewind();
  // See Source. Any thread.
  void stop() const {
    for (const auto& file : files_) file->stop();
  }
  // The next line's number among all, from 0.
  int64_t tell() const { return mark_.row; }
  const std::string& paths() const { return paths_; }

 private:
  struct Mark {
    size_t file = 0;
    int64_t offset = 0;  // in the file
    int64_t line = 0;    // of the file, so many before
    int64_t row = 0;     // of all that count
  };
  struct Piece {
    size_t begin, size, file;
    int64_t number;
  };
  void add(const std::string& path);
  bool more();
  void keep(size_t begin, size_t end);
  void next_file();
  void finish();

  const std::string place_, paths_;
  const char comment_;
  std::vector<std::shared_ptr<const Source>> files_;
  Mark begin_, mark_;  // of the share; of what follows the lines that were taken
  int64_t end_ = -1;   // row after the share, -1: none
  std::string buffer_;
  size_t kept_ = 0, used_ = 0;  // of the buffer: where the lines that were taken begin and end
  int64_t read_at_ = 0;         // where the buffer ends, in the file
  std::vector<Piece> pieces_;
  std::vector<TextLine> lines_;
};

}  // namespace mixnet
