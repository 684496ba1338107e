// Rows between workers and servers: what everybody pulls is what the local store has, whatever the network does; damaged rows are refused.
#include <algorithm>
#include <cstring>
#include <deque>

#include "group_simulation.h"
#include "kvstore/dist/gradient.h"
#include "kvstore/kvstore.h"

namespace mixnet {
namespace dist {
namespace {

constexpr int64_t rows = 11, width = 4;  // parts of two rows
using Floats = std::vector<float>;
using Numbers = std::vector<int64_t>;

const Extent table{rows * width, width, DType::f32};

Bytes bytes(const std::shared_ptr<Floats>& v) {
  return {reinterpret_cast<const uint8_t*>(v->data()), v->size() * sizeof(float), v};
}

struct Pushed {
  Numbers numbers;  // ascending
  Floats values;
  SomeRows view() const { return {numbers, reinterpret_cast<const uint8_t*>(values.data()), width * sizeof(float)}; }
};

// What a rank pushes in a round: some rows, of whole numbers so that sums are exact; now and then none.
Pushed gradient(int seed, int rank, int round) {
  std::mt19937 random(static_cast<uint32_t>(seed * 10007 + rank * 101 + round));
  Pushed pushed;
  if (random() % 5 == 0) return pushed;
  for (int64_t row = 0; row < rows; ++row) {
    if (random() % 3) continue;
    pushed.numbers.push_back(row);
    for (int64_t i = 0; i < width; ++i) pushed.values.push_back(static_cast<float>(random() % 16) - 8);
  }
  return pushed;
}

template <class T>
NDArray array(const Shape& shape, const std::vector<T>& values) {
  const NDArray a(shape, dtype_of<T>::value);
  if (!values.empty()) a.copy_from_host(values.data(), a.bytes());
  return a;
}

NDArray first_value() {
  Floats values(rows * width);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) + 1;
  return array<float>({rows, width}, values);
}

// The local store with the workers as its devices, after each round.
std::vector<Floats> local_rounds(int seed, int workers, int count, const std::shared_ptr<Optimizer>& optimizer) {
  const auto store = make_kvstore("local");
  store->init({"a_weight"}, {first_value()});
  if (optimizer) store->set_optimizer(optimizer);
  std::vector<Floats> all;
  for (int round = 0; round < count; ++round) {
    std::vector<NDArray> ids, values;
    for (int rank = 0; rank < workers; ++rank) {
      const Pushed p = gradient(seed, rank, round);
      const auto n = static_cast<int64_t>(p.numbers.size());
      ids.push_back(array<int64_t>({n}, p.numbers));
      values.push_back(array<float>({n, width}, p.values));
    }
    store->push_rows(std::vector<std::string>(ids.size(), "a_weight"), ids, values, 0);
    const NDArray out({rows, width}, DType::f32);
    store->pull({"a_weight"}, {out}, 0);
    all.emplace_back(rows * width);
    out.copy_to_host(all.back().data(), out.bytes());
  }
  return all;
}

// One worker's rounds: rows are pushed, some rows and then all of it pulled.
struct Training {
  GroupSimulation::Worker* worker = nullptr;
  int seed = 0, rounds = 0, done = 0;
  bool started = false, initialised = false, waiting = false, weights_there = false;
  Floats some, weight = Floats(rows * width);
  std::vector<Floats> seen, seen_rows;
  std::string error;

