// Examples from records with images: a label and what a picture makes of the file.
#pragma once
#include <functional>

#include "io/draws.h"
#include "io/examples.h"
#include "io/image_list.h"
#include "io/pipeline.h"

namespace mixnet {

// Writes an image's row of the batch and may change its labels, the image being cut or turned. Called by several threads. Throws Code::io and Code::invalid
// for files that cannot be read or used.
using Picture = std::function<void(Span<const uint8_t> file, Draws* draws, std::vector<float>* labels, uint8_t* row)>;

struct ImageWorkOptions {
  ExampleOptions examples;
  uint64_t seed = 0;                      // of the draws that pictures get
  std::shared_ptr<const ImageList> list;  // labels by id instead of those in the records; may be null
  int64_t label_width = 1;                // that an image must have; -1: any number
  int64_t row_width = 1;                  // of the batch's labels; what an image has less is filled up
  float filling = 0;
};

std::unique_ptr<Work> make_image_work(std::shared_ptr<const Source> records, const ImageWorkOptions& options,
                                      Picture picture);

// The most labels that a record of the share has, 0 where there are none; from the records' headers.
int64_t widest_label(const std::shared_ptr<const Source>& records, int64_t part, int64_t parts);

}  // namespace mixnet
