#include "io/image_packer.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/thread_pool.h"
#include "base/worker_thread.h"
#include "io/indexed_writer.h"

namespace mixnet {
namespace {

constexpr std::chrono::milliseconds patience{200};
constexpr int64_t places_per_thread = 4;

struct Made {
  ImagePackReport::Fault fault;  // without a reason: none
  uint64_t id = 0;
  std::vector<uint8_t> record;
  bool ready = false;
};

// Lines go in, records come out in the same order. Line number i has place i % size: a thread that would take one whose place is not free waits.
class Bench {
 public:
  Bench(const PackedImageOptions& options, ImageListReader& list, int64_t lines, int64_t threads)
      : options_(options), list_(list), lines_(lines), places_(static_cast<size_t>(threads * places_per_thread)) {
    try {
      for (int64_t i = 0; i < threads; ++i) threads_.push_back(start_worker_thread([this] { work(); }));
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Bench() { stop(); }

  // Waits a while for the next; false: it is not there yet.
  bool take(Made* made) {
    std::unique_lock<std::mutex> lock(mutex_);
    Made& next = place(out_);
    arrived_.wait_for(lock, patience, [&] { return next.ready || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    if (!next.ready) return false;
    *made = std::move(next);
    next = Made{};
    ++out_;
    freed_.notify_one();
    return true;
  }

 private:
  Made& place(int64_t number) { return places_[static_cast<size_t>(number) % places_.size()]; }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    freed_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  // The number of the next line; -1: there is nothing more to do.
  int64_t next_line(std::string* line, int64_t* file_line) {
    std::unique_lock<std::mutex> lock(mutex_);
    freed_.wait(lock, [&] { return stopped_ || in_ == lines_ || in_ < out_ + static_cast<int64_t>(places_.size()); });
    if (stopped_ || in_ == lines_) return -1;
    MIXNET_CHECK(list_.next(line), io, "[im2rec] the list became shorter while it was read");
    *file_line = list_.line_number();
    if (++in_ == lines_) freed_.notify_all();
    return in_ - 1;
  }

  void work() noexcept {
    try {
      std::string line;
      int64_t file_line = 0;
      for (int64_t number = 0; (number = next_line(&line, &file_line)) >= 0;) {
        Made made = make(line);
        made.fault.line = file_line;
        made.ready = true;
        std::lock_guard<std::mutex> lock(mutex_);
        place(number) = std::move(made);
        if (number == out_) arrived_.notify_one();
      }
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_ = true;
      freed_.notify_all();
      arrived_.notify_one();
    }
  }

  Made make(const std::string& line) const {
    Made made;
    made.fault.path = line;  // until more is known
    try {
      const ImageListEntry entry = parse_image_list_line(line);
      made.id = entry.id;
      made.fault.id = std::to_string(entry.id);
      made.fault.path = packed_image_path(options_, entry);
      made.record = pack_image(options_, entry);
    } catch (const Error& e) {
      if (e.code() == Code::unsupported) throw;  // so would be all others
      made.fault.reason = e.what();
    } catch (const std::bad_alloc&) {
      made.fault.reason = "out of memory";
    }
    return made;
  }

  const PackedImageOptions& options_;
  ImageListReader& list_;
  const int64_t lines_;
  std::mutex mutex_;
  std::condition_variable arrived_, freed_;
  std::vector<Made> places_;
  int64_t in_ = 0, out_ = 0;  // numbers of the lines taken and given next
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

void skip_lines(ImageListReader& list, int64_t count) {
  std::string line;
  for (int64_t i = 0; i < count && list.next(&line); ++i) continue;
}

// Whether a line begins with this number and its tab; the list may write zeros before it.
bool same_id(const std::string& line, const std::string& id) {
  const size_t begin = std::min(line.find_first_not_of('0'), line.find('\t') - 1);
  return begin < line.size() && line.compare(begin, id.size(), id) == 0;
}

// Reads the lines up to that of the last record that is there; how many. Those without a record could not be packed.
int64_t skip_packed(ImageListReader& list, int64_t lines, const std::string& index_path, int64_t records) {
  ImageListReader index(index_path);
  std::string entry, line;
  int64_t done = 0;
  for (int64_t i = 0; i < records && index.next(&entry); ++i) {
    const std::string id = entry.substr(0, entry.find('\t')) + '\t';
    do {
      MIXNET_CHECK(done < lines && list.next(&line), io, "[im2rec] ", index_path,
                   ": expected the index of records of this list, but the list has no image ",
                   id.substr(0, id.size() - 1), " there");
      ++done;
    } while (!same_id(line, id));
  }
  return done;
}

void check_options(const ImagePackOptions& options) {
  check_options(static_cast<const PackedImageOptions&>(options));
  MIXNET_CHECK(options.threads >= 0 && options.threads <= 1024, invalid,
               "[im2rec] num_thread: expected 0 to 1024, got ", options.threads);
  MIXNET_CHECK(options.parts >= 1, invalid, "[im2rec] nsplit: expected at least 1, got ", options.parts);
  MIXNET_CHECK(options.part >= 0 && options.part < options.parts, invalid, "[im2rec] part: expected 0 to ",
               options.parts - 1, ", got ", options.part);
}

void add(ImagePackReport& report, Made&& made, IndexedWriter& writer) {
  report.done += 1;
  if (made.fault.reason.empty()) {
    writer.write(made.id, made.record.data(), static_cast<int64_t>(made.record.size()));
    report.packed += 1;
    report.bytes = writer.tell();
    return;
  }
  report.skipped += 1;
  if (report.faults.size() < ImagePackReport::max_faults) report.faults.push_back(std::move(made.fault));
}

}  // namespace

ImagePackReport pack_images(const ImagePackOptions& options, FunctionRef<void(const ImagePackReport&)> progress) {
  check_options(options);
  ImagePackReport report;
  const int64_t all = count_image_list(options.list);
  const auto share = [&](int64_t i) { return all / options.parts * i + all % options.parts * i / options.parts; };
  const int64_t first = share(options.part);
  report.total = share(options.part + 1) - first;
  ImageListReader list(options.list);
  skip_lines(list, first);
  const Written kept = options.resume ? find_written(options.record, options.index) : Written{};
  report.done = skip_packed(list, report.total, kept.records > 0 ? options.index : options.list, kept.records);
  report.packed = report.resumed = kept.records;
  report.skipped = report.done - report.packed;
  IndexedWriter writer(options.record, options.index, kept);
  report.bytes = writer.tell();
  progress(report);
  Bench bench(options, list, report.total - report.done, options.threads > 0 ? options.threads : parallel_threads());
  while (report.done < report.total) {
    Made made;
    if (bench.take(&made)) add(report, std::move(made), writer);
    progress(report);
  }
  writer.close();
  return report;
}

}  // namespace mixnet
