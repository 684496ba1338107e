// What the workers tell each other before every transfer, as numbers of which the least over all workers counts.
//
// Workers get their gradients ready in different orders, but collectives must begin in one. So each says for every key how urgent it is or
// that it has none, and the minimum says which keys everybody has: those are reduced, the most urgent first, then in the order in which keys
// were initialised. Calls that come in the program's order (init, barrier) are compared by a hash of what they are.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mixnet::mpi {

class Agreement {
 public:
  struct Ready {
    int32_t slot;
    int32_t priority;
    bool failed;  // somebody cannot give a value
  };

  explicit Agreement(size_t slots) : words_(head + slots, not_ready) {
    words_[0] = words_[1] = words_[2] = words_[4] = 0;
  }

  // What this worker says.
  void leave(int rank) { words_[0] = -rank - 1; }
  // The wait for others has been too long: for the meeting (-1) or a key.
  void complain(int32_t slot) { words_[1] = -slot - 2; }
  void meet(const std::string& what);
  void ready(int32_t slot, int32_t priority);
  void fail(int32_t slot) { words_[head + static_cast<size_t>(slot)] = failed; }

  // All that it has ready it can sum on GPUs.
  void can_sum_on_gpus() { words_[4] = 1; }

  // What goes through the allreduce, in place.
  int32_t* data() { return words_.data(); }
  int64_t size() const { return static_cast<int64_t>(words_.size()); }

  // What all say.
  int leaver() const { return -words_[0] - 1; }  // -1: nobody
  bool complained() const { return words_[1] < 0; }
  int32_t complaint() const { return -words_[1] - 2; }
  bool all_meet() const { return words_[2] > 0; }
  bool meetings_differ() const { return words_[2] != -words_[3]; }
  std::vector<Ready> all_ready() const;
  bool all_on_gpus() const { return words_[4] > 0; }

 private:
  // 0: who leaves, 1: the complaint, 2 and 3: the meeting's hash and its opposite (0: no meeting), 4: sums on GPUs, then one word per key.
  static constexpr size_t head = 5;
  static constexpr int32_t not_ready = INT32_MIN, failed = INT32_MIN + 1;
  std::vector<int32_t> words_;
};

}  // namespace mixnet::mpi
