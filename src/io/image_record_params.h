// Parameters of the iterators over records with images, but for what is done to the images.
#pragma once
#include "codec/image.h"
#include "io/batch_params.h"
#include "io/image_work.h"

namespace mixnet {

enum class OnFault { skip = 0, raise = 1 };

struct ImageRecordParams {
  std::string path_imglist, path_imgrec, path_imgidx, aug_seq;
  int64_t label_width = 1;
  Shape data_shape;
  int64_t preprocess_threads = 4;
  bool verbose = true;
  int64_t num_parts = 1, part_index = 0, device_id = 0;
  int64_t shuffle_chunk_size = 0, shuffle_chunk_seed = 0;
  std::optional<int64_t> seed_aug;
  bool shuffle = false;
  int64_t seed = 0, batch_size = 0;
  bool round_batch = true;
  int64_t prefetch_buffer = 4;
  IterContext ctx = IterContext::gpu;
  std::optional<DType> dtype;
  OnFault on_fault = OnFault::skip;
};

std::vector<ParamField> image_record_fields();

// What these say for the examples' labels: a row of `row_width`, filled up with `filling`.
ImageWorkOptions image_work_options(const ImageRecordParams& params, const std::string& name, int64_t row_width,
                                    float filling);
PipelineOptions image_pipeline_options(const ImageRecordParams& params, const std::string& name);
// The labels by id; null without path_imglist.
std::shared_ptr<const ImageList> image_list_of(const ImageRecordParams& params, const std::string& name);
// Throws Code::invalid for what is no shape of images, and Code::type for dtypes other than these.
ArrayDesc image_desc(const ImageRecordParams& params, const std::string& name, DType dtype);

}  // namespace mixnet
