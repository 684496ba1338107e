#include "op/core/gpu/cudnn_choices.h"

#include <cctype>
#include <sstream>

#include "base/cache.h"

namespace mixnet::gpu::cudnn {
namespace {

constexpr const char* title = "engines of cuDNN, 1";

std::string file_name(size_t version, const std::string& model) {
  std::string name = "cudnn/" + std::to_string(version) + "-" + model;
  for (size_t i = 6; i < name.size(); ++i) {
    if (!std::isalnum(static_cast<unsigned char>(name[i])) && name[i] != '-') name[i] = '_';
  }
  return name;
}

// "problem engine type=value type=value ;", with single spaces.
std::string line_of(const std::string& problem, const Choice& c) {
  std::ostringstream out;
  out << problem << ' ' << c.engine;
  for (const auto& [type, value] : c.knobs) out << ' ' << type << '=' << value;
  out << " ;\n";
  return out.str();
}

std::optional<std::pair<std::string, Choice>> parse(const std::string& line) {
  std::istringstream in(line);
  std::string problem, word;
  Choice c;
  if (!(in >> problem >> c.engine) || c.engine < 0) return std::nullopt;
  while (in >> word) {
    if (word == ";") return std::pair(problem, c);
    std::istringstream knob(word);
    int type;
    int64_t value;
    char is, more;
    if (!(knob >> type >> is >> value) || is != '=' || knob >> more) return std::nullopt;
    c.knobs.emplace_back(type, value);
  }
  return std::nullopt;
}

}  // namespace

Choices::Choices(size_t version, const std::string& model) : name_(file_name(version, model)) { read(); }

void Choices::read() {
  std::istringstream in(read_cache(name_).value_or(""));
  std::string line;
  if (!std::getline(in, line) || line != title) return;
  while (std::getline(in, line)) {
    if (auto entry = parse(line)) known_.insert(std::move(*entry));
  }
}

std::optional<Choice> Choices::find(const std::string& problem) const {
  const auto it = known_.find(problem);
  return it == known_.end() ? std::nullopt : std::optional<Choice>(it->second);
}

void Choices::keep(const std::string& problem, const Choice& choice) {
  known_[problem] = choice;
  read();
  std::string text = std::string(title) + "\n";
  for (const auto& [name, chosen] : known_) text += line_of(name, chosen);
  write_cache(name_, text);
}

}  // namespace mixnet::gpu::cudnn
