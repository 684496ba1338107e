#include "engine/trace.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "base/error.h"
#include "base/json.h"
#include "base/profile.h"

namespace mixnet {
namespace {

using profile::Category;
using profile::Kind;
using profile::Record;

// Bytes that are no UTF-8 become '?', so that what is written is JSON whatever a name holds.
std::string readable(const char* text) {
  std::string out;
  for (const char* at = text; *at;) {
    const auto first = static_cast<unsigned char>(*at);
    const int length = first < 0x80                    ? 1
                       : first >= 0xC2 && first < 0xE0 ? 2
                       : first >= 0xE0 && first < 0xF0 ? 3
                       : first >= 0xF0 && first < 0xF5 ? 4
                                                       : 0;
    int good = length > 0 ? 1 : 0;
    while (good > 0 && good < length && (static_cast<unsigned char>(at[good]) & 0xC0) == 0x80) ++good;
    const auto second = static_cast<unsigned char>(good > 1 ? at[1] : 0);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool outside = (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);
    if (good == 0 || good < length || overlong || outside) {
      out += '?';
      ++at;
    } else {
      out.append(at, static_cast<size_t>(length));
      at += length;
    }
  }
  return out;
}

std::string quoted(const char* text) { return Json(readable(text)).dump(); }

std::string category_name(const Record& record) {
  switch (record.category) {
    case Category::engine: return "engine";
    case Category::symbolic: return "operator";
    case Category::imperative: return "operator";
    case Category::memory: return "memory";
    case Category::api: return "api";
    case Category::user: break;
  }
  return readable(record.detail());
}

std::string microseconds(int64_t nanoseconds) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(nanoseconds / 1000),
                static_cast<long long>(nanoseconds % 1000));
  return text;
}

long long process() {
#ifdef _WIN32
  return 1;
#else
  return getpid();
#endif
}

class File {
 public:
  explicit File(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wb")) {
    MIXNET_CHECK(file_, io, "[profiler] cannot write ", path_, ": ", std::strerror(errno));
  }
  ~File() {
    if (file_) std::fclose(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(const std::string& text) {
    MIXNET_CHECK(std::fwrite(text.data(), 1, text.size(), file_) == text.size(), io, "[profiler] cannot write ", path_,
                 ": ", std::strerror(errno));
  }
  void close() {
    std::FILE* file = std::exchange(file_, nullptr);
    MIXNET_CHECK(std::fclose(file) == 0, io, "[profiler] cannot write ", path_, ": ", std::strerror(errno));
  }

 private:
  std::string path_;
  std::FILE* file_;
};

std::string arguments_of(const Record& record) {
  std::string text;
  auto add = [&](const char* key, const std::string& value) {
    text += concat(text.empty() ? "" : ",", '"', key, "\":", value);
  };
  const char* key = record.category == Category::symbolic ? "node"
                    : record.category == Category::engine ? "on"
                                                          : "what";
  if (record.category != Category::user && *record.detail()) add(key, quoted(record.detail()));
  if (record.failed) add("failed", "true");
  return text;
}

std::string event(const Record& record, int64_t origin) {
  const std::string when = microseconds(record.begin - origin);
  std::string text = concat("{\"name\":", quoted(record.name()), ",\"cat\":", Json(category_name(record)).dump(),
                            ",\"pid\":", process(), ",\"tid\":", record.thread, ",\"ts\":", when);
  if (record.kind == Kind::counter) return text + concat(",\"ph\":\"C\",\"args\":{\"value\":", record.value, "}}");
  text += record.kind == Kind::instant ? ",\"ph\":\"i\",\"s\":\"p\""
                                       : ",\"ph\":\"X\",\"dur\":" + microseconds(record.end - record.begin);
  const std::string arguments = arguments_of(record);
  return text + (arguments.empty() ? "}" : ",\"args\":{" + arguments + "}}");
}

struct Sum {
  int64_t count = 0;
  double total = 0, least = 0, most = 0;

  void add(double value) {
    least = count ? std::min(least, value) : value;
    most = count ? std::max(most, value) : value;
    total += value;
    ++count;
  }
  Json json(bool with_total) const {
    Json j = Json::object();
    j.set("Count", count);
    if (with_total) j.set("Total", total);
    j.set("Min", least);
    j.set("Max", most);
    j.set("Avg", total / static_cast<double>(std::max<int64_t>(count, 1)));
    return j;
  }
};

using Sums = std::map<std::string, std::map<std::string, Sum>>;

Json sums_json(const Sums& sums, bool with_total) {
  Json all = Json::object();
  for (const auto& [category, names] : sums) {
    Json group = Json::object();
    for (const auto& [name, sum] : names) group.set(name, sum.json(with_total));
    all.set(category, std::move(group));
  }
  return all;
}

std::string summed(const profile::Recorded& recorded) {
  Sums times, memory, counters;
  for (size_t i = recorded.aggregate_from; i < recorded.records.size(); ++i) {
    const Record& r = recorded.records[i];
    const std::string name = readable(r.name());
    if (r.kind == Kind::span) times[category_name(r)][name].add(static_cast<double>(r.end - r.begin) / 1e6);
    if (r.kind == Kind::instant) times[category_name(r)][name].add(0);
    if (r.kind != Kind::counter) continue;
    if (r.category == Category::memory) memory["Device Storage"][name].add(static_cast<double>(r.value) / 1000);
    if (r.category != Category::memory) counters[category_name(r)][name].add(static_cast<double>(r.value));
  }
  Json unit = Json::object({{"Time", "ms"}, {"Memory", "kB"}});
  Json all = Json::object();
  all.set("Time", sums_json(times, true));
  all.set("Memory", sums_json(memory, false));
  all.set("Counter", sums_json(counters, false));
  all.set("Unit", std::move(unit));
  all.set("Dropped", recorded.dropped);
  return all.dump();
}

}  // namespace

void write_trace(const std::string& path) {
  File file(path);
  profile::read([&](const profile::Recorded& recorded) {
    std::string text = concat("{\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped\":", recorded.dropped,
                              "},\"traceEvents\":[\n", "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":", process(),
                              ",\"tid\":0,\"args\":{\"name\":\"mixnet\"}}");
    for (const profile::ThreadName& thread : recorded.threads) {
      text += concat(",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":", process(), ",\"tid\":", thread.thread,
                     ",\"args\":{\"name\":", quoted(thread.name), "}}");
    }
    for (const Record& record : recorded.records) {
      text += ",\n" + event(record, recorded.origin);
      if (text.size() < 1 << 16) continue;
      file.write(text);
      text.clear();
    }
    file.write(text + "\n]}\n");
  });
  file.close();
}

std::string aggregate_json(bool restart) {
  std::string text;
  auto sum = [&](const profile::Recorded& recorded) { text = summed(recorded); };
  restart ? profile::read_and_restart_sums(sum) : profile::read(sum);
  return text;
}

}  // namespace mixnet
