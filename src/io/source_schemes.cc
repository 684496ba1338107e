#include "io/source_schemes.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/error.h"
#include "io/http/http_source.h"
#include "io/http/s3.h"

namespace mixnet {
namespace {

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool in_scheme(char c) { return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; }
char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::mutex& schemes_mutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}
std::map<std::string, SourceOpener>& schemes() {
  static std::map<std::string, SourceOpener>& all = *new std::map<std::string, SourceOpener>;
  return all;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = small(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// file:///path, file://localhost/path; %41 is A.
std::shared_ptr<const Source> open_file_uri(const std::string& uri) {
  const size_t begin = uri.find('/', 7);
  const std::string host = uri.substr(7, begin == std::string::npos ? begin : begin - 7);
  MIXNET_CHECK(begin != std::string::npos && (host.empty() || host == "localhost"), invalid, "[open] ", uri,
               ": expected file:///path");
  std::string path;
  for (size_t i = begin; i < uri.size(); ++i) {
    const bool coded = uri[i] == '%' && i + 2 < uri.size() && hex(uri[i + 1]) >= 0 && hex(uri[i + 2]) >= 0;
    path += coded ? static_cast<char>(hex(uri[i + 1]) * 16 + hex(uri[i + 2])) : uri[i];
    if (coded) i += 2;
  }
  return open_file(path);
}

}  // namespace

std::string scheme_of(const std::string& uri) {
  size_t end = 0;
  while (end < uri.size() && in_scheme(uri[end])) ++end;
  if (end < 2 || !letter(uri[0]) || uri.compare(end, 3, "://") != 0) return "";
  std::string scheme = uri.substr(0, end);
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), small);
  return scheme;
}

void register_scheme(const std::string& scheme, SourceOpener opener) {
  MIXNET_CHECK(scheme_of(scheme + "://") == scheme && !scheme.empty() && scheme != "file", invalid,
               "[register_scheme] scheme: expected small letters, digits, '+', '-' and '.' but not 'file', got '",
               scheme, "'");
  // What goes may run the program's code, which may come back here.
  const std::lock_guard<std::mutex> lock(schemes_mutex());
  schemes()[scheme].swap(opener);
}

std::shared_ptr<const Source> open_source(const std::string& uri) {
  const std::string scheme = scheme_of(uri);
  if (scheme.empty()) return open_file(uri);
  SourceOpener opener;
  {
    const std::lock_guard<std::mutex> lock(schemes_mutex());
    const auto found = schemes().find(scheme);
    if (found != schemes().end()) opener = found->second;
  }
  if (opener) return opener(uri);
  if (scheme == "file") return open_file_uri(uri);
  if (scheme == "http" || scheme == "https") return open_http(uri);
  if (scheme == "s3") return open_s3(uri);
  fail(Code::unsupported, "[open] ", uri, ": expected a path or file, http, https, s3 or a registered scheme, got '",
       scheme, "'");
}

}  // namespace mixnet
