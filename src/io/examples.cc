#include "io/examples.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "io/draws.h"

namespace mixnet {
namespace {

// Numbers that no example has: of the draws that order them.
constexpr uint64_t order_draws = std::numeric_limits<uint64_t>::max(), chunk_draws = order_draws - 1;

template <class T>
void shuffle_items(T* items, size_t count, Draws* draws) {
  for (size_t i = count; i > 1; --i) std::swap(items[i - 1], items[draws->below(static_cast<int64_t>(i))]);
}

// Passes on what goes wrong as what it is: a reader's errors are of the same kind as a source's.
class WatchedSource final : public Source {
 public:
  explicit WatchedSource(std::shared_ptr<const Source> source) : source_(std::move(source)) {}
  const std::string& name() const override { return source_->name(); }
  int64_t size() const override { return source_->size(); }
  size_t read_at(int64_t offset, void* buffer, size_t bytes) const override {
    try {
      return source_->read_at(offset, buffer, bytes);
    } catch (const Error& e) {
      throw SourceError(e.code(), e.what());
    }
  }
  void stop() const override { source_->stop(); }

 private:
  const std::shared_ptr<const Source> source_;
};

}  // namespace

Examples::Examples(std::shared_ptr<const Source> records, const ExampleOptions& options)
    : options_(options), source_(std::make_shared<WatchedSource>(std::move(records))) {
  MIXNET_CHECK(options.parts >= 1, invalid, "[", options.place, "] num_parts: expected at least 1, got ",
               options.parts);
  MIXNET_CHECK(options.part >= 0 && options.part < options.parts, invalid, "[", options.place,
               "] part_index: expected 0 to ", options.parts - 1, ", got ", options.part);
  if (options.path_index.empty()) return;
  places_ = indexed_records(options.place, options.path_index, *source_, options.part, options.parts);
  listed_ = true;
}

void Examples::begin(uint64_t epoch) {
  next_ = 0;
  number_ = 0;
  if (options_.shuffle && !listed_) {
    places_ = scanned_records(source_, options_.part, options_.parts);
    listed_ = true;
  }
  if (!listed_) {
    // A new one: of the old one, in a forked child, only a part may have been written.
    reader_.emplace(source_, options_.part, options_.parts);
    return;
  }
  order_.resize(places_.size());
  std::iota(order_.begin(), order_.end(), 0u);
  if (options_.shuffle) shuffle(epoch);
}

void Examples::shuffle(uint64_t epoch) {
  std::vector<Span<uint32_t>> chunks;
  for (size_t begin = 0; begin < order_.size();) {
    size_t end = begin + 1;
    while (end < order_.size() &&
           (options_.chunk_bytes <= 0 || places_[end].end - places_[begin].offset <= options_.chunk_bytes)) {
      ++end;
    }
    chunks.emplace_back(order_.data() + begin, end - begin);
    begin = end;
  }
  Draws draws(options_.seed, epoch, order_draws), chunk_order(options_.chunk_seed, epoch, chunk_draws);
  for (const Span<uint32_t>& chunk : chunks) shuffle_items(chunk.data(), chunk.size(), &draws);
  shuffle_items(chunks.data(), chunks.size(), &chunk_order);
  std::vector<uint32_t> order;
  for (const Span<uint32_t>& chunk : chunks) order.insert(order.end(), chunk.begin(), chunk.end());
  order_ = std::move(order);
}

Examples::Taken Examples::take(Record* record, std::string* fault) {
  if (listed_) {
    if (next_ == order_.size()) return Taken::end;
    record->number = order_[next_++];
    const RecordPlace& place = places_[static_cast<size_t>(record->number)];
    record->offset = place.offset;
    record->end = place.end;
    return Taken::example;
  }
  record->number = number_;
  record->offset = reader_->tell();
  record->end = -1;
  try {
    Span<const uint8_t> bytes;
    if (!reader_->next(&bytes)) return Taken::end;
    ++number_;
    record->memory.assign(bytes.begin(), bytes.end());
    record->bytes = {record->memory.data(), record->memory.size()};
    return Taken::example;
  } catch (const SourceError&) {
    throw;
  } catch (const Error& e) {
    ++number_;
    *fault = e.what();
    return Taken::hole;
  }
}

void Examples::read(Record* record) const {
  if (record->end < 0) return;
  record->bytes = read_record(source_, {record->offset, record->end}, &record->memory);
  record->end = -1;
}

}  // namespace mixnet
