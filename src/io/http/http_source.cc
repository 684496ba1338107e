#include "io/http/http_source.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>

#include "base/environment.h"
#include "base/error.h"
#include "base/fork.h"
#include "io/http/curl.h"
#include "io/read_ahead.h"

namespace mixnet {
namespace {

constexpr int64_t part_bytes = 8 << 20, in_memory_bytes = 64 << 20;
constexpr double first_wait_s = 0.1, longest_wait_s = 5;
constexpr int lookups = 3;  // of a name that nobody knows

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string range_text(int64_t offset, int64_t bytes) { return concat(offset, "-", offset + bytes - 1); }

bool may_pass(int status) {
  for (const int passing : {408, 425, 429, 500, 502, 503, 504}) {
    if (status == passing) return true;
  }
  return false;
}

// Of what went wrong before or without an answer, what no second try will change.
bool is_final(int code) {
  for (const int final_code :
       {unsupported_protocol, url_malformat, not_built_in, couldnt_resolve_proxy, too_many_redirects, unknown_option,
        ssl_engine_notfound, ssl_certproblem, ssl_cipher, peer_failed_verification, ssl_cacert_badfile}) {
    if (code == final_code) return true;
  }
  return false;
}

class HttpSource final : public Source, private ForkListener {
 public:
  explicit HttpSource(HttpTarget target)
      : target_(std::move(target)), timeout_s_(static_cast<double>(environment_int("IO_TIMEOUT_S", 60))) {
    MIXNET_CHECK(timeout_s_ > 0, invalid, "[http] MIXNET_IO_TIMEOUT_S: expected at least 1, got ", timeout_s_);
    open();
    start_listening();
  }
  ~HttpSource() { stop_listening(); }

  const std::string& name() const override { return target_.name; }
  int64_t size() const override { return size_; }
  bool in_memory() const { return !whole_.empty() || size_ == 0; }

  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    const int64_t begin = std::min(std::max<int64_t>(0, offset), size_);
    const int64_t count = static_cast<int64_t>(std::min(bytes, static_cast<size_t>(size_ - begin)));
    if (in_memory()) {
      if (count > 0) std::memcpy(buffer, whole_.data() + begin, static_cast<size_t>(count));
      return static_cast<size_t>(count);
    }
    for (int64_t done = 0; done < count; done += part_bytes)
      read_part(begin + done, static_cast<char*>(buffer) + done, std::min(part_bytes, count - done));
    return static_cast<size_t>(count);
  }

  void stop() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    stopped_.notify_all();
  }

 private:
  using Taker = HttpConnection::Taker;

  void open();
  void read_part(int64_t offset, char* buffer, int64_t bytes) const;
  std::string opened_by(const HttpAnswer& answer, std::string* body);
  std::string disagreement(const HttpAnswer& answer, int64_t first, int64_t last) const;
  // Asks until `enough` says so of an answer, or for good.
  template <class Range, class Enough>
  void persist(const Range& range, const Taker& taker, const Enough& enough) const;
  HttpAnswer ask(const std::string& range, double seconds, const Taker& taker) const;
  std::string trouble(const HttpAnswer& answer, const std::string& range) const;
  void pause(double seconds) const;
  template <class... Args>
  [[noreturn]] void give_up(Code code, const std::string& range, const Args&... what) const {
    fail(code, "[http] ", target_.name, " bytes ", range, ": ", what...);
  }

  // The child's copies of connections are the parent's: they are left alone.
  void forked() override {
    new (&mutex_) std::mutex;
    new (&stopped_) std::condition_variable;
    for (auto& connection : idle_) static_cast<void>(connection.release());
    idle_.clear();
  }

  const HttpTarget target_;
  const double timeout_s_;
  int64_t size_ = -1;
  std::string version_;  // what later answers must say, too
  bool by_etag_ = false;
  std::string whole_;  // of a server without ranges
  mutable std::atomic<bool> stop_{false};
  mutable std::atomic<double> given_up_s_{0};  // when a read last had no time left
  mutable std::mutex mutex_;
  mutable std::condition_variable stopped_;
  mutable std::vector<std::unique_ptr<HttpConnection>> idle_;
};

