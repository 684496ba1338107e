// One GET at a time over a connection that stays open, by libcurl. One thread at a time.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace mixnet {

// What is the same for all requests of a source.
struct HttpTarget {
  std::string url;
  std::string name;                  // for messages: without secrets
  std::vector<std::string> headers;  // NAME: VALUE
  std::string user, signature;       // KEY:SECRET and libcurl's provider of a version 4 signature; empty: none
  bool redirects = true;
};

struct HttpAnswer {
  int status = 0;  // 0: none came
  // Of Content-Range; -1: not said.
  int64_t first = -1, last = -1, total = -1;
  int64_t length = -1;  // Content-Length
  double retry_after_s = 0;
  std::string etag, modified, encoding, region;
  std::string text;  // the beginning of a body that is not a 2xx's, on one line
  // What went wrong on the way: libcurl's code and words. Or what the taker of the body did not like, and then nothing else.
  int code = 0;
  std::string problem, refusal;
};

class HttpConnection {
 public:
  // Throws Code::unsupported without libcurl.
  explicit HttpConnection(const HttpTarget* target);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Takes bytes of a 2xx's body, all headers being there; a text that is not empty refuses the rest.
  using Taker = std::function<std::string(const HttpAnswer&, const char*, size_t)>;
  // range: "0-99". Ends when `seconds` are over, when nothing came for a third of the timeout, or a second after stop is set.
  HttpAnswer get(const std::string& range, double seconds, double silence_s, const std::atomic<bool>& stop,
                 const Taker& taker);

 private:
  void prepare(const std::string& range, double seconds, double silence_s);

  const HttpTarget* const target_;
  void* const handle_;
  void* headers_ = nullptr;
  std::vector<char> message_;
};

}  // namespace mixnet
