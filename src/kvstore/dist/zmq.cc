#include "kvstore/dist/zmq.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cerrno>
#include <cstring>

#include "base/environment.h"
#include "base/error.h"
#include "base/system_library.h"
#include "base/worker_thread.h"

namespace mixnet {
namespace dist {
namespace {

// As in zmq.h of version 4: 64 bytes, aligned like a pointer.
struct alignas(8) Msg {
  unsigned char opaque[64];
};
struct PollItem {
  void* socket;
  int fd;
  short events, revents;
};
using Free = void (*)(void* data, void* hint);

enum Option : int {
  routing_id = 5,
  linger = 17,
  reconnect_ivl = 18,
  reconnect_ivl_max = 21,
  max_msg_size = 22,
  snd_hwm = 23,
  rcv_hwm = 24,
  last_endpoint = 32,
  rcv_more = 13,
  curve_server = 47,
  curve_public_key = 48,
  curve_secret_key = 49,
  curve_server_key = 50,
  zap_domain = 55,
  router_handover = 56,
  handshake_ivl = 66,
  heartbeat_ivl = 75,
  heartbeat_timeout = 77,
};
constexpr int pair = 0, rep = 4, dont_wait = 1, snd_more = 2, poll_in = 1;
// A handshake that failed: without detail, of the protocol, of the authentication.
constexpr int failed_events = 0x0800 | 0x2000 | 0x4000;

struct Zmq {
  void* (*ctx_new)();
  int (*ctx_term)(void*);
  int (*ctx_shutdown)(void*);
  void* (*socket)(void*, int);
  int (*close)(void*);
  int (*setsockopt)(void*, int, const void*, size_t);
  int (*getsockopt)(void*, int, void*, size_t*);
  int (*socket_monitor)(void*, const char*, int);
  int (*bind)(void*, const char*);
  int (*connect)(void*, const char*);
  int (*poll)(PollItem*, int, long);
  int (*msg_init)(Msg*);
  int (*msg_init_size)(Msg*, size_t);
  int (*msg_init_data)(Msg*, void*, size_t, Free, void*);
  int (*msg_send)(Msg*, void*, int);
  int (*msg_recv)(Msg*, void*, int);
  int (*msg_close)(Msg*);
  void* (*msg_data)(Msg*);
  size_t (*msg_size)(const Msg*);
  int (*msg_more)(const Msg*);
  int (*errno_)();
  const char* (*strerror)(int);
  int (*curve_keypair)(char*, char*);
  int (*curve_public)(char*, const char*);
  void (*version)(int*, int*, int*);
};

Zmq load() {
  const SystemLibrary library("kvstore", "ZeroMQ", environment_string("ZMQ_LIBRARY", ""),
                              {"libzmq.so.5", "libzmq.5.dylib"},
                              "libzmq.so.5 (Debian package libzmq5, or pip install pyzmq)");
  Zmq z{};
  auto find = [&](auto& function, const char* name) { library.find(function, name, "4.2"); };
  find(z.ctx_new, "zmq_ctx_new");
  find(z.ctx_term, "zmq_ctx_term");
  find(z.ctx_shutdown, "zmq_ctx_shutdown");
  find(z.socket, "zmq_socket");
  find(z.close, "zmq_close");
  find(z.setsockopt, "zmq_setsockopt");
  find(z.getsockopt, "zmq_getsockopt");
  find(z.socket_monitor, "zmq_socket_monitor");
  find(z.bind, "zmq_bind");
  find(z.connect, "zmq_connect");
  find(z.poll, "zmq_poll");
  find(z.msg_init, "zmq_msg_init");
  find(z.msg_init_size, "zmq_msg_init_size");
  find(z.msg_init_data, "zmq_msg_init_data");
  find(z.msg_send, "zmq_msg_send");
  find(z.msg_recv, "zmq_msg_recv");
  find(z.msg_close, "zmq_msg_close");
  find(z.msg_data, "zmq_msg_data");
  find(z.msg_size, "zmq_msg_size");
  find(z.msg_more, "zmq_msg_more");
  find(z.errno_, "zmq_errno");
  find(z.strerror, "zmq_strerror");
  find(z.curve_keypair, "zmq_curve_keypair");
  find(z.curve_public, "zmq_curve_public");
  find(z.version, "zmq_version");
  int version[3] = {0, 0, 0};
  z.version(&version[0], &version[1], &version[2]);
  MIXNET_CHECK(version[0] == 4 && version[1] >= 2, unsupported, "[kvstore] ZeroMQ: expected version 4.2 or later, got ",
               version[0], ".", version[1]);
  return z;
}

const Zmq& zmq() {
  static const Zmq z = load();
  return z;
}

std::string problem() { return zmq().strerror(zmq().errno_()); }

// A received frame, as the owner of its Bytes.
struct Frame {
  Msg msg;
  Frame() { zmq().msg_init(&msg); }
  ~Frame() { zmq().msg_close(&msg); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  Bytes bytes(const std::shared_ptr<Frame>& self) {
    return {static_cast<const uint8_t*>(zmq().msg_data(&msg)), zmq().msg_size(&msg), self};
  }
};

void drop_owner(void*, void* hint) { delete static_cast<std::shared_ptr<const void>*>(hint); }

bool send_frame(void* socket, const Bytes& bytes, int flags) {
  constexpr size_t copied = 1024;
  Msg msg;
  if (bytes.size <= copied || !bytes.owner) {
    if (zmq().msg_init_size(&msg, bytes.size) != 0) throw std::bad_alloc();
    if (bytes.size) std::memcpy(zmq().msg_data(&msg), bytes.data, bytes.size);
  } else {
    auto* owner = new std::shared_ptr<const void>(bytes.owner);
    if (zmq().msg_init_data(&msg, const_cast<uint8_t*>(bytes.data), bytes.size, drop_owner, owner) != 0) {
      delete owner;
      throw std::bad_alloc();
    }
  }
  if (zmq().msg_send(&msg, socket, flags | dont_wait) >= 0) return true;
  zmq().msg_close(&msg);
  return false;
}

}  // namespace

GroupKey make_group_key() {
  char open[41] = "", secret[41] = "";
  MIXNET_CHECK(zmq().curve_keypair(open, secret) == 0, unsupported,
               "[kvstore] ZeroMQ: expected one with CURVE, got: ", problem());
  return {open, secret};
}

GroupKey group_key_of(const std::string& secret) {
  char open[41] = "";
  const bool good = secret.size() == 40 && zmq().curve_public(open, secret.c_str()) == 0;
  MIXNET_CHECK(good, invalid, "[kvstore] key: expected a secret CURVE key of 40 characters in Z85, got ", secret.size(),
               " characters");
  return {open, secret};
}

// --- context -----------------------------------------------------------------------------------------------------------

namespace {

// Large messages come and go. glibc would give their memory back to the system every time, and the next would fault it in again.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

}  // namespace

ZmqContext::ZmqContext(const GroupKey& key) : context_(zmq().ctx_new()), key_(key) {
  MIXNET_CHECK(context_, net, "[kvstore] ZeroMQ: expected a context, got: ", problem());
  static const bool kept = (keep_freed_memory(), true);
  static_cast<void>(kept);
  if (key_.empty()) return;
  zap_ = zmq().socket(context_, rep);
  const int none = 0;
  if (zap_) zmq().setsockopt(zap_, linger, &none, sizeof none);
  if (!zap_ || zmq().bind(zap_, "inproc://zeromq.zap.01") != 0) {
    const std::string why = problem();
    if (zap_) zmq().close(zap_);
    zmq().ctx_term(context_);
    fail(Code::net, "[kvstore] ZeroMQ: expected to authenticate, got: ", why);
  }
  zap_thread_ = start_worker_thread([this] { answer_zap(); });
}

ZmqContext::~ZmqContext() {
  if (zap_thread_.joinable()) {
    zmq().ctx_shutdown(context_);
    zap_thread_.join();
  }
  zmq().ctx_term(context_);
}

// ZeroMQ asks here for every connection (RFC 27): only the group's own key is let in.
void ZmqContext::answer_zap() {
  std::string own(32, '\0');
  // Z85: five characters are four bytes.
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
  for (size_t i = 0; i < 8; ++i) {
    uint32_t value = 0;
    for (size_t k = 0; k < 5; ++k)
      value = value * 85 + static_cast<uint32_t>(std::strchr(digits, key_.public_key[i * 5 + k]) - digits);
    for (size_t k = 0; k < 4; ++k) own[i * 4 + k] = static_cast<char>(value >> (8 * (3 - k)));
  }
  for (;;) {
    std::vector<std::string> frames;
    bool more = true;
    while (more) {
      Frame frame;
      if (zmq().msg_recv(&frame.msg, zap_, 0) < 0) {
        if (zmq().errno_() == EINTR) continue;
        zmq().close(zap_);
        return;
      }
      frames.emplace_back(static_cast<const char*>(zmq().msg_data(&frame.msg)), zmq().msg_size(&frame.msg));
      more = zmq().msg_more(&frame.msg) != 0;
    }
    const bool good = frames.size() == 7 && frames[5] == "CURVE" && frames[6] == own;
    const std::string id = frames.size() > 1 ? frames[1] : "";
    const std::string reply[] = {"1.0", id, good ? "200" : "400", good ? "OK" : "not a key of this group", "", ""};
    for (size_t i = 0; i < 6; ++i)
      send_frame(zap_, {reinterpret_cast<const uint8_t*>(reply[i].data()), reply[i].size(), nullptr},
                 i < 5 ? snd_more : 0);
  }
}

// --- sockets -----------------------------------------------------------------------------------------------------------

ZmqSocket::ZmqSocket(const std::shared_ptr<ZmqContext>& context, Kind kind, uint64_t identity, int64_t max_message)
    : context_(context),
      router_(kind == Kind::router),
      socket_(zmq().socket(context->handle(), static_cast<int>(kind))) {
  MIXNET_CHECK(socket_, net, "[kvstore] ZeroMQ: expected a socket, got: ", problem());
  // What is sent is bounded by windows, so the library's own limits would only lose messages.
  set(snd_hwm, 0);
  set(rcv_hwm, 0);
  set(linger, 1000);
  set(max_msg_size, max_message);
  set(handshake_ivl, 5000);
  set(heartbeat_ivl, 1000);
  set(heartbeat_timeout, 4000);
  if (router_) {
    set(router_handover, 1);
    watch();
  } else {
    set(reconnect_ivl, 100);
    set(reconnect_ivl_max, 1000);
    // ZeroMQ reserves identities that begin with zero.
    set(routing_id, "m" + std::string(reinterpret_cast<const char*>(&identity), sizeof identity));
  }
  const GroupKey& key = context->key();
  if (key.empty()) return;
  set(curve_public_key, key.public_key);
  set(curve_secret_key, key.secret_key);
  if (router_) {
    set(curve_server, 1);
    set(zap_domain, "mixnet");
  } else {
    set(curve_server_key, key.public_key);
  }
}

ZmqSocket::~ZmqSocket() {
  if (monitor_) {
    zmq().socket_monitor(socket_, nullptr, 0);
    zmq().close(monitor_);
  }
  zmq().close(socket_);
}

// Without it everything works, but nobody hears of strangers.
void ZmqSocket::watch() {
  const std::string address = concat("inproc://mixnet-monitor-", reinterpret_cast<uintptr_t>(socket_));
  if (zmq().socket_monitor(socket_, address.c_str(), failed_events) != 0) return;
  monitor_ = zmq().socket(context_->handle(), pair);
  const int none = 0;
  if (monitor_) zmq().setsockopt(monitor_, linger, &none, sizeof none);
  if (monitor_) zmq().connect(monitor_, address.c_str());
}

// An event is two frames: what happened, and where.
int64_t ZmqSocket::failed_connections() {
  int64_t frames = 0;
  for (Frame frame; monitor_ && zmq().msg_recv(&frame.msg, monitor_, dont_wait) >= 0;) ++frames;
  return frames / 2;
}

void ZmqSocket::set(int option, int value) { zmq().setsockopt(socket_, option, &value, sizeof value); }
void ZmqSocket::set(int option, int64_t value) { zmq().setsockopt(socket_, option, &value, sizeof value); }
void ZmqSocket::set(int option, const std::string& value) {
  const int rc = zmq().setsockopt(socket_, option, value.data(), value.size());
  MIXNET_CHECK(rc == 0, net, "[kvstore] ZeroMQ: option ", option, ": ", problem());
}

std::string ZmqSocket::bind(const std::string& address) {
  MIXNET_CHECK(zmq().bind(socket_, address.c_str()) == 0, net, "[kvstore] listen at ", address, ": ", problem());
  char text[256] = "";
  size_t size = sizeof text;
  zmq().getsockopt(socket_, last_endpoint, text, &size);
  return text;
}

void ZmqSocket::connect(const std::string& address) {
  MIXNET_CHECK(zmq().connect(socket_, address.c_str()) == 0, net, "[kvstore] connect to ", address, ": ", problem());
}

bool ZmqSocket::send(const std::vector<Bytes>& frames, uint64_t to) {
  if (router_) {
    const std::string identity = "m" + std::string(reinterpret_cast<const char*>(&to), sizeof to);
    const Bytes frame{reinterpret_cast<const uint8_t*>(identity.data()), identity.size(), nullptr};
    if (!send_frame(socket_, frame, snd_more)) return false;
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!send_frame(socket_, frames[i], i + 1 < frames.size() ? snd_more : 0)) return false;
  }
  return true;
}

bool ZmqSocket::receive(std::vector<Bytes>* frames, uint64_t* from) {
  frames->clear();
  bool more = true, first = router_;
  while (more) {
    auto frame = std::make_shared<Frame>();
    // Within a message nothing is waited for: its frames arrive together.
    if (zmq().msg_recv(&frame->msg, socket_, dont_wait) < 0) return false;
    more = zmq().msg_more(&frame->msg) != 0;
    const Bytes bytes = frame->bytes(frame);
    if (!first) {
      frames->push_back(bytes);
      continue;
    }
    first = false;
    // Who gives no identity of ours is a stranger; what it says is for nobody.
    if (from) *from = 0;
    if (from && bytes.size == 1 + sizeof *from) std::memcpy(from, bytes.data + 1, sizeof *from);
  }
  return true;
}

void zmq_wait(const std::vector<const ZmqSocket*>& sockets, int descriptor, double seconds) {
  std::vector<PollItem> items;
  for (const ZmqSocket* socket : sockets) items.push_back({socket->handle(), 0, poll_in, 0});
  if (descriptor >= 0) items.push_back({nullptr, descriptor, poll_in, 0});
  zmq().poll(items.data(), static_cast<int>(items.size()), static_cast<long>(seconds * 1000) + 1);
}

}  // namespace dist
}  // namespace mixnet
