// The plug-in's functions over threads of one process: every thread is a worker, and collectives end when all have begun them.
//
// Collectives of different kinds or sizes that meet are an error of MPI's kind; a seed decides how often a finished one still says it is not.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "kvstore/mpi/plugin.h"

namespace mixnet::mpi {

struct Collective {
  std::string kind;
  int64_t count = 0;
  std::vector<std::vector<char>> from;
  std::vector<void*> to;
  int begun = 0;
  bool over = false, wrong = false;
};

struct Group {
  int rank;
  int64_t begun;
};
struct Request {
  std::shared_ptr<Collective> collective;  // none: over
};

struct World {
  std::mutex mutex;
  int size = 0;
  std::mt19937 random{1};
  std::map<int64_t, std::shared_ptr<Collective>> collectives;
  std::vector<int32_t> alive;
  std::vector<std::unique_ptr<Request>> requests;  // of all; some are never finished
  std::atomic<int64_t> count{0};
};

inline World* world = nullptr;         // of the test that runs
inline thread_local int own_rank = 0;  // set by a thread before it makes its communicator

template <class T>
void combine(Collective& c, Operation operation) {
  std::vector<T> result(static_cast<size_t>(c.count));
  std::memcpy(result.data(), c.from[0].data(), c.from[0].size());
  for (size_t rank = 1; rank < c.from.size(); ++rank) {
    const T* other = reinterpret_cast<const T*>(c.from[rank].data());
    for (size_t i = 0; i < result.size(); ++i)
      result[i] = operation == Operation::min ? std::min(result[i], other[i]) : static_cast<T>(result[i] + other[i]);
  }
  for (void* to : c.to) std::memcpy(to, result.data(), c.from[0].size());
}

inline int64_t size_of(Type type) {
  return type == Type::i8 || type == Type::u8 ? 1 : type == Type::i64 || type == Type::f64 ? 8 : 4;
}

inline void carry_out(Collective& c, char kind, Type type, Operation operation) {
  if (kind == 'b') {
    for (size_t rank = 1; rank < c.to.size(); ++rank) std::memcpy(c.to[rank], c.from[0].data(), c.from[0].size());
  } else if (kind == 'g') {
    for (void* to : c.to) {
      for (size_t rank = 0; rank < c.from.size(); ++rank)
        std::memcpy(static_cast<char*>(to) + rank * c.from[rank].size(), c.from[rank].data(), c.from[rank].size());
    }
  } else if (type == Type::i32) {
    combine<int32_t>(c, operation);
  } else if (type == Type::f64) {
    combine<double>(c, operation);
  } else {
    combine<float>(c, operation);
  }
}

inline int32_t begin_one(Group* group, char kind, const void* from, void* to, int64_t count, Type type,
                         Operation operation, Request** request) {
  std::lock_guard<std::mutex> lock(world->mutex);
  auto& c = world->collectives[group->begun++];
  const std::string what = kind + std::to_string(count) + "/" + std::to_string(static_cast<int>(type)) +
                           std::to_string(static_cast<int>(operation));
  if (!c) {
    c = std::make_shared<Collective>();
    c->kind = what;
    c->count = count;
    c->from.resize(static_cast<size_t>(world->size));
    c->to.resize(static_cast<size_t>(world->size));
    ++world->count;
  }
  c->wrong |= c->kind != what;
  const auto rank = static_cast<size_t>(group->rank);
  const char* bytes = static_cast<const char*>(from);
  c->from[rank].assign(bytes, bytes + count * size_of(type));
  c->to[rank] = to;
  world->requests.push_back(std::make_unique<Request>(Request{c}));
  *request = world->requests.back().get();
  if (++c->begun < world->size) return 0;
  if (!c->wrong) carry_out(*c, kind, type, operation);
  c->over = true;
  return 0;
}

inline const Plugin& fake_plugin() {
  static const Plugin plugin{
      Plugin::current_version,
      [](int32_t*, int32_t*) { return int32_t{0}; },
      [] {},
      [](Group** group, Request** request) {
        *group = new Group{own_rank, 0};
        static Request over;
        *request = &over;
        return int32_t{0};
      },
      [](Group* group) { delete group; },
      [](Group* group, void* data, int64_t count, Type type, Request** request) {
        return begin_one(group, 'b', data, data, count, type, Operation::sum, request);
      },
      [](Group* group, const void* from, void* to, int64_t count, Type type, Operation operation, Request** request) {
        return begin_one(group, 'r', from, to, count, type, operation, request);
      },
      [](Group* group, const void* from, void* to, int64_t bytes, Request** request) {
        return begin_one(group, 'g', from, to, bytes, Type::u8, Operation::sum, request);
      },
      [](Request* request, int32_t* done) {
        std::lock_guard<std::mutex> lock(world->mutex);
        *done = !request->collective || (request->collective->over && world->random() % 4 != 0);
        const bool wrong = request->collective && request->collective->wrong;
        return wrong ? int32_t{5} : int32_t{0};
      },
      [](Group*, double, int32_t* present) {
        std::copy(world->alive.begin(), world->alive.end(), present);
        return int32_t{0};
      },
      [](int32_t code, char* text, int64_t size) {
        std::strncpy(text, code == 5 ? "collectives differ" : "?", static_cast<size_t>(size));
      },
  };
  return plugin;
}

}  // namespace mixnet::mpi
