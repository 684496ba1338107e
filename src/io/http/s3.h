// s3://bucket/key, of Amazon or of a compatible store: a web server that wants signed requests.
//
// Environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (none: a public bucket), AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION,
// AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL for compatible stores, whose URLs are ENDPOINT/bucket/key.
#pragma once
#include "io/http/connection.h"
#include "io/source.h"

namespace mixnet {

// Throws Code::invalid for other URIs.
HttpTarget s3_target(const std::string& uri);

std::shared_ptr<const Source> open_s3(const std::string& uri);

}  // namespace mixnet
