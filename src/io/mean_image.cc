#include "io/mean_image.h"

#include <fstream>

#include "base/error.h"
#include "ndarray/serialize.h"

namespace mixnet {
namespace {

ImageRecordParams all_once(ImageRecordParams p) {
  p.num_parts = 1;
  p.part_index = 0;
  p.shuffle = p.round_batch = false;
  p.dtype = DType::f32;
  return p;
}

}  // namespace

void ensure_mean_image(const std::string& path, const ImageRecordParams& params, const std::string& name,
                       FunctionRef<std::unique_ptr<DataIter>(const ImageRecordParams&)> make) {
  if (path.empty() || std::ifstream(path).good()) return;
  const std::unique_ptr<DataIter> pictures = make(all_once(params));
  const Shape& shape = params.data_shape;
  const size_t size = static_cast<size_t>(shape.size());
  std::vector<double> sum(size);
  int64_t count = 0;
  Batch batch;
  while (pictures->next(&batch)) {
    std::vector<float> pixels(static_cast<size_t>(batch.data[0].size()));
    batch.data[0].copy_to_host(pixels.data(), batch.data[0].bytes());
    const int64_t own = params.batch_size - batch.pad;
    for (size_t i = 0; i < static_cast<size_t>(own) * size; ++i) sum[i % size] += static_cast<double>(pixels[i]);
    count += own;
  }
  MIXNET_CHECK(count > 0, io, "[", name, "] mean_img: expected images to make ", path, " of, got none");
  std::vector<float> mean(size);
  for (size_t i = 0; i < size; ++i) mean[i] = static_cast<float>(sum[i] / static_cast<double>(count));
  const NDArray array(shape, DType::f32);
  array.copy_from_host(mean.data(), array.bytes());
  save_arrays(path, {{array}, {"mean_img"}});
}

}  // namespace mixnet
