#include "io/http/s3.h"

#include <cstdlib>

#include "base/error.h"
#include "io/http/http_source.h"

namespace mixnet {
namespace {

// The first of these that is set, and what it says.
std::string setting(std::initializer_list<const char*> names, const char* fallback = "") {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value && *value) return value;
  }
  return fallback;
}

// As signatures of version 4 want it: everything but unreserved characters, and slashes.
std::string coded(const std::string& key) {
  static const char digits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : key) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || c == '/';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) text += c;
    else text += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

// A bucket with dots in its name has no certificate as a host.
std::string base_url(const std::string& bucket, const std::string& region) {
  std::string endpoint = setting({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  MIXNET_CHECK(endpoint.empty() || endpoint.compare(0, 7, "http://") == 0 || endpoint.compare(0, 8, "https://") == 0,
               invalid, "[s3] AWS_ENDPOINT_URL: expected http://... or https://..., got '", endpoint, "'");
  if (!endpoint.empty()) return endpoint + "/" + bucket;
  const std::string host = "s3." + region + ".amazonaws.com";
  return bucket.find('.') == std::string::npos ? "https://" + bucket + "." + host : "https://" + host + "/" + bucket;
}

}  // namespace

HttpTarget s3_target(const std::string& uri) {
  const size_t slash = uri.find('/', 5);
  MIXNET_CHECK(slash != std::string::npos && slash > 5 && slash + 1 < uri.size(), invalid, "[s3] ", uri,
               ": expected s3://bucket/key");
  const std::string bucket = uri.substr(5, slash - 5);
  const std::string region = setting({"AWS_REGION", "AWS_DEFAULT_REGION"}, "us-east-1");
  HttpTarget target;
  target.name = uri;
  target.url = base_url(coded(bucket), region) + "/" + coded(uri.substr(slash + 1));
  target.redirects = false;  // they lead to another region, for which the signature is not
  const std::string id = setting({"AWS_ACCESS_KEY_ID"}), secret = setting({"AWS_SECRET_ACCESS_KEY"});
  MIXNET_CHECK(id.empty() == secret.empty(), invalid, "[s3] ", uri,
               ": expected both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or neither");
  if (id.empty()) return target;
  target.user = id + ":" + secret;
  target.signature = "aws:amz:" + region + ":s3";
  target.headers = {"x-amz-content-sha256: UNSIGNED-PAYLOAD"};
  const std::string token = setting({"AWS_SESSION_TOKEN"});
  if (!token.empty()) target.headers.push_back("x-amz-security-token: " + token);
  return target;
}

std::shared_ptr<const Source> open_s3(const std::string& uri) { return open_http(s3_target(uri)); }

}  // namespace mixnet
