// Batches of lines of a text file, and of one with their labels: which lines are in which batch of which epoch.
//
// The last batch of an epoch is filled from the beginning of the file. With `round` the next epoch begins behind those lines, if the batch was handed out.
#pragma once
#include <atomic>
#include <optional>

#include "base/function_ref.h"
#include "io/data_iter.h"
#include "io/text_lines.h"

namespace mixnet {

// Calls row(i) for 0 .. count - 1 on several threads; what the first row of those that fail has to say is thrown.
void for_each_row(int64_t count, int64_t bytes, FunctionRef<void(int64_t)> row);

class RowLines {
 public:
  struct Options {
    int64_t batch_size = 1;
    bool round = true;
    int64_t part = 0, parts = 1;
  };
  RowLines(std::string place, const std::string& data, const std::optional<std::string>& label, char comment,
           const Options& options);

  // Gets lines and the place of the first of them in the batch; the labels are null without a file of labels.
  using Use = FunctionRef<void(int64_t at, const std::vector<TextLine>& data, const std::vector<TextLine>* label)>;
  // Uses as many lines as a batch has, in one or several calls; sets pad and index. False at the end of the epoch.
  bool next(Batch* batch, Use use);
  // See BatchLoader.
  void restart(int64_t given);
  void stop() const {
    stopped_.store(true, std::memory_order_relaxed);
    data_.stop();
    if (label_) label_->stop();
  }
  // Uses some first lines, before the first epoch: most mistakes are told when the iterator is made.
  void look(Use use);

 private:
  const std::vector<TextLine>* labels_of(const std::vector<TextLine>& data);
  void rewind();
  void check_end();

  const std::string place_;
  const Options options_;
  TextLines data_;
  std::optional<TextLines> label_;
  int64_t first_ = 0;   // row of the share's beginning
  int64_t end_ = 0;     // and of its end, once seen
  int64_t loaded_ = 0;  // batches of this epoch
  bool wrapped_ = false;
  mutable std::atomic<bool> stopped_{false};
};

}  // namespace mixnet
