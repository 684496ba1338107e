#include "kvstore/dist/client.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace mixnet {
namespace dist {
namespace {

// Requests of so many bytes together travel in one message; a larger one alone.
constexpr size_t batch_bytes = 256 << 10;
constexpr size_t batch_records = 1024;

}  // namespace

Client::Client(uint64_t id, const ClientSettings& settings, std::function<void()> wake)
    : id_(id), settings_(settings), wake_(std::move(wake)) {}

// --- operations --------------------------------------------------------------------------------------------------------

std::shared_ptr<Client::Operation> Client::begin(const char* what, const std::string& key, Done done) {
  auto operation = std::make_shared<Operation>();
  operation->what = concat("[kvstore ", what, "]", key.empty() ? "" : " key ", key);
  operation->done = std::move(done);
  return operation;
}

Client::Key& Client::key_of(const std::string& key, const char* place) {
  auto it = keys_.find(key);
  MIXNET_CHECK(it != keys_.end(), invalid, "[kvstore ", place, "] key ", key, " was not initialised");
  return it->second;
}

int Client::servers() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(links_.size());
}

bool Client::busy() const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Link& link : links_)
    if (!link.sent.empty() || !link.pushes.empty() || !link.pulls.empty()) return true;
  return false;
}

void Client::queue(RequestPtr request) {
  request->age = ++ages_;
  request->begun = now_;
  ++request->operation->left;
  Link& link = links_[static_cast<size_t>(request->server)];
  const bool push = request->order.empty() && request->record.ask == Ask::push;
  if (push) ++unsent_of(*request);
  (push ? link.pushes : link.pulls).insert(std::move(request));
}

int& Client::unsent_of(const Request& request) {
  return keys_.at(request.record.key).parts[request.record.part].unsent[static_cast<size_t>(request.copy)];
}

int Client::server_of(const Slice& slice, int copy) const {
  return static_cast<int>((static_cast<size_t>(slice.server) + static_cast<size_t>(copy)) % links_.size());
}

// Lost, and nobody will come in its place.
bool Client::gone(int server) const {
  const Member* m = view_.copies > 1 ? view_.find(Role::server, server) : nullptr;
  return m && m->state == State::lost;
}

// The copies that are left; one at least, or the group would be over.
std::vector<int> Client::copies_of(const Slice& slice) const {
  std::vector<int> copies;
  for (int copy = 0; copy < view_.copies; ++copy)
    if (!gone(server_of(slice, copy))) copies.push_back(copy);
  return copies;
}

// What init, push and pull of a part have in common.
Client::RequestPtr Client::make_request(Ask ask, const std::string& key, const Key& entry, uint32_t part, int copy,
                                        const std::shared_ptr<Operation>& operation) const {
  auto request = std::make_shared<Request>();
  const Slice& slice = entry.parts[part].slice;
  request->record.ask = ask;
  request->record.key = key;
  request->record.part = part;
  request->record.dtype = entry.extent.dtype;
  request->record.size = static_cast<uint64_t>(slice.count);
  request->copy = copy;
  request->server = server_of(slice, copy);
  request->operation = operation;
  return request;
}

void Client::init(const std::string& key, const Extent& extent, const Bytes& value, Done done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) throw *over_;
    Key entry{extent, {}, &traffic_.key(key)};
    const auto copies = static_cast<size_t>(view_.copies);
    for (const Slice& slice : slices_of(key, extent, settings_.part_bytes, static_cast<int>(links_.size())))
      entry.parts.push_back({slice, 0, std::vector<uint64_t>(copies), std::vector<int>(copies)});
    const Member* self = view_.find(id_);
    const bool first = self && self->rank == 0;
    const auto item = static_cast<size_t>(dtype_size(extent.dtype));
    auto operation = begin("init", key, std::move(done));
    for (uint32_t i = 0; i < entry.parts.size(); ++i) {
      const Slice& slice = entry.parts[i].slice;
      for (const int copy : copies_of(slice)) {
        const RequestPtr request = make_request(Ask::init, key, entry, i, copy, operation);
        if (first) {
          request->record.value = {value.data + static_cast<size_t>(slice.begin) * item,
                                   static_cast<size_t>(slice.count) * item, value.owner};
        }
        queue(request);
      }
    }
    keys_[key] = std::move(entry);
  }
  wake_();
}

