#include "kvstore/dist/shard.h"

#include <algorithm>
#include <cstring>

#include "kvstore/dist/rows_record.h"
#include "kvstore/dist/value.h"

namespace mixnet {
namespace dist {
namespace {

constexpr uint64_t most_rounds = uint64_t{1} << 62;

Record reply(const Record& record) {
  Record r;
  r.ask = record.ask;
  r.dtype = record.dtype;
  r.part = record.part;
  r.number = record.number;
  r.size = record.size;
  r.key = record.key;
  return r;
}

Record refusal(const Record& record, const Error& error) {
  Record r = reply(record);
  r.code = static_cast<int32_t>(error.code());
  r.value = Bytes::of(error.what());
  return r;
}

Message answers(std::vector<Record> records) {
  Message message;
  message.verb = Verb::answer;
  message.records = std::move(records);
  return message;
}

}  // namespace

void Shard::set_view(const View& view, Outbox& out) {
  view_ = view;
  if (!view.consistency.empty()) consistency_ = Consistency::parse(view.consistency);
  const Member* lost = view.fatal();
  if (lost && !over_) {
    over_ = std::make_shared<const Error>(Code::net, concat("[kvstore] ", lost->title(), " was lost: ", lost->why));
  }
  for (auto& [name, part] : parts_) {
    complete_rounds(part, name);
    changed_.insert(name);
  }
  release(out);
}

void Shard::receive(const Message& message, Outbox& out) {
  const Member* worker = view_.find(message.sender);
  if (!worker || worker->role != Role::worker || worker->state != State::alive) return;
  Traffic::Count& peer = traffic_.peer(worker->title());
  ++peer.messages;
  if (message.verb == Verb::request) {
    take(message, *worker, out);
  } else if (message.verb == Verb::ask) {
    tell_held(message, *worker, out);
  } else if (message.verb == Verb::order) {
    Message done;
    done.verb = Verb::done;
    done.number = message.number;
    auto& [last, result] = orders_[message.sender];
    if (last < message.number) {
      result = carry_out(message.text);
      last = message.number;
    }
    done.text = result;
    out.emplace_back(message.sender, std::move(done));
  }
}

void Shard::take(const Message& message, const Member& worker, Outbox& out) {
  // That a push is in does not wait for values to travel.
  std::vector<Record> brief, large;
  for (const Record& record : message.records) {
    bool hold = false;
    Record r = answer(record, worker, hold);
    if (!hold) (r.value.size > inline_value ? large : brief).push_back(std::move(r));
  }
  for (auto* ready : {&brief, &large})
    if (!ready->empty()) out.emplace_back(message.sender, answers(std::move(*ready)));
  release(out);
}

// `hold`: there is no answer now. The request is kept, or was dropped because it comes too early.
Record Shard::answer(const Record& record, const Member& worker, bool& hold) {
  try {
    if (over_) throw *over_;
    const Name name{record.key, record.part};
    auto found = parts_.find(name);
    if (record.ask == Ask::init) return answer_init(record, worker, hold);
    if (found == parts_.end()) {
      fail(Code::invalid, "[kvstore] key ", record.key, ": expected to be initialised, got its part ", record.part,
           " on a server that does not know it");
    }
    Part& part = found->second;
    check_fits(record, part.value);
    MIXNET_CHECK(std::max(record.round, record.settled) < most_rounds, net, "[kvstore] key ", record.key,
                 ": expected a round below ", most_rounds, ", got ", std::max(record.round, record.settled));
    if (record.width > 0) read_rows(record);
    part.traffic->bytes_received += static_cast<int64_t>(record.value.size);
    if (!part.held.empty()) changed_.insert(name);
    const uint64_t seen = part.seen[worker.rank] = std::max(part.seen[worker.rank], record.settled);
    if (record.ask == Ask::push) {
      hold = record.round > seen + 1;
      if (!hold && record.round == seen + 1) push(part, name, record, worker);
      if (record.round <= seen) ++part.traffic->repeated;
      Record r = reply(record);
      r.round = part.version;
      return r;
    }
    complete_rounds(part, name);
    if (over_) throw *over_;
    if (may_pull(part, record, worker)) return pulled(part, record, worker);
    auto same = [&](const Held& h) { return h.worker == worker.id && h.record.number == record.number; };
    if (std::none_of(part.held.begin(), part.held.end(), same)) part.held.push_back({worker.id, record});
    hold = true;
    return {};
  } catch (const Error& e) {
    hold = false;
    return refusal(record, e);
  }
}

// Rank 0 gives the value; the others wait for it, and everybody learns where the rounds stand.
Record Shard::answer_init(const Record& record, const Member& worker, bool& hold) {
  auto [it, fresh] = parts_.try_emplace({record.key, record.part});
  Part& part = it->second;
  if (fresh && worker.rank != 0) {
    parts_.erase(it);
    auto same = [&](const Held& h) { return h.worker == worker.id && h.record.number == record.number; };
    if (std::none_of(early_.begin(), early_.end(), same)) early_.push_back({worker.id, record});
    hold = true;
    return {};
  }
  if (fresh) {
    try {
      part.value = own_value(record);
      part.traffic = &traffic_.key(record.key);
    } catch (...) {
      parts_.erase(it);
      throw;
    }
  }
  check_fits(record, part.value);
  auto [known, first] = part.known.emplace(worker.rank, worker.id);
  const bool another = !first && known->second != worker.id;
  known->second = worker.id;
  uint64_t& seen = part.seen[worker.rank];
  if (another) seen = 0;
  if (first || another) seen = std::max(seen, first_round(part, worker));
  Record r = reply(record);
  r.round = part.seen[worker.rank];
  return r;
}

// Where a worker begins to count: at the rounds that are complete (a checkpoint's, or the group's when it came late); where rounds are
// not completed, a late one begins beside the slowest.
uint64_t Shard::first_round(const Part& part, const Member& worker) const {
  if (consistency_.kind == Consistency::Kind::sync) return part.version;
  uint64_t slowest = ~uint64_t{0};
  for (const Member& m : view_.members) {
    auto seen = part.seen.find(m.rank);
    if (m.id != worker.id && expected(part, m)) slowest = std::min(slowest, seen == part.seen.end() ? 0 : seen->second);
  }
  return worker.late && slowest != ~uint64_t{0} ? slowest : 0;
}

// A worker that came late counts from its first request for the part on.
bool Shard::expected(const Part& part, const Member& worker) const {
  if (worker.role != Role::worker || worker.state != State::alive) return false;
  auto known = part.known.find(worker.rank);
  const bool own = known != part.known.end() && known->second == worker.id;
  return own || !worker.late;
}

std::vector<int> Shard::missing(const Part& part, uint64_t round) const {
  std::vector<int> ranks;
  for (const Member& m : view_.members) {
    auto seen = part.seen.find(m.rank);
    if (expected(part, m) && (seen == part.seen.end() ? 0 : seen->second) < round) ranks.push_back(m.rank);
  }
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

void Shard::push(Part& part, const Name& name, const Record& record, const Member& worker) {
  const Gradient gradient = read_gradient(record);
  part.seen[worker.rank] = record.round;
  Traffic::Count& count = *part.traffic;
  ++count.pushes;
  if (consistency_.kind != Consistency::Kind::sync) {
    count.staleness.add(static_cast<double>(part.version - part.pulled[worker.rank]));
    apply(part, name, gradient);
    ++part.version;
    return;
  }
  if (record.round <= part.version) return;  // complete without it, when the group went on alone
  part.rounds[record.round].given.emplace(worker.rank, gradient);
  complete_rounds(part, name);
}

// Adds what is there in the order of ranks, and applies rounds for which nobody is waited any more.
void Shard::complete_rounds(Part& part, const Name& name) {
  if (consistency_.kind != Consistency::Kind::sync) return;
  for (;;) {
    const uint64_t next = part.version + 1;
    auto it = part.rounds.find(next);
    const std::vector<int> late = missing(part, next);
    if (it != part.rounds.end()) {
      Round& round = it->second;
      while (!round.given.empty()) {
        auto lowest = round.given.begin();
        if (!late.empty() && late.front() < lowest->first) break;
        round.sum = sum_with(std::move(round.sum), lowest->second, part.value.size());
        round.given.erase(lowest);
      }
    }
    const uint64_t seen = seen_by_all(part);
    if (!late.empty() || seen < next || !nobody_left_before(part, name, next)) return;
    if (it == part.rounds.end()) {
      // Nothing is to be added up to the next round that somebody has pushed.
      part.version = part.rounds.empty() ? seen : std::min(seen, part.rounds.begin()->first - 1);
      continue;
    }
    const Gradient sum = it->second.sum;
    part.rounds.erase(it);
    if (!sum.values.none()) apply(part, name, sum);
    part.version = next;
  }
}

// The last round that nobody who is waited for has still to push; of all when nobody is.
uint64_t Shard::seen_by_all(const Part& part) const {
  uint64_t least = ~uint64_t{0}, most = 0;
  for (const Member& m : view_.members) {
    auto seen = part.seen.find(m.rank);
    if (expected(part, m)) least = std::min(least, seen == part.seen.end() ? 0 : seen->second);
  }
  for (const auto& [rank, seen] : part.seen) most = std::max(most, seen);
  return std::min(least, most);
}

// A worker that left has brought all it had: the sum of the others would be a wrong one that nobody notices. In an elastic group it is the right one.
bool Shard::nobody_left_before(const Part& part, const Name& name, uint64_t round) {
  if (view_.elastic || over_) return !over_;
  for (const Member& m : view_.members) {
    auto seen = part.seen.find(m.rank);
    if (m.role != Role::worker || m.state != State::left || (seen != part.seen.end() && seen->second >= round))
      continue;
    over_ = std::make_shared<const Error>(
        Code::net, concat("[kvstore] ", m.title(), " left the group before round ", round, " of key ", name.first));
    for (const auto& [other, unused] : parts_) changed_.insert(other);
    return false;
  }
  return true;
}

// What is being sent stays as it is: a new value is made beside it.
void Shard::make_exclusive(Part& part) const {
  if (part.value.chunk().use_count() == 1) return;
  NDArray fresh(part.value.shape(), part.value.dtype());
  if (fresh.bytes() > 0) std::memcpy(fresh.view().data, part.value.view().data, static_cast<size_t>(fresh.bytes()));
  part.value = fresh;
}

Optimizer& Shard::optimizer_of(uint32_t part) {
  auto it = optimizers_.find(part);
  if (it == optimizers_.end()) it = optimizers_.emplace(part, make_optimizer(optimizer_order_)).first;
  return *it->second;
}

void Shard::apply(Part& part, const Name& name, const Gradient& gradient) {
  try {
    if (!updater_ && optimizer_name_.empty()) {
      part.value = whole(gradient, part.value.size());
    } else {
      make_exclusive(part);
      step(part, name, gradient);
    }
    part.error = nullptr;
  } catch (const Error& e) {
    part.error = std::make_shared<const Error>(e.code(), concat(e.what(), " (on the server of key ", name.first, ")"));
  }
}

void Shard::step(Part& part, const Name& name, const Gradient& gradient) {
  Optimizer* const optimizer = updater_ ? nullptr : &optimizer_of(name.second);
  if (gradient.width > 0 && optimizer && optimizer->by_row(name.first)) {
    return step_rows(*optimizer, name.first, part.value, gradient);
  }
  const NDArray value = part.value, all = whole(gradient, value.size());
  if (optimizer) optimizer->update(name.first, value, all);
  else updater_(name.first, all, value);
  value.wait_to_write();
  all.wait_to_write();
}

bool Shard::may_pull(const Part& part, const Record& record, const Member& worker) const {
  auto seen = part.seen.find(worker.rank);
  if (record.round > (seen == part.seen.end() ? 0 : seen->second)) return false;  // its own push is still on the way
  if (consistency_.kind == Consistency::Kind::async) return true;
  if (consistency_.kind == Consistency::Kind::sync) return part.version >= record.round;
  const auto slack = static_cast<uint64_t>(consistency_.staleness);
  return record.round <= slack || missing(part, record.round - slack).empty();
}

Record Shard::pulled(Part& part, const Record& record, const Member& worker) {
  if (part.error) return refusal(record, *part.error);
  Record r = reply(record);
  r.round = part.pulled[worker.rank] = part.version;
  const TensorView view = part.value.view();
  if (record.width > 0) r.value = taken_rows(record, part.value);
  else r.value = {static_cast<const uint8_t*>(view.data), static_cast<size_t>(view.bytes()), part.value.chunk()};
  Traffic::Count& count = *part.traffic;
  ++count.pulls;
  count.bytes_sent += static_cast<int64_t>(r.value.size);
  return r;
}

// Held requests whose time has come.
void Shard::release(Outbox& out) {
  std::map<uint64_t, std::vector<Record>> ready;
  std::vector<Held> again;
  if (over_ || std::any_of(early_.begin(), early_.end(),
                           [&](const Held& h) { return parts_.count({h.record.key, h.record.part}); })) {
    again.swap(early_);
  }
  std::set<Name> changed;
  changed.swap(changed_);
  for (const Name& name : changed) {
    Part& part = parts_.at(name);
    auto go = [&](const Held& h) {
      const Member* worker = view_.find(h.worker);
      return over_ || !worker || may_pull(part, h.record, *worker);
    };
    auto middle = std::stable_partition(part.held.begin(), part.held.end(), [&](const Held& h) { return !go(h); });
    again.insert(again.end(), middle, part.held.end());
    part.held.erase(middle, part.held.end());
  }
  for (const Held& h : again) {
    const Member* worker = view_.find(h.worker);
    if (!worker || worker->state != State::alive) continue;
    bool hold = false;
    Record r = answer(h.record, *worker, hold);
    if (!hold) ready[h.worker].push_back(std::move(r));
  }
  for (auto& [worker, records] : ready) out.emplace_back(worker, answers(std::move(records)));
}

void Shard::tell_held(const Message& message, const Member& worker, Outbox& out) const {
  Message held;
  held.verb = Verb::held;
  held.number = message.number;
  Json waits = Json::array();
  auto note = [&](const Held& h) {
    if (h.worker == worker.id && held.numbers.size() < (1 << 16)) held.numbers.push_back(h.record.number);
  };
  for (const Held& h : early_) note(h);
  for (const auto& [name, part] : parts_) {
    for (const Held& h : part.held) {
      note(h);
      if (h.worker != worker.id || !waits.items().empty()) continue;
      for (int rank : missing(part, h.record.round)) waits.push_back(rank);
    }
  }
  held.text = waits.dump();
  out.emplace_back(worker.id, std::move(held));
}

// --- orders ------------------------------------------------------------------------------------------------------------

std::string Shard::carry_out(const std::string& text) {
  Json result = Json::object();
  try {
    const Json order = Json::parse(text, "order");
    const std::string kind = order.at("order").as_string();
    if (over_) throw *over_;
    if (kind == "optimizer") {
      give_optimizer(order);
    } else if (kind == "save") {
      save(concat(order.at("path").as_string(), "-server-", rank_, ".params"));
    } else if (kind == "statistics") {
      return statistics();
    } else {
      fail(Code::invalid, "[kvstore] order: expected optimizer, save or statistics, got '", kind, "'");
    }
  } catch (const Error& e) {
    result.set("code", static_cast<int>(e.code()));
    result.set("error", e.what());
  }
  return result.dump();
}

// A new optimizer, or other numbers for the one there is, whose states stay.
void Shard::give_optimizer(const Json& order) {
  const std::string name = order.at("name").as_string();
  const bool same = name == optimizer_name_;
  std::unique_ptr<Optimizer> fresh = make_optimizer(order);
  if (!same) optimizers_.clear();
  for (auto& [part, optimizer] : optimizers_) configure(*optimizer, order);
  optimizers_.emplace(0, std::move(fresh));
  optimizer_order_ = order;
  optimizer_name_ = name;
}

void Shard::save(const std::string& path) const {
  NamedArrays all;
  auto add = [&all](std::string name, const NDArray& array) {
    all.names.push_back(std::move(name));
    all.arrays.push_back(array);
  };
  add("consistency:" + consistency_.text(), number_array(0));
  if (!optimizer_name_.empty()) add("optimizer:" + optimizer_order_.dump(), number_array(0));
  for (const auto& [name, part] : parts_) {
    add(concat("value:", name.second, ":", name.first), part.value);
    add(concat("version:", name.second, ":", name.first), number_array(part.version));
  }
  for (const auto& [part, optimizer] : optimizers_) {
    const NamedArrays states = optimizer->states();
    for (size_t i = 0; i < states.names.size(); ++i)
      add(concat("state:", part, ":", states.names[i]), states.arrays[i]);
  }
  save_arrays(path, all);
}

void Shard::restore(const std::string& path) {
  const NamedArrays all = load_arrays(path);
  std::map<Name, Part> parts;
  std::map<uint32_t, NamedArrays> states;
  Json order;
  for (size_t i = 0; i < all.names.size(); ++i) {
    const std::string& name = all.names[i];
    const size_t colon = std::min(name.find(':'), name.size()),
                 second = std::min(name.find(':', colon + 1), name.size());
    const std::string kind = name.substr(0, colon);
    if (kind == "consistency") continue;
    if (kind == "optimizer") {
      order = Json::parse(name.substr(colon + 1), "checkpoint");
      continue;
    }
    MIXNET_CHECK(second < name.size() && second - colon < 12, io, "[kvstore restore] ", path,
                 ": expected value:PART:KEY and the like, got '", name, "'");
    const auto part = static_cast<uint32_t>(Value(name.substr(colon + 1, second - colon - 1)).as_int());
    const std::string key = name.substr(second + 1);
    if (kind == "value") {
      parts[{key, part}].value = all.arrays[i].reshape(Shape{all.arrays[i].size()});
    } else if (kind == "version") {
      parts[{key, part}].version = array_number(all.arrays[i]);
    } else {
      MIXNET_CHECK(kind == "state", io, "[kvstore restore] ", path, ": expected value, version or state, got '", name,
                   "'");
      states[part].names.push_back(key);
      states[part].arrays.push_back(all.arrays[i]);
    }
  }
  for (const auto& [name, part] : parts)
    MIXNET_CHECK(!part.value.none(), io, "[kvstore restore] ", path, ": expected a value of key ", name.first,
                 ", got none");
  if (!order.is_null()) {
    give_optimizer(order);
    for (const auto& [part, saved] : states) {
      auto fresh = make_optimizer(order);
      fresh->restore(saved);
      optimizers_[part] = std::move(fresh);
    }
  }
  parts_ = std::move(parts);
  for (auto& [name, part] : parts_) part.traffic = &traffic_.key(name.first);
}

}  // namespace dist
}  // namespace mixnet
