#include "kvstore/dist/dist.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/profile.h"
#include "kvstore/dist/worker_node.h"
#include "kvstore/local/devices.h"
#include "kvstore/local/rows.h"
#include "kvstore/push_sum.h"
#include "optimizer/optimizer.h"

namespace mixnet {
namespace {

using dist::Bytes;
using dist::Client;
using dist::SomeRows;

// The engine's operation that keeps a gradient until the servers have it. It begins after the sending, but the answer may be quicker.
class Delivery {
 public:
  void attach(std::shared_ptr<Completion> completion) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!over_) {
      completion_ = std::move(completion);
      return;
    }
    lock.unlock();
    finish(*completion);
  }
  // Only the first time counts.
  void settle(const Error* error) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (over_) return;
    over_ = true;
    if (error) error_ = std::make_unique<Error>(*error);
    const std::shared_ptr<Completion> completion = std::move(completion_);
    lock.unlock();
    if (completion) finish(*completion);
  }

 private:
  void finish(Completion& completion) { error_ ? completion.fail(error_->code(), error_->what()) : completion.end(); }
  std::mutex mutex_;
  bool over_ = false;
  std::unique_ptr<Error> error_;
  std::shared_ptr<Completion> completion_;
};

// Held by whoever may still send or be answered: when nobody is left (all is answered; or the sending failed, or was skipped for an error
// before it, which stays on what the sending would have written), the delivery is over, with the first error noted.
class Sender {
 public:
  explicit Sender(std::shared_ptr<Delivery> delivery) : delivery_(std::move(delivery)) {}
  ~Sender() { delivery_->settle(error_.get()); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  void note(const Error& error) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::make_unique<Error>(error);
  }

 private:
  const std::shared_ptr<Delivery> delivery_;
  std::mutex mutex_;
  std::unique_ptr<Error> error_;
};

