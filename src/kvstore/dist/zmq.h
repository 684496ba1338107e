// ZeroMQ, found when it is first needed: MIXNET_ZMQ_LIBRARY, or else the system's libzmq.so.5.
//
// Only what the store needs: DEALER and ROUTER sockets that send and receive frames without copying large ones, CURVE with one key pair for
// the whole group. A socket belongs to one thread at a time; a context and what a message owns may end on any.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kvstore/dist/wire.h"

namespace mixnet {
namespace dist {

// The group's CURVE key pair, in Z85 (40 characters each); empty: no encryption.
struct GroupKey {
  std::string public_key, secret_key;
  bool empty() const { return public_key.empty(); }
};

// A new pair. Throws Code::unsupported when libzmq has no CURVE.
GroupKey make_group_key();
// The pair of a secret key. Throws Code::invalid when it is none.
GroupKey group_key_of(const std::string& secret);

class ZmqContext {
 public:
  explicit ZmqContext(const GroupKey& key);
  ~ZmqContext();  // all sockets must be gone
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  void* handle() const { return context_; }
  const GroupKey& key() const { return key_; }

 private:
  void answer_zap();
  void* context_;
  const GroupKey key_;
  void* zap_ = nullptr;
  std::thread zap_thread_;
};

class ZmqSocket {
 public:
  enum class Kind { dealer = 5, router = 6 };
  // `identity`: how a router at the other end calls this socket. max_message: longer ones end their connection.
  ZmqSocket(const std::shared_ptr<ZmqContext>& context, Kind kind, uint64_t identity, int64_t max_message);
  ~ZmqSocket();
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  // The address it listens at; "tcp://127.0.0.1:*" takes a free port. Throws Code::net.
  std::string bind(const std::string& address);
  void connect(const std::string& address);
  // False when the frames cannot be taken now. A router sends to `to`, and drops what is for nobody.
  bool send(const std::vector<Bytes>& frames, uint64_t to = 0);
  // False when nothing is there. A router says who sent.
  bool receive(std::vector<Bytes>* frames, uint64_t* from = nullptr);
  void* handle() const { return socket_; }
  // Of a router: connections that came to nothing since the last call, for their key or because they do not speak ZeroMQ.
  int64_t failed_connections();

 private:
  void watch();
  void set(int option, int value);
  void set(int option, int64_t value);
  void set(int option, const std::string& value);

  std::shared_ptr<ZmqContext> context_;
  const bool router_;
  void* socket_;
  void* monitor_ = nullptr;
};

// Until something arrives at one of the sockets or the file descriptor (-1: none), or the time is over.
void zmq_wait(const std::vector<const ZmqSocket*>& sockets, int descriptor, double seconds);

// Seconds of a clock that never goes back.
inline double clock_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace dist
}  // namespace mixnet
