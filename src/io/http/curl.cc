#include "io/http/curl.h"

#include "base/environment.h"
#include "base/error.h"
#include "base/system_library.h"

namespace mixnet {

#define OPTION(name) {name, #name}
const CurlOptionName curl_option_names[] = {
    OPTION(LOW_SPEED_LIMIT),   OPTION(LOW_SPEED_TIME), OPTION(NOPROGRESS),
    OPTION(FOLLOWLOCATION),    OPTION(MAXREDIRS),      OPTION(HTTP_VERSION),
    OPTION(BUFFERSIZE),        OPTION(NOSIGNAL),       OPTION(TIMEOUT_MS),
    OPTION(CONNECTTIMEOUT_MS), OPTION(PROTOCOLS),      OPTION(REDIR_PROTOCOLS),
    OPTION(PATH_AS_IS),        OPTION(WRITEDATA),      OPTION(URL),
    OPTION(USERPWD),           OPTION(RANGE),          OPTION(ERRORBUFFER),
    OPTION(USERAGENT),         OPTION(HTTPHEADER),     OPTION(HEADERDATA),
    OPTION(XFERINFODATA),      OPTION(CAINFO),         OPTION(AWS_SIGV4),
    OPTION(WRITEFUNCTION),     OPTION(HEADERFUNCTION), OPTION(XFERINFOFUNCTION),
};
#undef OPTION
const size_t curl_option_count = sizeof curl_option_names / sizeof *curl_option_names;

namespace {

Curl load() {
  const SystemLibrary library("http", "libcurl", environment_string("CURL_LIBRARY", ""),
                              {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"},
                              "libcurl.so.4 (Debian package libcurl4)");
  Curl c{};
  int (*global_init)(long) = nullptr;
  auto find = [&](auto& function, const char* name) { library.find(function, name, "7.32"); };
  find(global_init, "curl_global_init");
  find(c.init, "curl_easy_init");
  find(c.cleanup, "curl_easy_cleanup");
  find(c.reset, "curl_easy_reset");
  find(c.setopt, "curl_easy_setopt");
  find(c.perform, "curl_easy_perform");
  find(c.getinfo, "curl_easy_getinfo");
  find(c.strerror, "curl_easy_strerror");
  find(c.slist_append, "curl_slist_append");
  find(c.slist_free_all, "curl_slist_free_all");
  constexpr long everything = 3;
  const int rc = global_init(everything);
  MIXNET_CHECK(rc == curl_ok, unsupported, "[http] libcurl: expected it to begin, got: ", c.strerror(rc));
  return c;
}

}  // namespace

const Curl& curl() {
  static const Curl c = load();
  return c;
}

}  // namespace mixnet
