// Messages of a group from anybody: read, and when they are messages, given to a server, a scheduler and a worker in the middle of their work.
#include <cstdlib>
#include <cstring>

#include "kvstore/dist/client.h"
#include "kvstore/dist/rows_record.h"
#include "kvstore/dist/shard.h"
#include "target.h"

using namespace mixnet;
using namespace mixnet::dist;

namespace {

constexpr uint64_t worker = 7, server = 9;

View group() {
  View view;
  view.epoch = 1;
  view.complete = true;
  view.workers = view.servers = 1;
  view.consistency = "sync";
  view.members.resize(2);
  view.members[0].id = worker;
  view.members[1].id = server;
  view.members[1].role = Role::server;
  return view;
}

Message begin(const std::string& value) {
  Message message;
  message.verb = Verb::request;
  message.sender = worker;
  Record record;
  record.ask = Ask::init;
  record.key = "w";
  record.number = 1;
  record.size = value.size() / 4;
  record.value = Bytes::of(value);
  message.records.push_back(record);
  return message;
}

// The first two bytes say how many of the last ones are a second frame.
std::vector<Bytes> frames_of(const uint8_t* data, size_t size) {
  const size_t wanted = data[0] | data[1] << 8, second = wanted > size - 2 ? 0 : wanted;
  std::vector<Bytes> frames{Bytes::copy_of(data + 2, size - 2 - second)};
  if (second) frames.push_back(Bytes::copy_of(data + size - second, second));
  return frames;
}

std::string packed(const Message& message) {
  const std::vector<Bytes> frames = encode(message);
  const size_t second = frames.size() > 1 ? frames[1].size : 0;
  std::string text{static_cast<char>(second & 255), static_cast<char>(second >> 8)};
  for (const Bytes& frame : frames) text.append(reinterpret_cast<const char*>(frame.data), frame.size);
  return text;
}

void give(Message message) {
  Outbox out;
  Shard shard;
  shard.set_view(group(), out);
  shard.receive(begin(std::string(32, '\1')), out);
  const std::string text = message.text;
  const bool writes = message.verb == Verb::order && text.find("save") != std::string::npos;
  message.sender = worker;
  if (!writes) shard.receive(message, out);
  Members members({}, 0);
  members.receive(0, message, out);
  members.tick(100, out);
  Client client(worker, {}, [] {});
  client.set_view(group(), 0);
  std::vector<float> target(8);
  client.init("w", {8, 2, DType::f32}, Bytes::of(std::string(32, '\1')), [](const Error*) {});
  client.pull("w", target.data(), nullptr, 0, [](const Error*) {});
  const std::vector<int64_t> rows{1, 3};
  client.pull_rows("w", {rows, nullptr, 0}, target.data(), nullptr, 0, [](const Error*) {});
  Message sent;
  while (client.take(0, 0, &sent)) {
  }
  message.sender = server;
  client.receive(0, message, 0);
  client.end(Error(Code::net, "over"));
  if (message.verb == Verb::view) View::parse(message.text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  try {
    give(decode(frames_of(data, size)));
  } catch (const Error& e) {
    if (e.code() == Code::internal || e.what()[0] != '[') std::abort();
  }
  return 0;
}

namespace mixnet::fuzz {

std::vector<std::string> seeds() {
  std::vector<std::string> all{packed(begin(std::string(32, '\2'))), packed(begin(std::string(8192, '\3')))};
  Message message = begin(std::string(32, '\4'));
  for (const Ask ask : {Ask::push, Ask::pull}) {
    message.records[0].ask = ask;
    message.records[0].round = 1;
    all.push_back(packed(message));
    message.verb = Verb::answer;
    all.push_back(packed(message));
    message.verb = Verb::request;
  }
  // By rows of two elements: a push of two, a pull, its answer.
  const std::vector<int64_t> rows{1, 3};
  const std::string elements(16, '\5');
  for (const Ask ask : {Ask::push, Ask::pull}) {
    Record& record = message.records[0];
    const bool push = ask == Ask::push;
    record.ask = ask;
    record.size = 8, record.width = 2, record.round = push;
    record.value = rows_value({rows, push ? reinterpret_cast<const uint8_t*>(elements.data()) : nullptr, 8}, 0);
    all.push_back(packed(message));
  }
  message.verb = Verb::answer;
  message.records[0].number = 3;
  message.records[0].value = Bytes::of(elements);
  all.push_back(packed(message));
  Message plain;
  plain.verb = Verb::view;
  plain.text = group().text();
  all.push_back(packed(plain));
  plain.verb = Verb::hello;
  plain.text = R"({"role":"worker","rank":-1,"address":"","place":"here","consistency":"sync"})";
  all.push_back(packed(plain));
  plain.verb = Verb::order;
  plain.number = 1;
  plain.text = R"({"order":"optimizer","name":"sgd","options":{"learning_rate":"0.5"},"multipliers":{"w":[1,0]}})";
  all.push_back(packed(plain));
  plain.verb = Verb::held;
  plain.numbers = {1, 2};
  plain.text = "[0]";
  all.push_back(packed(plain));
  return all;
}

std::vector<std::string> dictionary() {
  return {"MXN1",       "\"order\"", "statistics", "bounded:1", std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8),
          "\"members\""};
}

}  // namespace mixnet::fuzz
