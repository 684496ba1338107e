// A worker's part: requests under way, by server.
//
// Called from two sides. Operations (init, push, pull, order) come from any thread and return at once; each ends with one call of its `Done`, on
// whichever thread ended it, with no lock held. The network's thread hands in what arrives and takes out what is to be sent. Time is given in.
//
// Of the pushes to one server at most `window` bytes are under way, fewer where the link is slow (window.h), and at most `window` of expected
// answers; what waits goes by priority, then by age. A pull waits until the push before it has been sent: it would only take up room. So would what a
// server keeps until other workers have pushed, and they may be waiting for this one: it is not counted once the server has said so.
// While anything is pending, the server is asked every ask_s what it holds; what was sent before the question, is not held and was not answered
// has been lost and is sent again.
// Where parts have copies, init and push go to every server that has one, a pull to the first; when a server is lost, those that follow it do its
// work. The group's end (a lost member, a refusal) ends every operation, pending and later, with its error.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "kvstore/dist/members.h"
#include "kvstore/dist/rows_record.h"
#include "kvstore/dist/sharding.h"
#include "kvstore/dist/statistics.h"
#include "kvstore/dist/window.h"

namespace mixnet {
namespace dist {

struct ClientSettings {
  int64_t part_bytes = 512 << 10;
  int64_t window = 2 << 20;
  double ask_s = 0.5;
  double timeout_s = 5;      // of a server that answers nothing
  double operation_s = 600;  // of any operation
};

class Client {
 public:
  using Done = std::function<void(const Error*)>;
  // `wake`: there may be something to send; called without the lock, from any thread.
  Client(uint64_t id, const ClientSettings& settings, std::function<void()> wake);

  // --- operations
  // Begins a key with `value`, which counts when this worker has rank 0 and nobody was first.
  void init(const std::string& key, const Extent& extent, const Bytes& value, Done done);
  // `value`: the array, or its codes.
  void push(const std::string& key, const Bytes& value, const Compression& how, int priority, Done done);
  // Into `target`, memory of the key's size that `owner` keeps.
  void pull(const std::string& key, void* target, std::shared_ptr<const void> owner, int priority, Done done);
  // By rows, with numbers that the key has, of keys that are cut between rows (sharding.h). A push is copied and is one of every part, as
  // rounds are counted by part; a pull asks the parts that have the rows, and writes those rows only.
  void push_rows(const std::string& key, const SomeRows& rows, int priority, Done done);
  void pull_rows(const std::string& key, const SomeRows& rows, void* target, std::shared_ptr<const void> owner,
                 int priority, Done done);
  // To every server; `results` has their texts, in order of ranks, when it is done: none of a server that was lost.
  void order(const std::string& text, std::vector<std::string>* results, Done done);

  // --- the network's side
  void set_view(const View& view, double now);
  void receive(int server, const Message& message, double now);
  // The next message to a server, false when there is none for now.
  bool take(int server, double now, Message* message);
  void tick(double now);
  // Ends everything with this error.
  void end(const Error& error);
  int servers() const;
  // Whether anything is pending.
  bool busy() const;
  std::string statistics() const;

 private:
  struct Operation {
    std::string what;
    Done done;
    int left = 0;
    std::unique_ptr<Error> error;
    std::vector<std::string>* results = nullptr;
  };
  struct Request {
    Record record;
    std::string order;  // of an order; records have none
    std::shared_ptr<Operation> operation;
    uint8_t* target = nullptr;
    std::shared_ptr<const void> owner;
    int64_t bytes = 0;  // that count in the window
    int priority = 0;
    uint64_t age = 0;
    double begun = 0, sent = 0;
    int server = 0, copy = 0;
    bool under_way = false;  // and counted in the window
  };
  using RequestPtr = std::shared_ptr<Request>;
  struct Earlier {
    bool operator()(const RequestPtr& a, const RequestPtr& b) const {
      return a->priority != b->priority ? a->priority > b->priority : a->age < b->age;
    }
  };
  struct Link {
    std::set<RequestPtr, Earlier> pushes, pulls;  // waiting; what is no push is in pulls
    std::map<uint64_t, RequestPtr> sent;          // by number
    std::set<uint64_t> again;                     // of those sent: to be sent once more
    uint64_t last = 0;                            // number given out last
    uint64_t process = 0;                         // that answers at the other end
    int64_t pushing = 0, pulling = 0;             // bytes under way
    Window window;                                // of pushes
    double asked = 0, heard = 0;
    bool waiting = false;  // something was pending at the last look
    std::string waits_for;
    Traffic::Count* traffic = nullptr;
  };
  struct Part {
    Slice slice;
    uint64_t round = 0;
    std::vector<uint64_t> settled;  // rounds that were answered, by copy
    std::vector<int> unsent;        // pushes that wait, by copy
    uint64_t pulled = 0;            // the server's version of what was pulled last
  };
  struct Key {
    Extent extent;
    std::vector<Part> parts;
    Traffic::Count* traffic;
  };
  using Ended = std::vector<std::shared_ptr<Operation>>;

  std::shared_ptr<Operation> begin(const char* what, const std::string& key, Done done);
  RequestPtr make_request(Ask ask, const std::string& key, const Key& entry, uint32_t part, int copy,
                          const std::shared_ptr<Operation>& operation) const;
  Key& key_of(const std::string& key, const char* place);
  std::pair<Extent, std::vector<Slice>> cut_of(const std::string& key, const char* place);
  // Of every part: its value as the bytes of a push.
  void push_parts(const std::string& key, const Record& like, const std::vector<Bytes>& values, int priority,
                  Done done);
  void ask_part(const std::string& key, Key& entry, uint32_t part, void* target,
                const std::shared_ptr<const void>& owner, int priority, const std::shared_ptr<Operation>& operation,
                const Bytes* rows);
  int server_of(const Slice& slice, int copy) const;
  bool gone(int server) const;
  std::vector<int> copies_of(const Slice& slice) const;
  void queue(RequestPtr request);
  void answered(Link& link, int server, const Record& record, double now, Ended& ended);
  void held(Link& link, const Message& message);
  static void arrived(Link& link, Request& request);
  void finish(Request& request, const Error* error, Ended& ended);
  void abandon(int server, Ended& ended);
  void note(const Request& request, const Record& answer, double now);
  void lose(const Error& error, Ended& ended);
  static void report(const Ended& ended);
  bool may_go(const Request& request) const;
  int& unsent_of(const Request& request);
  bool take_from(Link& link, std::set<RequestPtr, Earlier>& from, int64_t window, int64_t& under_way, Message* message,
                 size_t& bytes, double now);
  void write(Link& link, const RequestPtr& request, Message* message, size_t& bytes, double now);
  std::string title_of(int server) const;

  const uint64_t id_;
  const ClientSettings settings_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;  // guards the rest
  View view_;
  std::vector<Link> links_;
  std::map<std::string, Key> keys_;
  uint64_t ages_ = 0;
  double now_ = 0;
  std::unique_ptr<Error> over_;
  Traffic traffic_;
};

}  // namespace dist
}  // namespace mixnet