std::pair<Extent, std::vector<Slice>> Client::cut_of(const std::string& key, const char* place) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (over_) throw *over_;
  const Key& entry = key_of(key, place);
  std::vector<Slice> slices;
  for (const Part& part : entry.parts) slices.push_back(part.slice);
  return {entry.extent, slices};
}

void Client::push(const std::string& key, const Bytes& value, const Compression& how, int priority, Done done) {
  const auto [extent, slices] = cut_of(key, "push");
  auto bytes_of = [&how, item = dtype_size(extent.dtype)](int64_t elements) {
    return static_cast<size_t>(how.codes == Codes::none ? elements * item : encoded_bytes(how.codes, elements));
  };
  Record like;
  like.codes = how.codes;
  like.threshold = how.threshold;
  std::vector<Bytes> values;
  for (const Slice& slice : slices)
    values.push_back({value.data + bytes_of(slice.begin), bytes_of(slice.count), value.owner});
  push_parts(key, like, values, priority, std::move(done));
}

void Client::push_rows(const std::string& key, const SomeRows& rows, int priority, Done done) {
  const auto [extent, slices] = cut_of(key, "push_rows");
  assert(cut_between_rows(extent, settings_.part_bytes));
  Record like;
  like.width = static_cast<uint64_t>(extent.width);
  std::vector<Bytes> values;
  for (const Slice& slice : slices) {
    const int64_t first = slice.begin / extent.width;
    values.push_back(rows_value(rows_within(rows, first, slice.count / extent.width), first));
  }
  push_parts(key, like, values, priority, std::move(done));
}

void Client::push_parts(const std::string& key, const Record& like, const std::vector<Bytes>& values, int priority,
                        Done done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) throw *over_;
    Key& entry = key_of(key, "push");
    auto operation = begin("push", key, std::move(done));
    for (uint32_t i = 0; i < entry.parts.size(); ++i) {
      Part& part = entry.parts[i];
      ++part.round;
      for (const int copy : copies_of(part.slice)) {
        const RequestPtr request = make_request(Ask::push, key, entry, i, copy, operation);
        Record& record = request->record;
        record.round = part.round;
        record.codes = like.codes;
        record.threshold = like.threshold;
        if (part.slice.count > 0) record.width = like.width;  // what is empty has no rows
        record.value = values[i];
        request->bytes = static_cast<int64_t>(record.value.size);
        request->priority = priority;
        queue(request);
      }
      entry.traffic->bytes_sent += static_cast<int64_t>(values[i].size);
    }
    ++entry.traffic->pushes;
  }
  wake_();
}

// With `rows`, those numbers of the part's rows.
void Client::ask_part(const std::string& key, Key& entry, uint32_t part, void* target,
                      const std::shared_ptr<const void>& owner, int priority,
                      const std::shared_ptr<Operation>& operation, const Bytes* rows) {
  const Slice& slice = entry.parts[part].slice;
  const auto item = static_cast<int64_t>(dtype_size(entry.extent.dtype));
  const RequestPtr request = make_request(Ask::pull, key, entry, part, copies_of(slice)[0], operation);
  request->record.round = entry.parts[part].round;
  request->target = static_cast<uint8_t*>(target) + slice.begin * item;
  request->owner = owner;
  request->bytes = slice.count * item;
  request->priority = priority;
  if (rows) {
    request->record.width = static_cast<uint64_t>(entry.extent.width);
    request->record.value = *rows;
    request->bytes = static_cast<int64_t>(rows->size / sizeof(uint64_t)) * entry.extent.width * item;
  }
  queue(request);
}

void Client::pull(const std::string& key, void* target, std::shared_ptr<const void> owner, int priority, Done done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) throw *over_;
    Key& entry = key_of(key, "pull");
    auto operation = begin("pull", key, std::move(done));
    for (uint32_t i = 0; i < entry.parts.size(); ++i)
      ask_part(key, entry, i, target, owner, priority, operation, nullptr);
    ++entry.traffic->pulls;
  }
  wake_();
}

