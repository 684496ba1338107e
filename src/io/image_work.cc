#include "io/image_work.h"

#include <algorithm>

#include "base/error.h"
#include "io/image_record.h"

namespace mixnet {
namespace {

class ImageWork final : public Work {
 public:
  ImageWork(std::shared_ptr<const Source> records, const ImageWorkOptions& options, Picture picture)
      : options_(options), picture_(std::move(picture)), examples_(std::move(records), options.examples) {}

  std::unique_ptr<Example> make_example() const override { return std::make_unique<Image>(); }
  void begin(uint64_t epoch) override {
    epoch_ = epoch;
    examples_.begin(epoch);
  }
  Taken take(Example* example, std::string* fault) override {
    auto& image = static_cast<Image&>(*example);
    const Taken taken = examples_.take(&image.record, fault);
    image.epoch = epoch_;
    if (taken != Taken::end) image.place = concat("record ", image.record.number, " at byte ", image.record.offset);
    return taken;
  }
  void fill(Example* example, const ExampleRow& row) const override;
  void stop() const override { examples_.stop(); }

 private:
  struct Image final : Example {
    uint64_t epoch = 0;
    Examples::Record record;
    std::vector<float> labels;
  };
  void take_labels(const ImageRecord& record, const std::string& place, std::vector<float>* labels) const;

  const ImageWorkOptions options_;
  const Picture picture_;
  Examples examples_;
  uint64_t epoch_ = 0;
};

void ImageWork::take_labels(const ImageRecord& record, const std::string& place, std::vector<float>* labels) const {
  if (options_.list) {
    const Span<const float> listed = options_.list->find(record.id);
    // Not this record's fault, but the list's: training on what is left would hide it.
    if (listed.empty()) {
      throw SourceError(Code::invalid, concat("[", options_.examples.place, "] path_imglist: expected labels for id ",
                                              record.id, " of ", place, ", got none"));
    }
    labels->assign(listed.begin(), listed.end());
  } else {
    labels->resize(record.num_labels());
    for (size_t i = 0; i < labels->size(); ++i) (*labels)[i] = record.label(i);
  }
  const auto count = static_cast<int64_t>(labels->size());
  MIXNET_CHECK(options_.label_width < 0 || count == options_.label_width, io, "expected ", options_.label_width,
               options_.label_width == 1 ? " label" : " labels", " (label_width), got ", count);
}

void ImageWork::fill(Example* example, const ExampleRow& row) const {
  auto& image = static_cast<Image&>(*example);
  examples_.read(&image.record);
  const ImageRecord record = read_image_record(image.record.bytes);
  image.id = record.id;
  take_labels(record, image.place, &image.labels);
  // The place is the same in whatever share and order.
  Draws draws(options_.seed, image.epoch, static_cast<uint64_t>(image.record.offset) / 4);
  picture_(record.file, &draws, &image.labels, row.data[0]);
  const auto count = static_cast<int64_t>(image.labels.size());
  MIXNET_CHECK(count <= options_.row_width, io, "expected at most ", options_.row_width, " labels, got ", count);
  image.labels.resize(static_cast<size_t>(options_.row_width), options_.filling);
  std::copy(image.labels.begin(), image.labels.end(), reinterpret_cast<float*>(row.label[0]));
}

}  // namespace

std::unique_ptr<Work> make_image_work(std::shared_ptr<const Source> records, const ImageWorkOptions& options,
                                      Picture picture) {
  return std::make_unique<ImageWork>(std::move(records), options, std::move(picture));
}

int64_t widest_label(const std::shared_ptr<const Source>& records, int64_t part, int64_t parts) {
  int64_t widest = 0;
  for (const RecordPlace& place : scanned_records(records, part, parts)) {
    uint8_t begin[RecordPart::header_bytes + ImageRecord::header_bytes];
    RecordPart header;
    if (records->read_at(place.offset, begin, sizeof begin) < sizeof begin || !header.read(begin)) continue;
    uint32_t flag = 0;
    std::memcpy(&flag, begin + RecordPart::header_bytes, sizeof flag);
    // More than the record has room for is a fault, to be told when it is read.
    if (4 * int64_t{flag} > place.end - place.offset) continue;
    widest = std::max<int64_t>(widest, std::max<int64_t>(1, flag));
  }
  return widest;
}

}  // namespace mixnet
