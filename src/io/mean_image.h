// The mean of all pictures of an iterator, as the file that its mean_img names: MXNet's habit is to make it where it is not there yet.
#pragma once
#include "base/function_ref.h"
#include "io/image_record_params.h"

namespace mixnet {

// `make(record)` makes the iterator whose pictures count: as augmented, without a mean, each once, as float32, whatever the share of this process. Goes
// through all of them before it returns. Nothing is done without a path, or where there is a file. Throws Code::io where none can be written.
void ensure_mean_image(const std::string& path, const ImageRecordParams& params, const std::string& name,
                       FunctionRef<std::unique_ptr<DataIter>(const ImageRecordParams&)> make);

}  // namespace mixnet