void Client::pull_rows(const std::string& key, const SomeRows& rows, void* target, std::shared_ptr<const void> owner,
                       int priority, Done done) {
  if (rows.numbers.empty()) return done(nullptr);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) throw *over_;
    Key& entry = key_of(key, "pull_rows");
    auto operation = begin("pull_rows", key, std::move(done));
    for (uint32_t i = 0; i < entry.parts.size(); ++i) {
      const Slice& slice = entry.parts[i].slice;
      const int64_t width = entry.extent.width, first = slice.begin / width;
      const SomeRows here = rows_within(rows, first, slice.count / width);
      if (here.numbers.empty()) continue;
      const Bytes numbers = rows_value(here, first);
      ask_part(key, entry, i, target, owner, priority, operation, &numbers);
    }
    ++entry.traffic->pulls;
  }
  wake_();
}

void Client::order(const std::string& text, std::vector<std::string>* results, Done done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) throw *over_;
    auto operation = begin("order", "", std::move(done));
    if (results) results->assign(links_.size(), "");
    operation->results = results;
    for (size_t i = 0; i < links_.size(); ++i) {
      if (gone(static_cast<int>(i))) continue;
      auto request = std::make_shared<Request>();
      request->order = text;
      request->server = static_cast<int>(i);
      request->operation = operation;
      queue(std::move(request));
    }
  }
  wake_();
}

// --- what is to be sent ------------------------------------------------------------------------------------------------

void Client::write(Link& link, const RequestPtr& request, Message* message, size_t& bytes, double now) {
  request->sent = now;
  if (!link.waiting) link.waiting = true, link.heard = link.asked = now;
  if (!request->order.empty()) {
    message->verb = Verb::order;
    message->number = request->record.number;
    message->text = request->order;
    return;
  }
  message->verb = Verb::request;
  Record& record = request->record;
  if (record.ask != Ask::init) {
    const Part& part = keys_.at(record.key).parts[record.part];
    const uint64_t settled = part.settled[static_cast<size_t>(request->copy)];
    record.settled = std::min(settled, record.ask == Ask::push ? record.round - 1 : record.round);
  }
  message->records.push_back(record);
  bytes += record.value.size;
}

bool Client::may_go(const Request& request) const {
  if (!request.order.empty() || request.record.ask != Ask::pull) return true;
  const Part& part = keys_.at(request.record.key).parts[request.record.part];
  return part.unsent[static_cast<size_t>(request.copy)] <= 0;
}

// As many as one message takes. An order travels alone.
bool Client::take_from(Link& link, std::set<RequestPtr, Earlier>& from, int64_t window, int64_t& under_way,
                       Message* message, size_t& bytes, double now) {
  bool any = false;
  for (auto next = from.begin(); next != from.end() && message->records.size() < batch_records;) {
    const RequestPtr request = *next;
    if (!may_go(*request)) {
      ++next;
      continue;
    }
    if (under_way > 0 && under_way + request->bytes > window) break;
    const bool order = !request->order.empty();
    const size_t size = request->record.value.size;
    if (!message->records.empty() && (order || (size > 0 && bytes + size > batch_bytes))) break;
    next = from.erase(next);
    under_way += request->bytes;
    request->under_way = true;
    if (!order && request->record.ask == Ask::push) --unsent_of(*request);
    request->record.number = ++link.last;
    link.sent[request->record.number] = request;
    write(link, request, message, bytes, now);
    any = true;
    if (order) break;
  }
  return any;
}

bool Client::take(int server, double now, Message* message) {
  std::lock_guard<std::mutex> lock(mutex_);
  *message = {};
  message->sender = id_;
  if (over_ || static_cast<size_t>(server) >= links_.size()) return false;
  Link& link = links_[static_cast<size_t>(server)];
  size_t bytes = 0;
  while (!link.again.empty()) {
    const uint64_t number = *link.again.begin();
    link.again.erase(link.again.begin());
    auto it = link.sent.find(number);
    if (it == link.sent.end()) continue;
    if (it->second->order.empty()) ++keys_.at(it->second->record.key).traffic->repeated;
    write(link, it->second, message, bytes, now);
    return true;
  }
  if (link.waiting && now - link.asked >= settings_.ask_s && !link.sent.empty()) {
    link.asked = now;
    message->verb = Verb::ask;
    message->number = link.last;
    return true;
  }
  bool any = take_from(link, link.pushes, link.window.bytes(), link.pushing, message, bytes, now);
  any = take_from(link, link.pulls, settings_.window, link.pulling, message, bytes, now) || any;
  if (any) ++link.traffic->messages;
  return any;
}

// --- what arrives ------------------------------------------------------------------------------------------------------

