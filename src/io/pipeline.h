// Batches made by several threads, ahead of whoever takes them, in an order and with contents that do not depend on how many threads there are.
//
// A Work says what the examples of an epoch are and how one is written. Each thread takes the next example, under the pipeline's word that nobody else
// does so, and writes it into its row of its batch, beside the others. At most `prefetch` batches are under way or wait to be taken.
//
// Threads start with the first batch that is asked for, so that a process can be forked before; a child that has inherited a pipeline with threads begins
// the epoch anew with its own, and never waits for what only the parent had.
#pragma once
#include "io/batch_rows.h"
#include "io/source_error.h"

namespace mixnet {

// What a pipeline makes batches of. `begin` and `take` are called by one thread at a time, `fill` by any number, also during the others.
class Work {
 public:
  // An example on its way; each thread has one and uses it again.
  struct Example {
    virtual ~Example() = default;
    uint64_t id = 0;
    std::string place;  // for messages: "record 7 at byte 4096"
  };
  enum class Taken { end, example, hole };

  virtual ~Work() = default;
  virtual std::unique_ptr<Example> make_example() const = 0;
  // The next example taken is the first one of this epoch.
  virtual void begin(uint64_t epoch) = 0;
  // A hole is an example that cannot be read: `fault` is why. What is thrown ends the epoch.
  virtual Taken take(Example* example, std::string* fault) = 0;
  // Writes all of the row. Code::io, invalid and shape: a hole; SourceError and other codes end the epoch.
  virtual void fill(Example* example, const ExampleRow& row) const = 0;
  // The pipeline goes: what take and fill wait for, on other machines, ends soon. Any thread.
  virtual void stop() const {}
};

struct PipelineOptions {
  std::string name;  // of the iterator, in messages and in the profile
  int64_t threads = 1;
  int64_t prefetch = 4;  // batches; at least 1
  bool round =
      true;  // the last batch is filled from the next epoch, which then goes on behind; false: with copies of its first example
  bool raise_on_fault = false;  // a hole is an error of its batch; false: it is left out, counted and told
};

std::unique_ptr<DataIter> make_pipeline(std::unique_ptr<Work> work, std::vector<ArrayDesc> data,
                                        std::vector<ArrayDesc> label, const PipelineOptions& options);

}  // namespace mixnet
