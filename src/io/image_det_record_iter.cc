// ImageDetRecordIter: images with boxes, whose augmentation moves the boxes with the pixels.
//
// An image's labels are: length of the head (2 or more), length of a box, the rest of the head, the boxes. A row of the batch's labels is: channels, height
// and width of the picture in the row of the data, number of labels, the labels, and filling.
#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "io/det_augmenter.h"
#include "io/image_record_params.h"
#include "io/iter_registry.h"
#include "io/mean_image.h"
#include "io/normalise.h"
#include "io/record_files.h"

namespace mixnet {
namespace {

constexpr int64_t extents_width = 4;  // what stands before the labels
constexpr int64_t fewest_labels = 7;  // a head of 2 and a box of 5

struct Params {
  Params() { record.label_width = -1; }
  ImageRecordParams record;
  DetAugmentParams augment;
  NormaliseParams normalise;
  int64_t label_pad_width = 0;
  double label_pad_value = -1;
};

// The most labels that an image can have.
int64_t label_room(const Params& p, const std::shared_ptr<const Source>& records, const ImageList* list,
                   const std::string& name) {
  if (p.record.label_width > 0) return std::max(p.record.label_width, p.label_pad_width);
  if (p.label_pad_width > 0) return p.label_pad_width;
  const int64_t widest = list ? list->widest() : widest_label(records, p.record.part_index, p.record.num_parts);
  MIXNET_CHECK(widest >= fewest_labels, io, "[", name, "] expected records with at least ", fewest_labels,
               " labels, got ", widest);
  return widest;
}

std::unique_ptr<DataIter> make(const Params& p, const std::string& name) {
  ensure_mean_image(p.normalise.mean_img, p.record, name, [&](const ImageRecordParams& record) {
    Params plain = p;
    plain.record = record;
    plain.normalise = {};
    return make(plain, name);
  });
  const auto records = open_records(name, p.record.path_imgrec);
  const auto list = image_list_of(p.record, name);
  const ArrayDesc data = image_desc(p.record, name, p.record.dtype.value_or(DType::f32));
  const int64_t room = label_room(p, records, list.get(), name), width = room + extents_width;
  ImageWorkOptions options = image_work_options(p.record, name, width, static_cast<float>(p.label_pad_value));
  options.list = list;
  std::shared_ptr<const DetAugmenter> augmenter = make_det_augmenter(p.augment, p.record.data_shape, name);
  const Normaliser normaliser(p.normalise, p.record.data_shape, data.dtype, name);
  Picture picture = [augmenter, normaliser, room](Span<const uint8_t> file, Draws* draws, std::vector<float>* labels,
                                                  uint8_t* row) {
    MIXNET_CHECK(static_cast<int64_t>(labels->size()) >= fewest_labels, io, "expected at least ", fewest_labels,
                 " labels, got ", labels->size());
    MIXNET_CHECK(static_cast<int64_t>(labels->size()) <= room, io, "expected at most ", room,
                 " labels (label_pad_width), got ", labels->size());
    Extents filled{};
    const Image image = (*augmenter)(file, draws, labels, &filled);
    normaliser(image, draws, row);
    const int64_t head[] = {image.channels(), filled.height, filled.width, static_cast<int64_t>(labels->size())};
    labels->insert(labels->begin(), std::begin(head), std::end(head));
  };
  return make_pipeline(make_image_work(records, options, std::move(picture)), {data},
                       {label_desc(p.record.batch_size, Shape{width}, DType::f32)},
                       image_pipeline_options(p.record, name));
}

// What of normalising its augmentation leaves to be done.
std::vector<ParamField> colour_fields() {
  std::vector<ParamField> fields;
  for (ParamField& f : normalise_fields()) {
    const bool colour = f.name.compare(0, 5, "mean_") == 0 || f.name.compare(0, 4, "std_") == 0 || f.name == "scale";
    if (colour) fields.push_back(std::move(f));
  }
  return fields;
}

std::vector<ParamField> record_fields() {
  std::vector<ParamField> fields = fields_of_member(image_record_fields(), &Params::record);
  for (ParamField& f : fields) {
    if (f.name != "label_width") continue;
    f.default_text = "-1";
    f.doc = "labels of an image; -1: any number, which may differ";
  }
  return fields;
}

}  // namespace

IterSchema image_det_record_iter_schema() {
  std::vector<ParamField> fields = record_fields();
  for (ParamField& f : fields_of_member(det_augment_fields(), &Params::augment)) fields.push_back(std::move(f));
  for (ParamField& f : fields_of_member(colour_fields(), &Params::normalise)) fields.push_back(std::move(f));
  fields.push_back(
      described("label_pad_width", &Params::label_pad_width,
                "labels that a row of the batch has room for; 0 or -1: as many as the widest record of the "
                "share has, which is looked for first"));
  fields.push_back(described("label_pad_value", &Params::label_pad_value, "what fills a row behind its labels"));
  return make_iter_schema<Params>(
      "ImageDetRecordIter",
      "Images with boxes, from a file of records. An image's labels are the length of a head (2 or more), the length "
      "of a "
      "box (5 or more), the rest of the head, and the boxes: class, left, top, right, bottom, as shares of width and "
      "height. Augmentation moves boxes with the pixels. A row of the batch's labels is: channels, height and width of "
      "the picture, how many labels follow, these, and filling. Everything else is as in ImageRecordIter.",
      std::move(fields), make);
}

}  // namespace mixnet