HttpAnswer HttpSource::ask(const std::string& range, double seconds, const Taker& taker) const {
  std::unique_ptr<HttpConnection> connection;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!connection) connection = std::make_unique<HttpConnection>(&target_);
  HttpAnswer answer = connection->get(range, seconds, std::min(20.0, timeout_s_ / 3), stop_, taker);
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(std::move(connection));
  return answer;
}

void HttpSource::pause(double seconds) const {
  std::unique_lock<std::mutex> lock(mutex_);
  stopped_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return stop_.load(); });
}

// What may pass, in words; empty: nothing is wrong. Throws for what will not pass. A file that goes while it is read is a failing source, not a missing file.
std::string HttpSource::trouble(const HttpAnswer& answer, const std::string& range) const {
  const Code absent = size_ < 0 ? Code::io : Code::net;
  if (stop_) give_up(Code::net, range, "reading was stopped");
  if (!answer.refusal.empty()) give_up(absent, range, answer.refusal);
  if (is_final(answer.code)) give_up(Code::net, range, answer.problem);
  const std::string said = concat("HTTP ", answer.status, answer.text.empty() ? "" : ": ", answer.text);
  if (may_pass(answer.status)) return said;
  if (answer.status == 404 || answer.status == 410) give_up(absent, range, "no such file (", said, ")");
  if (answer.status == 401 || answer.status == 403) give_up(absent, range, "not allowed (", said, ")");
  if (answer.status / 100 == 3 && !target_.redirects)
    give_up(absent, range, "the bucket is elsewhere", answer.region.empty() ? "" : ", in region ", answer.region, " (",
            said, ")");
  if (answer.status / 100 > 2 && answer.status != 416) give_up(absent, range, "expected the file, got ", said);
  if (answer.code != curl_ok) return answer.problem;
  return answer.status == 0 ? "expected an answer in HTTP" : "";
}

template <class Range, class Enough>
void HttpSource::persist(const Range& range, const Taker& taker, const Enough& enough) const {
  const double begin = now_s(), end = begin + timeout_s_;
  double wait = first_wait_s;
  for (int tries = 1;; ++tries) {
    const std::string asked = range();
    const HttpAnswer answer = ask(asked, std::max(0.001, end - now_s()), taker);
    const std::string problem = trouble(answer, asked);
    if (enough(answer, problem)) return;
    const bool progress = range() != asked;
    if (progress && problem.empty()) continue;  // a server that gives less at a time
    const double pause_s = std::max(wait, std::min(answer.retry_after_s, timeout_s_));
    wait = progress ? first_wait_s : std::min(longest_wait_s, wait * 2);
    const bool nobody = answer.code == couldnt_resolve_host && tries >= lookups;
    // Who has tried for less long learns from who could not wait longer: reads of several threads end together.
    const bool lost = !progress && given_up_s_ > begin;
    if (now_s() + pause_s >= end || nobody) given_up_s_ = now_s();
    if (now_s() + pause_s >= end || nobody || lost)
      give_up(Code::net, asked, problem.empty() ? "got too few bytes" : problem, " (", tries, " tries in ",
              static_cast<int>(now_s() - begin + 0.5), " s)");
    pause(pause_s);
    if (stop_) give_up(Code::net, asked, "reading was stopped");
  }
}

// What size and version are by the first answer, or why they cannot be known. Of a server without ranges the body is kept.
std::string HttpSource::opened_by(const HttpAnswer& answer, std::string* body) {
  if (!answer.encoding.empty())
    return concat("expected the file as it is, got it in Content-Encoding ", answer.encoding);
  int64_t size = answer.total;
  if (answer.status == 200) {
    const int64_t at_least = std::max(answer.length, static_cast<int64_t>(body->size()));
    if (at_least > in_memory_bytes)
      return concat("expected a server that answers range requests, or a file of at most ", in_memory_bytes >> 20,
                    " MiB, got ", at_least, " bytes or more without ranges");
    size = static_cast<int64_t>(body->size());
  } else if (answer.status != 206 && !(answer.status == 416 && answer.total == 0)) {
    return concat("expected bytes 0-0, got HTTP ", answer.status);
  } else if (size < 0 || (answer.status == 206 && answer.first != 0)) {
    return "expected Content-Range: bytes 0-0/SIZE, got something else";
  }
  size_ = size;
  by_etag_ = !answer.etag.empty();
  version_ = by_etag_ ? answer.etag : answer.modified;
  return "";
}

