#include "io/row_lines.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/thread_pool.h"

namespace mixnet {

void for_each_row(int64_t count, int64_t bytes, FunctionRef<void(int64_t)> row) {
  constexpr int64_t enough = 1 << 15;  // bytes of text that are worth a thread's attention
  std::atomic<int64_t> failed{count};
  const int64_t grain = std::max<int64_t>(1, enough / std::max<int64_t>(1, bytes / std::max<int64_t>(1, count)));
  parallel_for(count, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last && i < failed.load(std::memory_order_relaxed); ++i) {
      try {
        row(i);
      } catch (const Error&) {
        int64_t before = failed.load();
        while (i < before && !failed.compare_exchange_weak(before, i)) {
        }
      }
    }
  });
  if (failed.load() < count) row(failed.load());
}

RowLines::RowLines(std::string place, const std::string& data, const std::optional<std::string>& label, char comment,
                   const Options& options)
    : place_(std::move(place)), options_(options), data_(place_, data, comment) {
  if (label) label_.emplace(place_, *label, comment);
  const int64_t lines = data_.share(options.part, options.parts);
  if (label_) {
    const int64_t labels = label_->share(options.part, options.parts);
    MIXNET_CHECK(labels == lines, io, "[", place_, "] ", label_->paths(), ": expected ", lines, " lines like ",
                 data_.paths(), ", got ", labels);
  }
  first_ = data_.tell();
}

const std::vector<TextLine>* RowLines::labels_of(const std::vector<TextLine>& data) {
  if (!label_) return nullptr;
  const std::vector<TextLine>& labels = label_->take(static_cast<int64_t>(data.size()));
  MIXNET_CHECK(labels.size() == data.size(), io, "[", place_, "] ", label_->paths(), ": expected a line for each of ",
               data_.paths(), ", got ", label_->tell(), " lines");
  return &labels;
}

void RowLines::rewind() {
  data_.rewind();
  if (label_) label_->rewind();
}

// There was data, and there are no more labels.
void RowLines::check_end() {
  MIXNET_CHECK(data_.tell() > first_, io, "[", place_, "] ", data_.paths(), ": expected at least one line",
               options_.parts > 1 ? " for each part" : "", ", got none");
  MIXNET_CHECK(!label_ || label_->take(1).empty(), io, "[", place_, "] ", label_->paths(), ": expected ", data_.tell(),
               " lines like ", data_.paths(), ", got more");
}

bool RowLines::next(Batch* batch, Use use) {
  if (wrapped_) return false;
  batch->pad = 0;
  batch->index.clear();
  for (int64_t done = 0; done < options_.batch_size;) {
    MIXNET_CHECK(!stopped_.load(std::memory_order_relaxed), io, "[", place_,
                 "] expected an iterator that stays, got one that goes");
    const uint64_t row = static_cast<uint64_t>(data_.tell());
    const std::vector<TextLine>& data = data_.take(options_.batch_size - done);
    const int64_t count = static_cast<int64_t>(data.size());
    if (count == 0) {
      check_end();
      if (done == 0) return false;
      wrapped_ = true;
      end_ = data_.tell();
      rewind();
      continue;
    }
    use(done, data, labels_of(data));
    for (int64_t i = 0; i < count; ++i) batch->index.push_back(row + static_cast<uint64_t>(i));
    if (wrapped_) batch->pad += count;
    done += count;
  }
  ++loaded_;
  return true;
}

void RowLines::restart(int64_t given) {
  const bool go_on = options_.round && wrapped_ && given == loaded_ && data_.tell() < end_;
  if (!go_on) rewind();
  wrapped_ = false;
  loaded_ = 0;
}

void RowLines::look(Use use) {
  constexpr int64_t some = 16;
  const std::vector<TextLine>& data = data_.take(std::min(some, options_.batch_size));
  if (data.empty()) check_end();
  use(0, data, labels_of(data));
  rewind();
}

}  // namespace mixnet
