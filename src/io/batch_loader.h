// What makes batches one after the other, for a prefetcher to hand out. One thread at a time; not always the same one.
#pragma once
#include <vector>

#include "io/data_iter.h"

namespace mixnet {

class BatchLoader {
 public:
  virtual ~BatchLoader() = default;
  virtual const std::vector<ArrayDesc>& data() const = 0;
  virtual const std::vector<ArrayDesc>& label() const = 0;
  // False at the end of the epoch. After an error nothing but restart() is called.
  virtual bool load(Batch* batch) = 0;
  // The next epoch begins; `given` batches of this one were handed out, the others are forgotten.
  virtual void restart(int64_t given) = 0;
  // Nothing more is wanted: what load waits for, on other machines, ends soon. Any thread.
  virtual void stop() const {}
};

}  // namespace mixnet