void Client::finish(Request& request, const Error* error, Ended& ended) {
  Operation& operation = *request.operation;
  if (error && !operation.error) {
    operation.error = std::make_unique<Error>(error->code(), concat(operation.what, ": ", error->what()));
  }
  if (--operation.left == 0) ended.push_back(request.operation);
}

void Client::report(const Ended& ended) {
  for (const auto& operation : ended) operation->done(operation->error.get());
}

void Client::receive(int server, const Message& message, double now) {
  Ended ended;
  std::vector<std::pair<RequestPtr, const Record*>> copies;
  Traffic::Count* peer = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    now_ = now;
    if (over_ || static_cast<size_t>(server) >= links_.size()) return;
    Link& link = links_[static_cast<size_t>(server)];
    if (message.sender != link.process) return;
    link.heard = now;
    peer = link.traffic;
    if (message.verb == Verb::held) held(link, message);
    if (message.verb == Verb::done) {
      auto it = link.sent.find(message.number);
      if (it == link.sent.end() || it->second->order.empty()) return;
      const RequestPtr request = it->second;
      link.sent.erase(it);
      if (request->operation->results) (*request->operation->results)[static_cast<size_t>(server)] = message.text;
      finish(*request, nullptr, ended);
    }
    if (message.verb == Verb::answer) {
      for (const Record& record : message.records) {
        auto it = link.sent.find(record.number);
        const bool ours = it != link.sent.end() && it->second->order.empty() && record.ask == it->second->record.ask;
        if (!ours) continue;
        const RequestPtr request = it->second;
        if (record.ask == Ask::pull && record.code == 0 && record.value.size == static_cast<size_t>(request->bytes)) {
          // Copied without the lock; until then nobody else may end it.
          link.sent.erase(it);
          arrived(link, *request);
          copies.emplace_back(request, &record);
        } else {
          answered(link, server, record, now, ended);
        }
      }
    }
    if (link.sent.empty() && link.pushes.empty() && link.pulls.empty()) link.waiting = false;
  }
  for (const auto& [request, record] : copies) {
    if (request->record.width > 0) put_rows(request->record, record->value, request->target);
    else if (record->value.size) std::memcpy(request->target, record->value.data, record->value.size);
  }
  if (!copies.empty()) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [request, record] : copies) {
      Traffic::Count& count = *keys_.at(request->record.key).traffic;
      count.bytes_received += static_cast<int64_t>(record->value.size);
      count.latency_s.add(now - request->sent);
      peer->bytes_received += static_cast<int64_t>(record->value.size);
      peer->latency_s.add(now - request->sent);
      note(*request, *record, now);
      finish(*request, nullptr, ended);
    }
  }
  report(ended);
}

// An init, a push, or an error.
void Client::answered(Link& link, int server, const Record& record, double now, Ended& ended) {
  auto it = link.sent.find(record.number);
  const RequestPtr request = it->second;
  link.sent.erase(it);
  arrived(link, *request);
  Key& key = keys_.at(request->record.key);
  Part& part = key.parts[request->record.part];
  if (record.code != 0) {
    const std::string text(reinterpret_cast<const char*>(record.value.data), record.value.size);
    const Error error(static_cast<Code>(record.code), text);
    return finish(*request, &error, ended);
  }
  if (record.ask == Ask::pull) {
    const Error error(Code::net,
                      concat(title_of(server), ": expected ", request->bytes, " bytes, got ", record.value.size));
    return finish(*request, &error, ended);
  }
  if (record.ask == Ask::init) {
    // A worker that came late may find one copy a round ahead of the other: the rounds between are not waited for.
    part.round = std::max(part.round, record.round);
    std::fill(part.settled.begin(), part.settled.end(), part.round);
  }
  if (record.ask == Ask::push) {
    uint64_t& settled = part.settled[static_cast<size_t>(request->copy)];
    settled = std::max(settled, request->record.round);
    Traffic::Count& peer = *link.traffic;
    peer.bytes_sent += request->bytes;
    peer.latency_s.add(now - request->sent);
    link.window.answered(request->bytes, now - request->sent, now);
    key.traffic->latency_s.add(now - request->sent);
    note(*request, record, now);
  }
  finish(*request, nullptr, ended);
}

