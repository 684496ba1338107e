// A server's part: the keys that live on it.
//
// A state machine: requests, orders and views go in, answers come out. The value of a part changes when a round of pushes is complete
// (sync), or with every push (async, bounded). A pull is held until it may be answered:
//   sync     when all rounds are in that this worker has pushed,
//   bounded  when no worker is more than `staleness` rounds behind this one,
//   async    at once,
// and never before its own pushes are in.
// Pushes by rows stay rows until an optimizer steps: one that needs no more changes those rows alone, others get the whole part.
// Rounds are counted per part and worker; a push that was seen before is answered and not counted, one that comes too early is dropped and will be
// sent again. Gradients are added in the order of ranks. A request's `settled` rounds were answered by an earlier server in this place: they are
// not waited for.
//
// In a group that is not elastic a lost worker ends everything: all requests are answered with an error that names it. So does a round (sync) that
// lacks a worker who has left.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "kvstore/dist/gradient.h"
#include "kvstore/dist/members.h"
#include "kvstore/dist/statistics.h"
#include "kvstore/kvstore.h"
#include "ndarray/serialize.h"
#include "optimizer/optimizer.h"

namespace mixnet {
namespace dist {

class Shard {
 public:
  // `rank`: of this server, in the names of its checkpoints.
  explicit Shard(int rank = 0) : rank_(rank) {}
  void set_updater(KVStore::Updater updater) { updater_ = std::move(updater); }
  // Answers what can be answered, or never will be, after members came or went.
  void set_view(const View& view, Outbox& out);
  void receive(const Message& message, Outbox& out);
  // What a checkpoint holds: values, rounds, states of the optimizer.
  void save(const std::string& path) const;
  // Throws Code::io for what save() did not write.
  void restore(const std::string& path);
  // Counts and bytes by key and by worker.
  std::string statistics() const { return traffic_.text(); }

 private:
  struct Held {
    uint64_t worker;  // process
    Record record;
  };
  struct Round {
    std::map<int, Gradient> given;  // by rank, not added yet
    Gradient sum;
    int next = 0;  // ranks below have been added or are not waited for
  };
  struct Part {
    NDArray value;
    uint64_t version = 0;            // rounds complete, or updates
    std::map<int, uint64_t> seen;    // rounds by rank
    std::map<int, uint64_t> known;   // which process of that rank asked for it first
    std::map<int, uint64_t> pulled;  // version that a rank got last
    std::map<uint64_t, Round> rounds;
    std::vector<Held> held;
    std::shared_ptr<const Error> error;  // of the last update
    Traffic::Count* traffic = nullptr;
  };
  using Name = std::pair<std::string, uint32_t>;

  void take(const Message& message, const Member& worker, Outbox& out);
  Record answer(const Record& record, const Member& worker, bool& hold);
  Record answer_init(const Record& record, const Member& worker, bool& hold);
  void push(Part& part, const Name& name, const Record& record, const Member& worker);
  void complete_rounds(Part& part, const Name& name);
  bool nobody_left_before(const Part& part, const Name& name, uint64_t round);
  void apply(Part& part, const Name& name, const Gradient& gradient);
  void step(Part& part, const Name& name, const Gradient& gradient);
  bool may_pull(const Part& part, const Record& record, const Member& worker) const;
  Record pulled(Part& part, const Record& record, const Member& worker);
  uint64_t seen_by_all(const Part& part) const;
  uint64_t first_round(const Part& part, const Member& worker) const;
  bool expected(const Part& part, const Member& worker) const;
  std::vector<int> missing(const Part& part, uint64_t round) const;
  void release(Outbox& out);
  std::string carry_out(const std::string& text);
  void give_optimizer(const Json& order);
  Optimizer& optimizer_of(uint32_t part);
  void tell_held(const Message& message, const Member& worker, Outbox& out) const;
  void make_exclusive(Part& part) const;

  const int rank_;
  View view_;
  Consistency consistency_;
  std::shared_ptr<const Error> over_;  // why nothing works any more
  std::map<Name, Part> parts_;
  std::set<Name> changed_;   // parts whose held requests are to be looked at
  std::vector<Held> early_;  // for parts that rank 0 has not initialised yet
  KVStore::Updater updater_;
  std::string optimizer_name_;
  Json optimizer_order_;
  std::map<uint32_t, std::unique_ptr<Optimizer>> optimizers_;    // by part, as their states are by key
  std::map<uint64_t, std::pair<uint64_t, std::string>> orders_;  // the last order of each process, and its result
  Traffic traffic_;
};

}  // namespace dist
}  // namespace mixnet
