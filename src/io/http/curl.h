// libcurl, found when it is first needed: MIXNET_CURL_LIBRARY, or else the system's libcurl.so.4.
//
// Its functions and the numbers of its options have not changed since version 7.16; what is newer is asked for and done without. So no headers of it
// are needed to build, and a build works with whatever version it meets (ADR 24).
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixnet {

// The names are libcurl's, after CURLOPT_.
enum CurlOption : int {
  LOW_SPEED_LIMIT = 19,
  LOW_SPEED_TIME = 20,
  NOPROGRESS = 43,
  FOLLOWLOCATION = 52,
  MAXREDIRS = 68,
  HTTP_VERSION = 84,
  BUFFERSIZE = 98,
  NOSIGNAL = 99,
  TIMEOUT_MS = 155,
  CONNECTTIMEOUT_MS = 156,
  PROTOCOLS = 181,
  REDIR_PROTOCOLS = 182,
  PATH_AS_IS = 234,
  WRITEDATA = 10001,
  URL = 10002,
  USERPWD = 10005,
  RANGE = 10007,
  ERRORBUFFER = 10010,
  USERAGENT = 10018,
  HTTPHEADER = 10023,
  HEADERDATA = 10029,
  XFERINFODATA = 10057,
  CAINFO = 10065,
  AWS_SIGV4 = 10305,
  WRITEFUNCTION = 20011,
  HEADERFUNCTION = 20079,
  XFERINFOFUNCTION = 20219,
};

// What happened, after CURLE_.
enum CurlCode : int {
  curl_ok = 0,
  unsupported_protocol = 1,
  url_malformat = 3,
  not_built_in = 4,
  couldnt_resolve_proxy = 5,
  couldnt_resolve_host = 6,
  write_error = 23,
  aborted_by_callback = 42,
  too_many_redirects = 47,
  unknown_option = 48,
  ssl_engine_notfound = 53,
  ssl_certproblem = 58,
  ssl_cipher = 59,
  peer_failed_verification = 60,
  ssl_cacert_badfile = 77,
};

struct CurlOptionName {
  CurlOption option;
  const char* name;
};
// All that are used, for the test that asks libcurl for their numbers.
extern const CurlOptionName curl_option_names[];
extern const size_t curl_option_count;

struct Curl {
  void* (*init)();
  void (*cleanup)(void*);
  void (*reset)(void*);
  int (*setopt)(void*, int option, ...);
  int (*perform)(void*);
  int (*getinfo)(void*, int info, ...);
  const char* (*strerror)(int code);
  void* (*slist_append)(void*, const char*);
  void (*slist_free_all)(void*);
};
constexpr int curl_response_code = 0x200002;  // of getinfo, a long

// Throws Code::unsupported where there is none.
const Curl& curl();

}  // namespace mixnet
