#include "io/http/connection.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "base/error.h"
#include "io/http/curl.h"

namespace mixnet {
namespace {

constexpr size_t longest_text = 300, message_bytes = 512;  // libcurl wants 256

// OpenSSL writes to a socket whose peer is gone: that must not end the program.
class PipeSignalOff {
 public:
  PipeSignalOff() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalOff() {
    sigset_t pending;
    sigpending(&pending);
    int signal = 0;
    if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) sigwait(&pipe_, &signal);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalOff(const PipeSignalOff&) = delete;
  PipeSignalOff& operator=(const PipeSignalOff&) = delete;

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

struct Transfer {
  HttpAnswer answer;
  const HttpConnection::Taker& taker;
  const std::atomic<bool>& stop;
  std::exception_ptr error;
};

// "bytes 0-99/1000", "bytes */1000".
void read_content_range(const std::string& value, HttpAnswer* answer) {
  if (value.compare(0, 6, "bytes ") != 0) return;
  const char* at = value.c_str() + 6;
  char* end = nullptr;
  if (*at != '*') {
    const int64_t first = std::strtoll(at, &end, 10);
    if (end == at || *end != '-') return;
    at = end + 1;
    const int64_t last = std::strtoll(at, &end, 10);
    if (end == at || *end != '/') return;
    answer->first = first;
    answer->last = last;
    at = end;
  } else {
    ++at;
  }
  if (*at != '/' || at[1] < '0' || at[1] > '9') return;
  answer->total = std::strtoll(at + 1, nullptr, 10);
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string trimmed(const std::string& text) {
  size_t begin = 0, end = text.size();
  while (begin < end && is_space(text[begin])) ++begin;
  while (end > begin && is_space(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

void read_header(const std::string& line, HttpAnswer* answer) {
  if (line.compare(0, 5, "HTTP/") == 0) {  // of this answer; those before it led elsewhere
    *answer = {};
    const size_t space = line.find(' ');
    if (space != std::string::npos) answer->status = std::atoi(line.c_str() + space);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return;
  std::string name = line.substr(0, colon);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string value = trimmed(line.substr(colon + 1));
  if (name == "etag") answer->etag = value;
  if (name == "last-modified") answer->modified = value;
  if (name == "content-encoding" && value != "identity") answer->encoding = value;
  if (name == "x-amz-bucket-region") answer->region = value;
  if (name == "content-range") read_content_range(value, answer);
  if (name == "content-length") answer->length = std::strtoll(value.c_str(), nullptr, 10);
  if (name == "retry-after") answer->retry_after_s = std::atof(value.c_str());
}

// Nothing may be thrown across libcurl's frames.
template <class F>
size_t attempt(Transfer* transfer, F body) {
  try {
    return body();
  } catch (...) {
    transfer->error = std::current_exception();
    return 0;
  }
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  return attempt(transfer, [&] {
    read_header(std::string(data, size * count), &transfer->answer);
    return size * count;
  });
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  return attempt(transfer, [&]() -> size_t {
    HttpAnswer& answer = transfer->answer;
    const size_t bytes = size * count;
    if (transfer->stop) return 0;
    if (answer.status / 100 != 2) {
      for (size_t i = 0; i < bytes && answer.text.size() < longest_text; ++i)
        answer.text += data[i] >= ' ' && data[i] < 127 ? data[i] : ' ';
      return bytes;
    }
    answer.refusal = transfer->taker(answer, data, bytes);
    return answer.refusal.empty() ? bytes : 0;
  });
}

int on_progress(void* user, int64_t, int64_t, int64_t, int64_t) { return static_cast<Transfer*>(user)->stop ? 1 : 0; }

// libcurl itself does not look for what its tool and OpenSSL's users set.
std::string certificates() {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* path = std::getenv(name);
    if (path && *path) return path;
  }
  return "";
}

}  // namespace

HttpConnection::HttpConnection(const HttpTarget* target)
    : target_(target), handle_(curl().init()), message_(message_bytes) {
  if (!handle_) throw std::bad_alloc();
  for (const std::string& header : target_->headers) {
    void* const longer = curl().slist_append(headers_, header.c_str());
    if (!longer) {
      curl().slist_free_all(headers_);
      curl().cleanup(handle_);
      throw std::bad_alloc();
    }
    headers_ = longer;
  }
}

HttpConnection::~HttpConnection() {
  const PipeSignalOff off;
  curl().cleanup(handle_);
  curl().slist_free_all(headers_);
}

void HttpConnection::prepare(const std::string& range, double seconds, double silence_s) {
  const Curl& c = curl();
  c.reset(handle_);  // keeps connections
  const auto number = [&](CurlOption option, int64_t value) { c.setopt(handle_, option, static_cast<long>(value)); };
  const auto text = [&](CurlOption option, const std::string& value) { c.setopt(handle_, option, value.c_str()); };
  text(URL, target_->url);
  text(RANGE, range);
  text(USERAGENT, "mixnet");
  c.setopt(handle_, ERRORBUFFER, message_.data());
  c.setopt(handle_, HTTPHEADER, headers_);
  number(NOSIGNAL, 1);
  number(HTTP_VERSION, 2);  // 1.1: several connections are what makes reading ahead fast
  number(BUFFERSIZE, 512 << 10);
  number(PATH_AS_IS, target_->signature.empty() ? 0 : 1);
  number(FOLLOWLOCATION, target_->redirects ? 1 : 0);
  number(MAXREDIRS, 10);
  constexpr int64_t http = 1, https = 2;
  const bool safe = target_->url.compare(0, 6, "https:") == 0;
  number(PROTOCOLS, http | https);
  number(REDIR_PROTOCOLS, safe ? https : http | https);
  number(TIMEOUT_MS, std::max<int64_t>(1, static_cast<int64_t>(seconds * 1000)));
  number(CONNECTTIMEOUT_MS, std::max<int64_t>(1, static_cast<int64_t>(std::min(seconds, silence_s) * 1000)));
  number(LOW_SPEED_LIMIT, 1);
  number(LOW_SPEED_TIME, std::max<int64_t>(1, static_cast<int64_t>(silence_s)));
  const std::string bundle = certificates();
  if (!bundle.empty()) text(CAINFO, bundle);
  if (target_->signature.empty()) return;
  text(USERPWD, target_->user);
  const int rc = c.setopt(handle_, AWS_SIGV4, target_->signature.c_str());
  MIXNET_CHECK(rc == curl_ok, unsupported,
               "[http] libcurl: expected version 7.75 or later for signed requests, got: ", c.strerror(rc));
}

HttpAnswer HttpConnection::get(const std::string& range, double seconds, double silence_s,
                               const std::atomic<bool>& stop, const Taker& taker) {
  const Curl& c = curl();
  prepare(range, seconds, silence_s);
  Transfer transfer{{}, taker, stop, nullptr};
  c.setopt(handle_, HEADERFUNCTION, on_header);
  c.setopt(handle_, HEADERDATA, &transfer);
  c.setopt(handle_, WRITEFUNCTION, on_body);
  c.setopt(handle_, WRITEDATA, &transfer);
  c.setopt(handle_, XFERINFOFUNCTION, on_progress);
  c.setopt(handle_, XFERINFODATA, &transfer);
  c.setopt(handle_, NOPROGRESS, 0L);
  message_[0] = '\0';
  {
    const PipeSignalOff off;
    transfer.answer.code = c.perform(handle_);
  }
  if (transfer.error) std::rethrow_exception(transfer.error);
  HttpAnswer& answer = transfer.answer;
  answer.text = trimmed(answer.text);
  if (answer.code != curl_ok) answer.problem = message_[0] ? trimmed(message_.data()) : c.strerror(answer.code);
  return answer;
}

}  // namespace mixnet
