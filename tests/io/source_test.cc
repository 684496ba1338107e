// URIs: which source they open, what they become on their way to a server, and that libcurl's numbers are what we say.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/error.h"
#include "io/http/curl.h"
#include "io/http/http_source.h"
#include "io/http/s3.h"
#include "io/source_schemes.h"

using namespace mixnet;

namespace {

std::string text_of(const std::string& uri) {
  const auto source = open_source(uri);
  std::string text(static_cast<size_t>(source->size()), ' ');
  text.resize(source->read_at(0, &text[0], text.size()));
  return text;
}

using Values = std::map<std::string, std::string>;

// Variables of the environment, as they were when it goes.
class Environment {
 public:
  explicit Environment(const Values& values = {}) {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
                             "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}) {
      const char* value = getenv(name);
      if (value) before_[name] = value;
      unsetenv(name);
      names_.push_back(name);
    }
    for (const auto& [name, value] : values) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const std::string& name : names_) unsetenv(name.c_str());
    for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::vector<std::string> names_;
  Values before_;
};

}  // namespace

TEST_SUITE("io") {
  TEST_CASE("schemes of URIs") {
    CHECK(scheme_of("s3://bucket/key") == "s3");
    CHECK(scheme_of("HTTP://host/a") == "http");
    CHECK(scheme_of("a+b-1.c://x") == "a+b-1.c");
    for (const char* path : {"", "/a/b", "a://b", "C://b", "a/b://c", "http:/x", "1x://y", "://x", "data.rec"})
      CHECK_MESSAGE(scheme_of(path).empty(), path);
  }

  TEST_CASE("paths, file URIs and what the program registers") {
    const std::string path = concat("/tmp/mixnet source test ", getpid());
    std::ofstream(path) << "some bytes";
    CHECK(text_of(path) == "some bytes");
    CHECK(text_of(concat("file:///tmp/mixnet%20source%20test%20", getpid())) == "some bytes");
    CHECK(text_of(concat("file://localhost/tmp/mixnet source test ", getpid())) == "some bytes");
    unlink(path.c_str());
    CHECK_THROWS_WITH_AS(open_source("file://elsewhere/tmp/x"), "[open] file://elsewhere/tmp/x: expected file:///path",
                         Error);
    CHECK_THROWS_AS(open_source("file://"), Error);
    CHECK_THROWS_WITH_AS(open_source("gopher://x/y"),
                         doctest::Contains("expected a path or file, http, https, s3 or a registered scheme"), Error);

    register_scheme("x-test", [](const std::string& uri) { return make_memory_source(uri, uri.data(), uri.size()); });
    CHECK(text_of("x-test://hello") == "x-test://hello");
    register_scheme("x-test", nullptr);
    CHECK_THROWS_AS(open_source("x-test://hello"), Error);
    for (const char* scheme : {"", "x", "X-Test", "a b", "file", "a://b"})
      CHECK_THROWS_AS(register_scheme(scheme, nullptr), Error);
  }

  TEST_CASE("secrets of a URL are not shown") {
    CHECK(shown_url("https://user:word@host/a/b?X-Signature=1#c") == "https://host/a/b");
    CHECK(shown_url("http://host") == "http://host");
    CHECK(shown_url("http://host/a@b") == "http://host/a@b");
  }

  TEST_CASE("s3 URIs become URLs") {
    {
      const Environment none;
      const HttpTarget target = s3_target("s3://bucket/a/b c+d\xc3\xa9.rec");
      CHECK(target.url == "https://bucket.s3.us-east-1.amazonaws.com/a/b%20c%2Bd%C3%A9.rec");
      CHECK(target.signature.empty());
      CHECK_FALSE(target.redirects);
      for (const char* uri : {"s3://", "s3://bucket", "s3://bucket/", "s3:///key"})
        CHECK_THROWS_WITH_AS(s3_target(uri), doctest::Contains("expected s3://bucket/key"), Error);
    }
    {
      const Environment set(Values{{"AWS_ACCESS_KEY_ID", "id"},
                                   {"AWS_SECRET_ACCESS_KEY", "se:cret"},
                                   {"AWS_SESSION_TOKEN", "token"},
                                   {"AWS_DEFAULT_REGION", "eu-west-3"}});
      const HttpTarget target = s3_target("s3://my.bucket/key");
      CHECK(target.url == "https://s3.eu-west-3.amazonaws.com/my.bucket/key");
      CHECK(target.user == "id:se:cret");
      CHECK(target.signature == "aws:amz:eu-west-3:s3");
      CHECK(target.headers.back() == "x-amz-security-token: token");
      CHECK(target.name == "s3://my.bucket/key");
    }
    const Environment other(Values{{"AWS_ENDPOINT_URL", "http://127.0.0.1:9000/"}});
    CHECK(s3_target("s3://bucket/key").url == "http://127.0.0.1:9000/bucket/key");
    setenv("AWS_ACCESS_KEY_ID", "id", 1);
    CHECK_THROWS_WITH_AS(s3_target("s3://bucket/key"), doctest::Contains("or neither"), Error);
    setenv("AWS_ENDPOINT_URL", "ftp://x", 1);
    CHECK_THROWS_AS(s3_target("s3://bucket/key"), Error);
  }

  TEST_CASE("the numbers of libcurl's options are libcurl's") {
    struct About {
      const char* name;
      int id, type;
      unsigned flags;
    };
    curl();
    void* library = dlopen("libcurl.so.4", RTLD_NOW);
    if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW);
    REQUIRE(library);
    const auto by_name = reinterpret_cast<const About* (*)(const char*)>(dlsym(library, "curl_easy_option_by_name"));
    if (by_name) {  // from version 7.73 on
      for (size_t i = 0; i < curl_option_count; ++i) {
        const About* about = by_name(curl_option_names[i].name);
        REQUIRE_MESSAGE(about, curl_option_names[i].name);
        CHECK_MESSAGE(about->id == curl_option_names[i].option, curl_option_names[i].name);
      }
    }
    dlclose(library);
  }
}