  Numbers asked() const {
    Numbers numbers{done % rows, (done * 5 + 4) % rows};
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
  }
  void note(const Error* e) {
    if (e && error.empty()) error = e->what();
  }
  void advance() {
    if (!error.empty() || !worker->ready()) return;
    Client& client = *worker->client;
    if (!started) {
      started = true;
      const auto first = std::make_shared<Floats>(rows * width);
      first_value().copy_to_host(first->data(), rows * width * 4);
      client.init("a_weight", table, bytes(first), [this](const Error* e) { note(e), initialised = true; });
    } else if (initialised && !waiting && done < rounds) {
      waiting = true;
      const auto note_it = [this](const Error* e) { note(e); };
      client.push_rows("a_weight", gradient(seed, worker->rank(), done).view(), 0, note_it);
      some.assign(rows * width, -7.f);
      const Numbers numbers = asked();
      client.pull_rows("a_weight", {numbers, nullptr, 0}, some.data(), nullptr, 0, note_it);
      client.pull("a_weight", weight.data(), nullptr, 0, [this](const Error* e) {
        note(e);
        weights_there = true;
      });
    }
    if (waiting && weights_there && !client.busy()) {
      seen.push_back(weight), seen_rows.push_back(some);
      waiting = weights_there = false;
      ++done;
    }
  }
};

void check_against_local(int seed, const GroupSize& size, const Weather& weather, const char* optimizer) {
  constexpr int count = 5;
  GroupSimulation group(static_cast<uint32_t>(seed), size, weather);
  REQUIRE(group.run([&] { return group.workers[0]->ready(); }));
  std::shared_ptr<Optimizer> same;
  if (optimizer) {
    same = std::make_shared<Optimizer>(optimizer, Attributes{{"learning_rate", Value(0.5)}, {"wd", Value(0.25)}});
    if (std::string(optimizer) == "sgd" && seed % 2) same->set("momentum", Value(0.5));
    Json order = same->description();
    order.set("order", "optimizer");
    bool told = false;
    group.workers[0]->client->order(order.dump(), nullptr, [&](const Error* e) {
      CHECK(e == nullptr);
      told = true;
    });
    REQUIRE(group.run([&] { return told; }));
  }
  std::deque<Training> trainings(group.workers.size());
  for (size_t i = 0; i < trainings.size(); ++i) {
    trainings[i].worker = group.workers[i].get();
    trainings[i].seed = seed, trainings[i].rounds = count;
  }
  REQUIRE(group.run(
      [&] {
        bool over = true;
        for (Training& t : trainings) t.advance(), over = over && (t.done == count || !t.error.empty());
        return over;
      },
      300));
  const std::vector<Floats> expected = local_rounds(seed, size.workers, count, same);
  for (Training& t : trainings) {
    REQUIRE(t.error == "");
    CHECK(t.seen == expected);
    for (t.done = 0; t.done < count; ++t.done) {
      Floats there(rows * width, -7.f);
      const auto at = static_cast<size_t>(t.done);
      for (const int64_t row : t.asked())
        std::copy_n(expected[at].begin() + row * width, width, there.begin() + row * width);
      CHECK(t.seen_rows[at] == there);
    }
  }
}

Record push_record(const std::string& value) {
  Record record;
  record.ask = Ask::push;
  record.key = "w";
  record.size = 12, record.width = 3;
  record.value = Bytes::of(value);
  return record;
}

std::string numbers_and(const std::vector<uint64_t>& numbers, size_t more) {
  std::string text(numbers.size() * 8, '\0');
  std::memcpy(&text[0], numbers.data(), text.size());
  return text + std::string(more, '\0');
}

}  // namespace

TEST_CASE("group rows: sums, steps of rows and steps of whole arrays are the local store's") {
  for (int seed = 0; seed < 12; ++seed) {
    for (const char* optimizer : {static_cast<const char*>(nullptr), "sgd", "adam", "adagrad"}) {
      GroupSize size;
      size.workers = 1 + seed % 3;
      size.servers = 1 + seed % 4;
      CAPTURE(seed);
      CAPTURE(optimizer);
      check_against_local(seed, size, {seed % 3 * 0.1, seed % 2 * 0.2, seed % 5 ? 0.1 : 0.001}, optimizer);
    }
  }
}

TEST_CASE("group rows: copies of a key take the same rows") {
  GroupSize size;
  size.workers = 2, size.servers = 3, size.copies = 2;
  check_against_local(3, size, {0.1, 0.1, 0.05}, "sgd");
}

TEST_CASE("group rows: only the rows travel") {
  GroupSize size;
  GroupSimulation group(1, size, {});
  REQUIRE(group.run([&] { return group.workers[0]->ready(); }));
  Client& client = *group.workers[0]->client;
  const auto zero = std::make_shared<Floats>(rows * width, 0.f);
  bool done = false;
  const auto end = [&](const Error* e) {
    CHECK(e == nullptr);
    done = true;
  };
  client.init("w", table, bytes(zero), end);
  REQUIRE(group.run([&] { return done; }));
  const Pushed two{{2, 9}, Floats(2 * width, 1.f)};
  done = false;
  client.push_rows("w", two.view(), 0, [](const Error*) {});
  client.pull_rows("w", {two.numbers, nullptr, 0}, zero->data(), zero, 0, end);
  REQUIRE(group.run([&] { return done && !client.busy(); }));
  const Json counts = Json::parse(client.statistics(), "statistics");
  const Json& w = counts.at("keys").at("w");
  CHECK(w.at("bytes_sent").as_int() == 2 * (8 + width * 4));
  CHECK(w.at("bytes_received").as_int() == 2 * width * 4);
  done = false;
  client.pull_rows("w", {}, zero->data(), zero, 0, end);
  CHECK(done);
}

TEST_CASE("group rows: whole arrays and rows of one round add up") {
  const auto dense = std::make_shared<Floats>(Floats{1, 1, 1, 1, 1, 1});
  const Gradient all{array<float>({6}, *dense), {}, 0}, one{array<float>({2}, {5, 6}), {1}, 2},
      other{array<float>({3}, {7, 8, 9}), {0}, 3};
  const auto text = [](const Gradient& g) {
    Floats values(static_cast<size_t>(g.values.size()));
    g.values.copy_to_host(values.data(), g.values.bytes());
    return values;
  };
  CHECK(text(sum_with(all, one, 6)) == Floats{1, 1, 6, 7, 1, 1});
  CHECK(text(sum_with(one, all, 6)) == Floats{1, 1, 6, 7, 1, 1});
  CHECK(text(sum_with(one, other, 6)) == Floats{7, 8, 14, 6, 0, 0});
  CHECK(text(all) == *dense);
  const Gradient both = sum_with(one, {array<float>({4}, {1, 2, 3, 4}), {0, 1}, 2}, 6);
  CHECK(both.rows == Numbers{0, 1});
  CHECK(text(both) == Floats{1, 2, 8, 10});
}

TEST_CASE("group rows: damaged ones are refused in one line") {
  const auto refused = [](const Record& record, const char* text) {
    CHECK_THROWS_WITH_AS(read_rows(record), doctest::Contains(text), Error);
  };
  CHECK(read_rows(push_record(numbers_and({0, 3}, 24))).numbers == Numbers{0, 3});
  CHECK(read_rows(push_record("")).numbers.empty());
  refused(push_record(numbers_and({1, 4}, 24)), "[kvstore] key w rows: expected ascending numbers below 4, got 4");
  refused(push_record(numbers_and({3, 1}, 24)), "expected ascending numbers below 4, got 1 as number 1");
  refused(push_record(numbers_and({2, 2}, 24)), "got 2 as number 1");
  refused(push_record(numbers_and({~uint64_t{0}}, 12)), "got 18446744073709551615 as number 0");
  refused(push_record(numbers_and({1}, 13)), "expected a multiple of 20 bytes, got 21");
  Record pull = push_record(numbers_and({1}, 1));
  pull.ask = Ask::pull;
  refused(pull, "expected a multiple of 8 bytes, got 9");
  for (const uint64_t wrong : {uint64_t{5}, uint64_t{24}, uint64_t{0}, uint64_t{1} << 63}) {
    Record record = push_record("");
    record.width = wrong;
    refused(record, "rows: expected some of plain elements that 12 is a multiple of, got");
  }
  Record codes = push_record("");
  codes.codes = Codes::half;
  refused(codes, "in codes");

  // On the wire: a width of a first value, and none where there should be one.
  Message message;
  message.verb = Verb::request;
  message.records = {push_record("")};
  message.records[0].ask = Ask::init;
  CHECK_THROWS_WITH_AS(decode(encode(message)), "[message] width: expected one above 0 of a push or pull, got 3",
                       Error);
}

TEST_CASE("group rows: a server answers damaged rows with an error, and goes on") {
  GroupSize size;
  GroupSimulation group(1, size, {});
  REQUIRE(group.run([&] { return group.workers[0]->ready(); }));
  Client& client = *group.workers[0]->client;
  const auto value = std::make_shared<Floats>(6, 1.f);
  bool done = false;
  client.init("w", {6, 2, DType::f32}, bytes(value), [&](const Error*) { done = true; });
  REQUIRE(group.run([&] { return done; }));
  Message message;
  message.verb = Verb::request;
  message.sender = group.workers[0]->id;
  message.records = {push_record(numbers_and({7}, 8))};
  message.records[0].size = 6, message.records[0].width = 2, message.records[0].round = 1;
  Outbox out;
  Shard& shard = group.servers[0]->shard;
  shard.receive(message, out);
  REQUIRE(out.size() == 1);
  const Record& answer = out[0].second.records.at(0);
  CHECK(answer.code == static_cast<int>(Code::net));
  CHECK(std::string(reinterpret_cast<const char*>(answer.value.data), answer.value.size) ==
        "[kvstore] key w rows: expected ascending numbers below 3, got 7 as number 0");
  // The round is still to come.
  const Numbers one{1};
  const Floats row{4, 5};
  done = false;
  client.push_rows("w", {one, reinterpret_cast<const uint8_t*>(row.data()), 8}, 0, [](const Error*) {});
  client.pull("w", value->data(), value, 0, [&](const Error* e) {
    CHECK(e == nullptr);
    done = true;
  });
  REQUIRE(group.run([&] { return done; }));
  CHECK(*value == Floats{0, 0, 4, 5, 0, 0});
}

TEST_CASE("group rows: parts end with rows where a row is not larger than a part") {
  for (const int64_t width : {1, 3, 8, 20, 24}) {
    for (const int64_t rows : {1, 5, 64, 1000}) {
      const Extent extent{rows * width, width, DType::f32};
      CHECK(cut_between_rows(extent, 96) == (rows * width <= 24 || width != 20));
      int64_t at = 0;
      for (const Slice& slice : slices_of("k", extent, 96, 3)) {
        CHECK(slice.begin == at);
        CHECK(slice.count <= 24);
        if (cut_between_rows(extent, 96)) CHECK(slice.count % width == 0);
        if (at > 0 && slice.count > 0) CHECK(slice.begin % 8 == 0);
        at += slice.count;
      }
      CHECK(at == rows * width);
    }
  }
}

}  // namespace dist
}  // namespace mixnet
