// Bytes of a file on a web server, by range requests.
//
// Size and version (ETag, else Last-Modified) are those of the first answer, and every later answer must agree: a file that changes is an error, never a
// mixture. What may pass (connections that break or stay silent, answers cut short, 408, 425, 429, 500, 502 to 504) is tried again, from where it
// broke off, until MIXNET_IO_TIMEOUT_S seconds are over for these 8 MiB. A server without ranges: its file is kept in memory where it has at most 64 MiB.
#pragma once
#include "io/http/connection.h"
#include "io/source.h"

namespace mixnet {

// Wrapped by a ReadAhead. Throws Code::io for what is not there or not allowed, net, unsupported.
std::shared_ptr<const Source> open_http(const std::string& url);
std::shared_ptr<const Source> open_http(HttpTarget target);

// The URL without user, password, query and fragment, which may be secrets.
std::string shown_url(const std::string& url);

}  // namespace mixnet
