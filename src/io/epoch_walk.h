// Walks through the epochs of a Work as batches want it: an epoch that is over in the middle of a batch may go on with the next, which then begins
// behind what was used. One thread at a time.
#pragma once
#include "io/pipeline.h"

namespace mixnet {

class EpochWalk {
 public:
  EpochWalk(Work* work, bool round) : work_(work), round_(round) {}

  // The next example of a batch that has `rows` already. End: there is none, and the epoch is over.
  Work::Taken next(int64_t rows, Work::Example* example, std::string* fault) {
    if (rows == 0) own_ = -1;
    for (;;) {
      if (to_begin_) work_->begin(epoch_);
      if (to_begin_) taken_ = 0;
      to_begin_ = false;
      const Work::Taken taken = work_->take(example, fault);
      if (taken != Work::Taken::end) {
        ++taken_;
        any_ = any_ || own_ < 0;
        return taken;
      }
      const bool empty = taken_ == 0;
      // Nothing is left of an epoch that the one before has used up.
      const bool used_up = rows == 0 && !any_ && !empty;
      if (rows > 0 && own_ < 0) own_ = rows;
      if (!used_up && (rows == 0 || !round_ || empty)) return taken;
      over_ = over_ || rows > 0;
      ++epoch_;
      to_begin_ = true;
      if (used_up) first_ = epoch_;
    }
  }

  // How many rows of the last batch belong to the epoch; -1: all.
  int64_t own() const { return own_; }

  // To the next epoch. `finished`: all batches of this one were taken, so what filled the last of them has been seen.
  void advance(bool finished) {
    if (!(finished && over_)) {
      epoch_ = first_ + 1;
      to_begin_ = true;
    }
    first_ = epoch_;
    any_ = over_ = false;
    own_ = -1;
  }
  // To the beginning of this epoch.
  void restart() {
    epoch_ = first_;
    to_begin_ = true;
    any_ = over_ = false;
    own_ = -1;
  }

 private:
  Work* const work_;
  const bool round_;
  uint64_t first_ = 0, epoch_ = 0;  // in which this epoch began; where the work is
  bool to_begin_ = true;
  int64_t taken_ = 0;  // of the work's epoch
  bool any_ = false;   // some example is of this epoch
  bool over_ = false;  // its last batch goes on with the next
  int64_t own_ = -1;
};

}  // namespace mixnet