// Answered, or kept by the server until others have come, for as long as that takes: what waits for this worker's own requests must not keep them out
// of the window.
void Client::arrived(Link& link, Request& request) {
  if (!request.under_way) return;
  request.under_way = false;
  (request.record.ask == Ask::push ? link.pushing : link.pulling) -= request.bytes;
}

void Client::held(Link& link, const Message& message) {
  const std::set<uint64_t> there(message.numbers.begin(), message.numbers.end());
  for (const auto& [number, request] : link.sent) {
    if (there.count(number)) arrived(link, *request);
    else if (number <= message.number) link.again.insert(number);
  }
  link.waits_for = message.text;
}

// --- the group ---------------------------------------------------------------------------------------------------------

std::string Client::title_of(int server) const {
  const Member* m = view_.find(Role::server, server);
  return m ? m->title() : concat("server ", server);
}

void Client::set_view(const View& view, double now) {
  Ended ended;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    now_ = now;
    view_ = view;
    if (!view.complete || over_) return;
    links_.resize(static_cast<size_t>(view.servers));
    for (const Member& m : view.members) {
      if (m.role != Role::server || m.state != State::alive) continue;
      Link& link = links_[static_cast<size_t>(m.rank)];
      if (link.process == m.id) continue;
      // Another process serves these keys now: everything under way goes to it.
      link.process = m.id;
      link.window = Window(2 * settings_.part_bytes, settings_.window);
      link.traffic = &traffic_.peer(m.title());
      link.heard = link.asked = now;
      for (const auto& [number, request] : link.sent) link.again.insert(number);
    }
    const Member* lost = view.fatal();
    if (lost) lose(Error(Code::net, concat("[kvstore] ", lost->title(), " was lost: ", lost->why)), ended);
    for (size_t i = 0; i < links_.size() && !over_; ++i)
      if (gone(static_cast<int>(i))) abandon(static_cast<int>(i), ended);
  }
  report(ended);
  wake_();
}

// What a lost server was asked: its copies were given the same, and answer the pulls.
void Client::abandon(int server, Ended& ended) {
  Link& link = links_[static_cast<size_t>(server)];
  std::vector<RequestPtr> all;
  for (const auto& [number, request] : link.sent) all.push_back(request);
  for (const auto* waiting : {&link.pushes, &link.pulls}) all.insert(all.end(), waiting->begin(), waiting->end());
  for (const RequestPtr& request : link.pushes) --unsent_of(*request);
  link = {};
  for (const RequestPtr& request : all) {
    if (!request->order.empty() || request->record.ask != Ask::pull) {
      finish(*request, nullptr, ended);
      continue;
    }
    const Slice& slice = keys_.at(request->record.key).parts[request->record.part].slice;
    request->copy = copies_of(slice)[0];
    request->server = server_of(slice, request->copy);
    links_[static_cast<size_t>(request->server)].pulls.insert(request);
  }
}

void Client::lose(const Error& error, Ended& ended) {
  if (over_) return;
  over_ = std::make_unique<Error>(error);
  for (Link& link : links_) {
    for (auto& [number, request] : link.sent) finish(*request, &error, ended);
    for (const auto* waiting : {&link.pushes, &link.pulls}) {
      for (const RequestPtr& request : *waiting) finish(*request, &error, ended);
    }
    link = {};
  }
}

void Client::end(const Error& error) {
  Ended ended;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    lose(error, ended);
  }
  report(ended);
}

void Client::tick(double now) {
  Ended ended;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    now_ = now;
    for (size_t i = 0; i < links_.size() && !over_; ++i) {
      Link& link = links_[i];
      if (!link.waiting || link.sent.empty()) continue;
      const int server = static_cast<int>(i);
      // With copies the scheduler's word, which comes about now, is waited for.
      const double patience = settings_.timeout_s * (view_.copies > 1 ? 1.5 : 1) + settings_.ask_s;
      if (now - link.heard > patience && !view_.elastic) {
        lose(Error(Code::net,
                   concat("[kvstore] ", title_of(server), " was lost: no answer for ", settings_.timeout_s, " s")),
             ended);
        break;
      }
      const RequestPtr& oldest = link.sent.begin()->second;
      if (now - oldest->begun > settings_.operation_s) {
        lose(Error(Code::net, concat(title_of(server), ": no answer within ", settings_.operation_s,
                                     " s; it waits for workers ", link.waits_for)),
             ended);
      }
    }
  }
  report(ended);
}

}  // namespace dist
}  // namespace mixnet
