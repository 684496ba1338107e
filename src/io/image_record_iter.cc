// ImageRecordIter and its forms: images of a file of records, decoded, augmented and in batches.
#include "base/error.h"
#include "io/image_augmenter.h"
#include "io/image_record_params.h"
#include "io/iter_registry.h"
#include "io/mean_image.h"
#include "io/normalise.h"
#include "io/record_files.h"

namespace mixnet {
namespace {

// With values as they are decoded, in uint8 or int8.
struct PlainParams {
  ImageRecordParams record;
  ImageAugmentParams augment;
};

struct Params {
  ImageRecordParams record;
  ImageAugmentParams augment;
  NormaliseParams normalise;
};

std::unique_ptr<DataIter> make_iter_of(const ImageRecordParams& p, const ImageAugmentParams& augment,
                                       const NormaliseParams& normalise, DType dtype, const std::string& name) {
  MIXNET_CHECK(p.label_width >= 1, invalid, "[", name, "] label_width: expected at least 1, got ", p.label_width);
  const ArrayDesc data = image_desc(p, name, p.dtype.value_or(dtype));
  ImageWorkOptions options = image_work_options(p, name, p.label_width, 0);
  options.list = image_list_of(p, name);
  std::shared_ptr<const ImageAugmenter> augmenter = make_image_augmenter(augment, p.data_shape, name);
  const Normaliser normaliser(normalise, p.data_shape, data.dtype, name);
  Picture picture = [augmenter, normaliser](Span<const uint8_t> file, Draws* draws, std::vector<float>*, uint8_t* row) {
    const Image image = (*augmenter)(file, draws);
    normaliser(image, draws, row);
  };
  return make_pipeline(make_image_work(open_records(name, p.path_imgrec), options, std::move(picture)), {data},
                       {label_desc(p.batch_size, Shape{p.label_width}, DType::f32)}, image_pipeline_options(p, name));
}

std::unique_ptr<DataIter> make(const Params& p, const std::string& name) {
  ensure_mean_image(p.normalise.mean_img, p.record, name, [&](const ImageRecordParams& record) {
    return make_iter_of(record, p.augment, {}, DType::f32, name);
  });
  return make_iter_of(p.record, p.augment, p.normalise, DType::f32, name);
}
std::unique_ptr<DataIter> make_uint8(const PlainParams& p, const std::string& name) {
  return make_iter_of(p.record, p.augment, {}, DType::u8, name);
}
std::unique_ptr<DataIter> make_int8(const PlainParams& p, const std::string& name) {
  return make_iter_of(p.record, p.augment, {}, DType::i8, name);
}

void append(std::vector<ParamField>& fields, std::vector<ParamField> more) {
  for (ParamField& f : more) fields.push_back(std::move(f));
}

template <class P>
std::vector<ParamField> plain_fields() {
  std::vector<ParamField> fields = fields_of_member(image_record_fields(), &P::record);
  append(fields, fields_of_member(image_augment_fields(), &P::augment));
  return fields;
}

const char* const text =
    "Images of a file of records, read, decoded, augmented and put into batches by several threads ahead of who asks. "
    "Order, contents and what is drawn depend on the seeds and the epoch alone. Colours are red, green, blue; labels "
    "have "
    "shape (batch_size,), or (batch_size, label_width). Records that cannot be read or decoded are left out, counted "
    "and told, or are errors: on_fault. A reset in the middle of an epoch begins the next one.";

}  // namespace

IterSchema image_record_iter_schema() {
  std::vector<ParamField> fields = plain_fields<Params>();
  append(fields, fields_of_member(normalise_fields(), &Params::normalise));
  IterSchema s = make_iter_schema<Params>("ImageRecordIter", text, std::move(fields), make);
  s.aliases = {"ImageRecordIter_v1"};
  return s;
}

IterSchema image_record_uint8_iter_schema() {
  IterSchema s = make_iter_schema<PlainParams>(
      "ImageRecordUInt8Iter", concat("ImageRecordIter with dtype uint8 and nothing done to the values. ", text),
      plain_fields<PlainParams>(), make_uint8);
  s.aliases = {"ImageRecordUInt8Iter_v1"};
  return s;
}

IterSchema image_record_int8_iter_schema() {
  return make_iter_schema<PlainParams>("ImageRecordInt8Iter",
                                       concat("ImageRecordIter with dtype int8 and nothing done to the values. ", text),
                                       plain_fields<PlainParams>(), make_int8);
}

}  // namespace mixnet