// Several operations of the client, for a caller that waits.
class Answers {
 public:
  Client::Done one() {
    std::lock_guard<std::mutex> lock(state_->mutex);
    ++state_->open;
    return [state = state_](const Error* error) {
      std::lock_guard<std::mutex> lock(state->mutex);
      if (error && !state->error) state->error = std::make_unique<Error>(*error);
      --state->open;
      state->changed.notify_all();
    };
  }
  void wait() {
    auto done = [this] {
      std::unique_lock<std::mutex> lock(state_->mutex);
      state_->changed.wait(lock, [this] { return state_->open == 0; });
    };
    engine().blocking(done);
    if (state_->error) throw *state_->error;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    int open = 0;
    std::unique_ptr<Error> error;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::string consistency_of(const std::string& type) {
  const size_t colon = type.find(':');
  const std::string kind = type.substr(0, colon);
  const bool sync = kind == "dist" || kind == "dist_sync" || kind == "dist_sync_device" || kind == "dist_device_sync";
  const bool async = kind == "dist_async" || kind == "dist_async_device" || kind == "dist_device_async";
  MIXNET_CHECK(sync || async, invalid, "[kvstore] type: expected dist_sync, dist_async or dist_async:N, got '", type,
               "'");
  MIXNET_CHECK(async || colon == std::string::npos, invalid,
               "[kvstore] type: expected a staleness with dist_async only, got '", type, "'");
  if (sync) return "sync";
  return dist::Consistency::parse(colon == std::string::npos ? "async" : "bounded:" + type.substr(colon + 1)).text();
}

dist::Extent extent_of(const Shape& shape, DType dtype) {
  const int64_t rows = shape.ndim() > 0 ? shape[0] : 0;
  return {shape.size(), rows > 0 ? std::max<int64_t>(1, shape.size() / rows) : 1, dtype};
}

Bytes bytes_of(const NDArray& array) {
  return {static_cast<const uint8_t*>(array.view().data), static_cast<size_t>(array.bytes()), array.chunk()};
}

class DistStore : public KVStore {
 public:
  explicit DistStore(const std::string& type)
      : type_(type),
        node_(std::make_shared<dist::WorkerNode>(dist::GroupSettings::from_environment(), consistency_of(type))) {}
  // What was pushed is delivered first, unless that takes too long.
  ~DistStore() override {
    constexpr double patience_s = 10;
    WaitOptions options;
    options.timeout_s = patience_s;
    try {
      for (const auto& [key, entry] : entries_) entry.order.wait_to_write(options);
    } catch (const Error&) {
      // What failed was reported where it belongs.
    }
    node_->close(patience_s);
  }

  const std::string& type() const override { return type_; }
  int rank() const override { return node_->rank(); }
  int size() const override { return node_->workers(); }

  void init(const std::vector<std::string>& keys, const std::vector<NDArray>& values) override {
    node_->check_own();
    const std::set<std::string> distinct(keys.begin(), keys.end());
    MIXNET_CHECK(distinct.size() == keys.size(), invalid, "[kvstore init] a key is given twice");
    Answers answers;
    std::vector<NDArray> kept;
    for (size_t i = 0; i < keys.size(); ++i) {
      MIXNET_CHECK(keys[i].size() <= dist::max_key, invalid, "[kvstore init] key: expected at most ", dist::max_key,
                   " bytes, got ", keys[i].size());
      // A copy: what is under way must not change when the call fails half-way.
      NDArray value(values[i].shape(), values[i].dtype());
      copy(values[i], value);
      value.wait_to_read();
      kept.push_back(value);
    }
    for (size_t i = 0; i < keys.size(); ++i)
      node_->client().init(keys[i], extent_of(kept[i].shape(), kept[i].dtype()), bytes_of(kept[i]), answers.one());
    answers.wait();
    std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < keys.size(); ++i) {
      Entry& entry = entries_[keys[i]];
      entry.shape = kept[i].shape();
      entry.dtype = kept[i].dtype();
    }
  }

  void push(const std::vector<std::string>& keys, const std::vector<NDArray>& values, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore push");
    node_->check_own();
    refresh_optimizer(priority);
    std::lock_guard<std::mutex> lock(mutex_);
    Groups few, rest;
    split(grouped(keys, values, "push"), few, rest);
    send(few, {}, priority);
    for (const auto& [key, group] : rest) push_one(key, entries_.at(key), group, priority);
  }

  void pull(const std::vector<std::string>& keys, const std::vector<NDArray>& outputs, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore pull");
    node_->check_own();
    std::lock_guard<std::mutex> lock(mutex_);
    Groups few, rest;
    split(grouped(keys, outputs, "pull"), few, rest);
    receive(few, priority);
    for (const auto& [key, group] : rest) pull_one(key, group, priority);
  }

  void push_pull(const std::vector<std::string>& keys, const std::vector<NDArray>& values,
                 const std::vector<NDArray>& outputs, int priority) override {
    push(keys, values, priority);
    pull(keys, outputs, priority);
  }

  // Of arrays whose parts do not end with rows the whole is sent.
  void push_rows(const std::vector<std::string>& keys, const std::vector<NDArray>& row_ids,
                 const std::vector<NDArray>& values, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore push_rows");
    node_->check_own();
    refresh_optimizer(priority);
    std::lock_guard<std::mutex> lock(mutex_);
    std::map<std::string, std::vector<PushedRows>> pushed;
    for (size_t i = 0; i < keys.size(); ++i) {
      const Entry& entry = find(keys[i], "push_rows");
      check_pushed_rows(keys[i], {row_ids[i], values[i]}, entry.shape, entry.dtype);
      for (const NDArray& array : {row_ids[i], values[i]}) check_host(array, "push_rows");
      pushed[keys[i]].push_back({row_ids[i], values[i]});
    }
    for (const auto& [key, rows] : pushed) push_rows_of(key, entries_.at(key), rows, priority);
  }

  void pull_rows(const std::vector<std::string>& keys, const std::vector<NDArray>& outputs,
                 const std::vector<NDArray>& row_ids, int priority) override {
    const profile::Span span(profile::Category::api, "kvstore pull_rows");
    node_->check_own();
    std::lock_guard<std::mutex> lock(mutex_);
    grouped(keys, outputs, "pull_rows");
    for (size_t i = 0; i < keys.size(); ++i)
      check_row_ids(keys[i], row_ids[i], entries_.at(keys[i]).shape, "pull_rows");
    for (size_t i = 0; i < keys.size(); ++i)
      pull_rows_of(keys[i], entries_.at(keys[i]), outputs[i], row_ids[i], priority);
  }

  void set_updater(Updater) override {
    fail(
        Code::unsupported, "[kvstore set_updater] store: ", type_,
        " updates on its servers; give it an optimizer, or start the servers with an updater (mixnet serve --updater)");
  }

  // The first worker's counts; when the call returns the servers have it.
  void set_optimizer(std::shared_ptr<Optimizer> optimizer) override {
    std::optional<std::string> text;
    {
      std::lock_guard<std::mutex> lock(optimizer_mutex_);
      optimizer_ = std::move(optimizer);
      revision_ = -1;
      // Its steps take the norm of the whole array.
      std::lock_guard<std::mutex> also(mutex_);
      needs_whole_ = optimizer_ && optimizer_->name() == "lamb";
      text = changed_options();
    }
    if (text) order(*text);
    // Who came late finds the others at work.
    if (!node_->late()) barrier();
  }

  void set_compression(const Compression& how) override {
    std::lock_guard<std::mutex> lock(mutex_);
    compression_ = how;
    for (auto& [key, entry] : entries_) entry.residual = NDArray();
  }

  void barrier() override {
    node_->check_own();
    engine().blocking([this] { node_->members().barrier({}); });
  }

  std::string statistics() override {
    Json json = Json::parse(node_->client().statistics(), "statistics");
    Json servers = Json::array();
    for (const std::string& text : order(R"({"order":"statistics"})"))
      servers.push_back(text.empty() ? Json::object() : Json::parse(text, "statistics"));
    json.set("servers", servers);
    return json.dump();
  }

  void save(const std::string& prefix) override {
    if (rank() != 0) return;
    Json json = Json::object();
    json.set("order", "save");
    json.set("path", prefix);
    order(json.dump());
  }

 private:
  struct Entry {
    Shape shape;
    DType dtype = DType::f32;
    NDArray order{Shape{1}, DType::u8};  // its variable keeps requests of the key in order; it never has memory
    NDArray sum, residual;
  };

  const Entry& find(const std::string& key, const char* what) const {
    auto entry = entries_.find(key);
    MIXNET_CHECK(entry != entries_.end(), invalid, "[kvstore ", what, "] key ", key, " was not initialised");
    return entry->second;
  }

  // Throws what a server says against an order.
  static void check_taken(const std::vector<std::string>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].empty()) continue;
      const Json result = Json::parse(results[i], "order");
      if (const Json* error = result.find("error")) {
        throw Error(static_cast<Code>(result.at("code").as_int()),
                    concat("[kvstore] server ", i, ": ", error->as_string()));
      }
    }
  }

  std::vector<std::string> order(const std::string& text) {
    node_->check_own();
    std::vector<std::string> results;
    Answers answers;
    node_->client().order(text, &results, answers.one());
    answers.wait();
    check_taken(results);
    return results;
  }

  // The optimizer as an order, if its options are not those that the servers have.
  std::optional<std::string> changed_options() {
    if (!optimizer_ || rank() != 0) return std::nullopt;
    const int64_t now = optimizer_->revision();
    if (now == revision_) return std::nullopt;
    Json json = optimizer_->description();
    json.set("order", "optimizer");
    revision_ = now;
    return json.dump();
  }

  // Options that changed go to the servers before the next gradients, and behind what was pulled before: steps that are not over,
  // since a program runs ahead and other workers are behind, are made with the old ones.
  void refresh_optimizer(int priority) {
    std::lock_guard<std::mutex> lock(optimizer_mutex_);
    const std::optional<std::string> text = changed_options();
    if (!text) return;
    std::vector<Variable*> writes;
    {
      std::lock_guard<std::mutex> also(mutex_);
      for (const auto& [key, entry] : entries_) writes.push_back(entry.order.variable());
    }
    PushOptions options;
    options.lane = Lane::io;
    options.priority = priority;
    options.bounded = false;
    auto begin = [node = node_, text = *text] {
      auto delivery = std::make_shared<Delivery>();
      delivery->attach(engine().defer());
      auto results = std::make_shared<std::vector<std::string>>();
      node->client().order(text, results.get(),
                           [all = std::make_shared<Sender>(delivery), results](const Error* error) {
                             try {
                               if (error) throw *error;
                               check_taken(*results);
                             } catch (const Error& refused) {
                               all->note(refused);
                             }
                           });
    };
    engine().push(make_task(std::move(begin), "options of the optimizer"), {}, writes, options);
  }

  using Groups = std::vector<std::pair<std::string, std::vector<NDArray>>>;
  Groups grouped(const std::vector<std::string>& keys, const std::vector<NDArray>& values, const char* what) const {
    Groups groups;
    std::map<std::string, size_t> where;
    for (size_t i = 0; i < keys.size(); ++i) {
      const Entry& entry = find(keys[i], what);
      MIXNET_CHECK(values[i].shape() == entry.shape, shape, "[kvstore ", what, "] key ", keys[i], ": expected ",
                   entry.shape, ", got ", values[i].shape());
      MIXNET_CHECK(values[i].dtype() == entry.dtype, type, "[kvstore ", what, "] key ", keys[i], ": expected ",
                   entry.dtype, ", got ", values[i].dtype());
      check_host(values[i], what);
      auto it = where.emplace(keys[i], groups.size()).first;
      if (it->second == groups.size()) groups.emplace_back(keys[i], std::vector<NDArray>());
      groups[it->second].second.push_back(values[i]);
    }
    return groups;
  }

  // Many small keys of one call are one operation of the engine: `small`. They fail together.
  void split(Groups all, Groups& small, Groups& rest) const {
    constexpr int64_t small_bytes = 4096;
    constexpr size_t worth = 8;
    auto is_small = [&](const auto& item) {
      return item.second.size() == 1 && item.second[0].bytes() <= small_bytes && compression_.codes == Codes::none;
    };
    const auto count = static_cast<size_t>(std::count_if(all.begin(), all.end(), is_small));
    for (auto& item : all) (count >= worth && is_small(item) ? small : rest).push_back(std::move(item));
  }

  // Sends one value per key, and keeps it as it is until the servers have it.
  void send(const Groups& groups, const Compression& how, int priority) {
    if (groups.empty()) return;
    std::vector<Variable*> values, in_order;
    int64_t bytes = 0;
    for (const auto& [key, group] : groups) {
      values.push_back(group[0].variable());
      in_order.push_back(entries_.at(key).order.variable());
      bytes += group[0].bytes();
    }
    auto begin = [node = node_, groups, how, priority](const Client::Done& done) {
      for (const auto& [key, group] : groups) node->client().push(key, bytes_of(group[0]), how, priority, done);
    };
    deliver(std::move(begin), values, in_order, bytes, title(groups), priority);
  }

  // `begin` asks the client for pushes, which end with the Done it gets; `values` stay as they are until then.
  void deliver(std::function<void(const Client::Done&)> begin, const std::vector<Variable*>& values,
               const std::vector<Variable*>& in_order, int64_t bytes, const std::string& title, int priority) {
    auto delivery = std::make_shared<Delivery>();
    auto sender = std::make_shared<Sender>(delivery);
    // Not on the lane of kernels: sending goes on while they compute.
    PushOptions now, later;
    now.lane = later.lane = Lane::io;
    now.priority = later.priority = priority;
    now.small = true;
    later.bytes = bytes;
    auto send = [begin = std::move(begin), sender] {
      begin([sender](const Error* error) {
        if (error) sender->note(*error);
      });
    };
    sender.reset();
    engine().push(make_task(std::move(send), "push of " + title), values, in_order, now);
    // In the naive engine tasks end before push returns: by then the answer is there.
    auto keep = [delivery] { delivery->attach(engine().defer()); };
    engine().push(make_task(keep, "delivery of " + title), values, {}, later);
  }

  static std::string title(const Groups& groups) {
    if (groups.size() == 1) return "key " + groups[0].first;
    return concat(groups.size(), " keys from ", groups[0].first);
  }

  // Receives one array per key.
  void receive(const Groups& groups, int priority) {
    if (groups.empty()) return;
    std::vector<Variable*> reads, writes;
    for (const auto& [key, group] : groups) {
      const NDArray& out = group[0];
      reads.push_back(entries_.at(key).order.variable());
      // A view covers part of its chunk: the rest stays, errors included.
      if (!out.whole()) reads.push_back(out.variable());
      writes.push_back(out.variable());
    }
    PushOptions options;
    options.lane = Lane::io;
    options.priority = priority;
    auto begin = [node = node_, groups, priority] {
      auto delivery = std::make_shared<Delivery>();
      delivery->attach(engine().defer());
      auto all = std::make_shared<Sender>(delivery);
      for (const auto& [key, group] : groups) {
        const NDArray& out = group[0];
        node->client().pull(key, out.view().data, out.chunk(), priority, [all](const Error* error) {
          if (error) all->note(*error);
        });
      }
    };
    engine().push(make_task(std::move(begin), "pull of " + title(groups)), reads, writes, options);
  }

  void check_cut(const std::string& key, const Entry& entry) const {
    const int64_t bytes = entry.shape.size() * dtype_size(entry.dtype);
    MIXNET_CHECK(!needs_whole_ || bytes <= node_->part_bytes(), invalid, "[kvstore push] key ", key,
                 ": lamb needs whole arrays, and this one of ", bytes,
                 " bytes is cut into parts: raise MIXNET_PS_PART_BYTES");
  }

  void push_one(const std::string& key, Entry& entry, const std::vector<NDArray>& group, int priority) {
    check_cut(key, entry);
    NDArray value = reduce(group, entry.sum, priority);
    if (compression_.codes != Codes::none) value = encoded(key, entry, value, priority);
    send({{key, {value}}}, compression_, priority);
  }

  NDArray encoded(const std::string& key, Entry& entry, const NDArray& value, int priority) {
    MIXNET_CHECK(value.dtype() == DType::f32, type, "[kvstore push] key ", key, ": expected float32 to compress, got ",
                 value.dtype());
    if (entry.residual.none()) {
      entry.residual = NDArray(value.shape(), DType::f32);
      std::vector<float> zero(static_cast<size_t>(value.size()));
      entry.residual.copy_from_host(zero.data(), value.bytes());
    }
    const NDArray codes(Shape{encoded_bytes(compression_.codes, value.size())}, DType::u8), residual = entry.residual;
    PushOptions options;
    options.lane = Lane::io;
    options.priority = priority;
    // The residual is only written, as the engine sees it: a gradient that failed must not stay on it.
    Variable* reads[] = {value.variable()};
    Variable* writes[] = {codes.variable(), residual.variable()};
    auto body = [value, residual, codes, how = compression_] {
      encode(how, static_cast<const float*>(value.view().data), static_cast<float*>(residual.view().data), value.size(),
             static_cast<uint8_t*>(codes.view().data));
    };
    engine().push(make_task(body, "codes of key " + key), reads, writes, options);
    return codes;
  }

  bool cut_between_rows(const Entry& entry) const {
    return dist::cut_between_rows(extent_of(entry.shape, entry.dtype), node_->part_bytes());
  }

  void push_rows_of(const std::string& key, const Entry& entry, const std::vector<PushedRows>& pushed, int priority) {
    check_cut(key, entry);
    const std::string place = "kvstore push_rows key " + key;
    std::vector<Variable*> reads;
    int64_t bytes = 0;
    for (const PushedRows& rows : pushed) {
      reads.insert(reads.end(), {rows.ids.variable(), rows.values.variable()});
      bytes += rows.values.bytes();
    }
    if (!cut_between_rows(entry)) {
      const NDArray all(entry.shape, entry.dtype);
      Variable* writes[] = {all.variable()};
      PushOptions options;
      options.lane = Lane::io;
      options.priority = priority;
      engine().push(make_spread_rows(pushed, all, place), reads, writes, options);
      return send({{key, {all}}}, {}, priority);
    }
    auto begin = [node = node_, key, pushed, shape = entry.shape, dtype = entry.dtype, place,
                  priority](const Client::Done& done) {
      const RowSums sums = sum_rows(pushed, shape, dtype, place);
      node->client().push_rows(key, rows_of(sums.numbers, sums.values), priority, done);
    };
    deliver(std::move(begin), reads, {entry.order.variable()}, bytes, "rows of key " + key, priority);
  }

  static SomeRows rows_of(const std::vector<int64_t>& numbers, const NDArray& values) {
    if (numbers.empty()) return {};
    const Bytes bytes = bytes_of(values);
    return {numbers, bytes.data, bytes.size / numbers.size()};
  }

  void pull_rows_of(const std::string& key, const Entry& entry, const NDArray& out, const NDArray& ids, int priority) {
    const std::string place = "kvstore pull_rows key " + key;
    if (!cut_between_rows(entry)) {
      const NDArray all(entry.shape, entry.dtype);
      receive({{key, {all}}}, priority);
      std::vector<Variable*> reads{all.variable(), ids.variable()};
      if (!out.whole()) reads.push_back(out.variable());
      Variable* writes[] = {out.variable()};
      PushOptions options;
      options.lane = Lane::io;
      options.priority = priority;
      return engine().push(make_take_rows(all, ids, out, place), reads, writes, options);
    }
    std::vector<Variable*> reads{entry.order.variable(), ids.variable()};
    if (!out.whole()) reads.push_back(out.variable());
    Variable* writes[] = {out.variable()};
    auto begin = [node = node_, key, out, ids, place, priority] {
      const std::vector<int64_t> numbers = distinct_rows(ids, out.shape()[0], place);
      const Bytes to = bytes_of(out);
      if (to.size) std::memset(const_cast<uint8_t*>(to.data), 0, to.size);
      auto delivery = std::make_shared<Delivery>();
      delivery->attach(engine().defer());
      auto all = std::make_shared<Sender>(delivery);
      const SomeRows rows{numbers, nullptr, 0};
      node->client().pull_rows(key, rows, out.view().data, out.chunk(), priority, [all](const Error* error) {
        if (error) all->note(*error);
      });
    };
    PushOptions options;
    options.lane = Lane::io;
    options.priority = priority;
    engine().push(make_task(std::move(begin), place), reads, writes, options);
  }

  void pull_one(const std::string& key, const std::vector<NDArray>& outs, int priority) {
    receive({{key, {outs[0]}}}, priority);
    for (size_t i = 1; i < outs.size(); ++i) copy(outs[0], outs[i], priority);
  }

  const std::string type_;
  const std::shared_ptr<dist::WorkerNode> node_;  // shared with the engine's tasks
  std::mutex mutex_;                              // guards the next three
  std::map<std::string, Entry> entries_;
  Compression compression_;
  bool needs_whole_ = false;    // arrays must not be cut
  std::mutex optimizer_mutex_;  // guards the rest
  std::shared_ptr<Optimizer> optimizer_;
  int64_t revision_ = -1;
};

}  // namespace

std::shared_ptr<KVStore> make_dist_store(const std::string& type) { return std::make_shared<DistStore>(type); }

}  // namespace mixnet
