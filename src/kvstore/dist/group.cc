#include "kvstore/dist/group.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

#include "base/environment.h"
#include "base/real_text.h"
#include "op/core/value.h"

namespace mixnet {
namespace dist {
namespace {

std::string text_of(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value && *value ? value : fallback;
}

int64_t number_of(const char* name, const char* fallback, int64_t low, int64_t high) {
  const std::string text = text_of(name, fallback);
  MIXNET_CHECK(!text.empty(), invalid, "[kvstore] ", name,
               ": expected a number in the environment, got none; start with mixnet launch");
  int64_t value = low - 1;
  try {
    value = Value(text).as_int();
  } catch (const Error&) {
  }
  MIXNET_CHECK(value >= low && value <= high, invalid, "[kvstore] ", name, ": expected a number from ", low, " to ",
               high, ", got '", text, "'");
  return value;
}

double seconds_of(const char* name, const char* fallback) {
  const std::string text = environment_string(name, fallback);
  double value = 0;
  try {
    value = Value(text).as_real();
  } catch (const Error&) {
  }
  MIXNET_CHECK(value > 0 && value < 1e9, invalid, "[kvstore] MIXNET_", name, ": expected seconds above 0, got '", text,
               "'");
  return value;
}

GroupKey read_key() {
  std::string secret = environment_string("PS_KEY", "");
  const std::string path = environment_string("PS_KEY_FILE", "");
  if (secret.empty() && path.empty()) return {};
  if (secret.empty()) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line))
      if (!line.empty()) secret = line;
    MIXNET_CHECK(!secret.empty(), invalid,
                 "[kvstore] MIXNET_PS_KEY_FILE: expected a file with the public and the secret key, got ", path);
  }
  return group_key_of(secret);
}

}  // namespace

GroupSettings GroupSettings::from_environment() {
  GroupSettings s;
  s.role = text_of("DMLC_ROLE", "worker");
  MIXNET_CHECK(s.role == "worker" || s.role == "server" || s.role == "scheduler", invalid,
               "[kvstore] DMLC_ROLE: expected worker, server or scheduler, got '", s.role, "'");
  const int64_t port = number_of("DMLC_PS_ROOT_PORT", "", 1, 65535);
  s.scheduler = concat("tcp://", text_of("DMLC_PS_ROOT_URI", "127.0.0.1"), ":", port);
  s.host = text_of("DMLC_NODE_HOST", "");
  s.size.workers = static_cast<int>(number_of("DMLC_NUM_WORKER", "", 1, 1 << 20));
  s.size.servers = static_cast<int>(number_of("DMLC_NUM_SERVER", "", 1, 1 << 20));
  s.rank = static_cast<int>(number_of(s.role == "server" ? "DMLC_SERVER_ID" : "DMLC_WORKER_ID", "-1", -1, 1 << 20));
  s.size.timeout_s = seconds_of("PS_TIMEOUT_S", "5");
  s.size.rendezvous_s = seconds_of("PS_RENDEZVOUS_S", "60");
  s.size.elastic = environment_bool("PS_ELASTIC", false);
  s.size.copies = static_cast<int>(environment_int("PS_COPIES", 1));
  MIXNET_CHECK(s.size.copies >= 1 && s.size.copies <= s.size.servers, invalid,
               "[kvstore] MIXNET_PS_COPIES: expected 1 to ", s.size.servers, ", the number of servers, got ",
               s.size.copies);
  s.client.timeout_s = s.size.timeout_s;
  s.client.operation_s = seconds_of("PS_OPERATION_S", "600");
  s.client.part_bytes = environment_int("PS_PART_BYTES", s.client.part_bytes);
  s.client.window = environment_int("PS_WINDOW_BYTES", s.client.window);
  MIXNET_CHECK(s.client.part_bytes >= 1024 && s.client.part_bytes <= s.max_message / 2, invalid,
               "[kvstore] MIXNET_PS_PART_BYTES: expected 1024 to ", s.max_message / 2, ", got ", s.client.part_bytes);
  s.restore = environment_string("PS_RESTORE", "");
  s.key = read_key();
  return s;
}

std::string own_host(const GroupSettings& settings) {
  if (!settings.host.empty()) return settings.host;
  const size_t begin = std::strlen("tcp://"), colon = settings.scheduler.rfind(':');
  const std::string host = settings.scheduler.substr(begin, colon - begin), port = settings.scheduler.substr(colon + 1);
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  MIXNET_CHECK(getaddrinfo(host.c_str(), port.c_str(), &hints, &found) == 0 && found, net,
               "[kvstore] DMLC_PS_ROOT_URI: expected a host that is known, got ", host);
  // A datagram socket that is connected knows its own address; nothing is sent.
  sockaddr_in self{};
  socklen_t size = sizeof self;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const bool good = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
                    getsockname(fd, reinterpret_cast<sockaddr*>(&self), &size) == 0;
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  char text[INET_ADDRSTRLEN] = "";
  MIXNET_CHECK(good && inet_ntop(AF_INET, &self.sin_addr, text, sizeof text), net,
               "[kvstore] DMLC_NODE_HOST: expected an address of this machine on the way to ", host, ", found none");
  return text;
}

void check_exposed(const GroupSettings& settings, const std::string& host) {
  const bool loopback = host.compare(0, 4, "127.") == 0 || host == "localhost" || host == "::1";
  MIXNET_CHECK(loopback || !settings.key.empty() || environment_bool("PS_INSECURE", false), invalid, "[kvstore] ", host,
               ": expected a key (MIXNET_PS_KEY_FILE) to listen at an address that others reach, got none; "
               "MIXNET_PS_INSECURE=1 allows it");
}

std::string own_place() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return concat(host, ", process ", getpid());
}

uint64_t random_id() {
  std::random_device device;
  uint64_t id = 0;
  while (id == 0) id = (static_cast<uint64_t>(device()) << 32) | device();
  return id;
}

}  // namespace dist
}  // namespace mixnet