void HttpSource::open() {
  std::string body;
  const auto range = [&] {
    body.clear();
    return std::string("0-0");
  };
  const auto take = [&](const HttpAnswer& answer, const char* data, size_t bytes) -> std::string {
    if (answer.status == 200) body.append(data, bytes);
    if (answer.status != 200 ||
        (answer.length <= in_memory_bytes && static_cast<int64_t>(body.size()) <= in_memory_bytes))
      return "";
    return opened_by(answer, &body);
  };
  persist(range, take, [&](const HttpAnswer& answer, const std::string& problem) {
    if (!problem.empty()) return false;
    const std::string why = opened_by(answer, &body);
    if (!why.empty()) give_up(Code::io, "0-0", why);
    if (answer.status == 200) whole_.swap(body);
    return true;
  });
}

// Why an answer is not bytes first to last, or earlier ones, of the file that was opened.
std::string HttpSource::disagreement(const HttpAnswer& answer, int64_t first, int64_t last) const {
  const std::string& version = by_etag_ ? answer.etag : answer.modified;
  if (answer.status == 416 || answer.status == 412 || (answer.total >= 0 && answer.total != size_) ||
      version != version_)
    return concat("the file changed while it was read: it had ", size_, " bytes and version '", version_, "', and has ",
                  answer.total < 0 ? "another number of" : concat(answer.total), " bytes and version '", version, "'");
  if (!answer.encoding.empty())
    return concat("expected the file as it is, got it in Content-Encoding ", answer.encoding);
  if (answer.status != 206) return concat("expected a part of the file, got HTTP ", answer.status);
  if (answer.first != first || answer.last < first || answer.last > last)
    return concat("expected these bytes, got ", answer.first, "-", answer.last);
  return "";
}

void HttpSource::read_part(int64_t offset, char* buffer, int64_t bytes) const {
  int64_t done = 0, asked = 0;
  const auto range = [&] {
    asked = done;
    return range_text(offset + done, bytes - done);
  };
  const auto take = [&](const HttpAnswer& answer, const char* data, size_t count) -> std::string {
    const std::string why = disagreement(answer, offset + asked, offset + bytes - 1);
    if (!why.empty()) return why;
    const auto got = static_cast<int64_t>(count);
    if (got > bytes - done) return concat("expected ", bytes, " bytes, got more");
    std::memcpy(buffer + done, data, count);
    done += got;
    return "";
  };
  persist(range, take, [&](const HttpAnswer& answer, const std::string& problem) {
    if (!problem.empty()) return false;
    const std::string why = disagreement(answer, offset + asked, offset + bytes - 1);
    if (!why.empty()) give_up(Code::net, range_text(offset + asked, bytes - asked), why);
    return done == bytes;
  });
}

}  // namespace

std::string shown_url(const std::string& url) {
  std::string shown = url.substr(0, url.find_first_of("?#"));
  const size_t host = shown.find("://") + 3, end = shown.find('/', host);
  const size_t at = shown.rfind('@', end);
  if (at != std::string::npos && at >= host) shown.erase(host, at + 1 - host);
  return shown;
}

std::shared_ptr<const Source> open_http(const std::string& url) {
  HttpTarget target;
  target.url = url;
  target.name = shown_url(url);
  return open_http(std::move(target));
}

std::shared_ptr<const Source> open_http(HttpTarget target) {
  auto source = std::make_shared<const HttpSource>(std::move(target));
  if (source->in_memory()) return source;
  return read_ahead(std::move(source));
}

}  // namespace mixnet
