// Which engine of cuDNN was the quickest for a problem, kept on disk for later processes: a file per version of cuDNN and model of GPU, a
// line per problem.
//
// A line that is damaged counts for nothing. At worst a line names a slower engine, or one that cuDNN refuses: every engine gives the right result.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mixnet::gpu::cudnn {

struct Choice {
  int64_t engine = 0;
  std::vector<std::pair<int, int64_t>> knobs;  // type, value

  bool operator==(const Choice& o) const { return engine == o.engine && knobs == o.knobs; }
};

// Guarded by whoever has it.
class Choices {
 public:
  Choices(size_t version, const std::string& model);
  std::optional<Choice> find(const std::string& problem) const;
  // Writes the file, with what other processes have put into it since.
  void keep(const std::string& problem, const Choice& choice);

 private:
  void read();

  const std::string name_;
  std::map<std::string, Choice> known_;
};

}  // namespace mixnet::gpu::cudnn
