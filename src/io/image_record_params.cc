#include "io/image_record_params.h"

#include "base/error.h"

namespace mixnet {

std::vector<ParamField> image_record_fields() {
  using P = ImageRecordParams;
  const auto field = [](ParamField f, double minimum, double maximum) {
    FieldBuilder(&f).range(minimum, maximum);
    return f;
  };
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  std::vector<ParamField> fields{
      described("path_imglist", &P::path_imglist,
                "list of an id, labels and a path a line: its labels stand in place of those in the records, by id"),
      described("path_imgrec", &P::path_imgrec,
                "file of records; a folder with .rec files, or several of either joined by ';'"),
      described("path_imgidx", &P::path_imgidx,
                "index of the file, for shuffling and sharing without reading its headers first"),
      described("aug_seq", &P::aug_seq, "accepted for old scripts: the one sequence of steps that there is"),
      described("label_width", &P::label_width, "labels of an image"),
      described("data_shape", &P::data_shape, "channels (1, 3 or 4), height and width of an example"),
      field(described("preprocess_threads", &P::preprocess_threads, "threads that read, decode and augment"), 1, 1024),
      described("verbose", &P::verbose, "accepted for old scripts: nothing is printed"),
      field(described("num_parts", &P::num_parts, "shares that the file is divided into"), 1, unlimited),
      field(described("part_index", &P::part_index, "which share this iterator reads, from 0"), 0, unlimited),
      described("device_id", &P::device_id, "accepted for old scripts; batches are made in the CPU's memory"),
      field(described(
                "shuffle_chunk_size", &P::shuffle_chunk_size,
                "where shuffle is set: stretches of so many MiB are shuffled, and then the records in each, so that "
                "reading stays nearly sequential; 0: all records of the share at once"),
            0, 1 << 20),
      described("shuffle_chunk_seed", &P::shuffle_chunk_seed, "of the order of these stretches"),
      described("seed_aug", &P::seed_aug, "of what is drawn for the images; None: that of seed"),
      described("shuffle", &P::shuffle, "records come in a new order in each epoch"),
      described("seed", &P::seed, "of the order"),
      field(described("batch_size", &P::batch_size, "examples of a batch"), 1, 1 << 30),
      described(
          "round_batch", &P::round_batch,
          "the last batch of an epoch is filled from the beginning of the next, which goes on behind; False: with "
          "copies of its first example. Either is counted in pad"),
      field(described("prefetch_buffer", &P::prefetch_buffer, "batches that are made ahead, at most"), 0, 1 << 20),
      make_field("ctx", &P::ctx, {"cpu", "gpu"}),
      described("dtype", &P::dtype, "of the images: float32, float16, uint8 or int8; None: the iterator's own"),
      make_field("on_fault", &P::on_fault, {"skip", "raise"}),
  };
  fields[fields.size() - 3].doc = "accepted for old scripts";
  fields.back().doc =
      "what happens to records that cannot be read or decoded: skip leaves them out and counts and tells them in the "
      "report, raise makes them errors of their batch";
  for (ParamField& f : fields) f.required = f.name == "path_imgrec" || f.name == "data_shape" || f.name == "batch_size";
  for (ParamField& f : fields) {
    if (f.required) f.default_text.clear();
  }
  return fields;
}

std::shared_ptr<const ImageList> image_list_of(const ImageRecordParams& p, const std::string& name) {
  if (p.path_imglist.empty()) return nullptr;
  return std::make_shared<ImageList>(name, p.path_imglist, p.label_width);
}

ImageWorkOptions image_work_options(const ImageRecordParams& p, const std::string& name, int64_t row_width,
                                    float filling) {
  ImageWorkOptions o;
  o.examples.place = name;
  o.examples.path_index = p.path_imgidx;
  o.examples.part = p.part_index;
  o.examples.parts = p.num_parts;
  o.examples.shuffle = p.shuffle;
  o.examples.seed = static_cast<uint64_t>(p.seed);
  o.examples.chunk_bytes = p.shuffle_chunk_size << 20;
  o.examples.chunk_seed = static_cast<uint64_t>(p.shuffle_chunk_seed);
  o.seed = static_cast<uint64_t>(p.seed_aug.value_or(p.seed));
  o.label_width = p.label_width;
  o.row_width = row_width;
  o.filling = filling;
  return o;
}

PipelineOptions image_pipeline_options(const ImageRecordParams& p, const std::string& name) {
  PipelineOptions o;
  o.name = name;
  o.threads = p.preprocess_threads;
  o.prefetch = p.prefetch_buffer;
  o.round = p.round_batch;
  o.raise_on_fault = p.on_fault == OnFault::raise;
  return o;
}

ArrayDesc image_desc(const ImageRecordParams& p, const std::string& name, DType dtype) {
  const Shape& s = p.data_shape;
  MIXNET_CHECK(s.ndim() == 3 && (s[0] == 1 || s[0] == 3 || s[0] == 4) && s[1] >= 1 && s[2] >= 1 &&
                   s[1] <= max_image_side && s[2] <= max_image_side,
               invalid, "[", name, "] data_shape: expected (channels, height, width) with 1, 3 or 4 channels, got ", s);
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::u8 && dtype != DType::i8)
    refuse_dtype(name, dtype, "float32, float16, uint8 or int8");
  ArrayDesc desc = data_desc(p.batch_size, s, dtype);
  desc.layout = "NCHW";
  return desc;
}

}  // namespace mixnet
