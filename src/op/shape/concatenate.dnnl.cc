// Concat in layouts of oneDNN's, only where its inputs come in them: between convolutions. Row-major tensors are joined
// by copying lines, which our own kernel does.
#include "op/shape/concatenate.h"

#include <algorithm>
#include <cstring>

#include "op/core/builder.h"
#include "op/core/dnnl_kernel.h"
#include "op/core/dnnl_parallel.h"

namespace mixnet::op::concatenate {
namespace {

// Tensors with channels last, joined along the channels: row by row.
class RowsKernel : public DnnlKernel {
 public:
  // `widths`: bytes of a row of each part.
  RowsKernel(int64_t rows, std::vector<int64_t> widths, std::vector<Binding> bindings)
      : DnnlKernel(dnnl::memory::desc(), std::move(bindings)), rows_(rows), widths_(std::move(widths)) {
    for (int64_t width : widths_) pitch_ += width;
  }

 protected:
  void execute(const Arguments& arguments) const override {
    constexpr int64_t bytes_of_a_thread = 1 << 17;
    char* whole = static_cast<char*>(arguments.at(DNNL_ARG_DST).get_data_handle());
    const int64_t chunks = std::clamp<int64_t>(rows_ * pitch_ / bytes_of_a_thread, 1, parallel_threads());
    dnnl_parallel(chunks, [&](int64_t chunk) {
      const int64_t first = rows_ * chunk / chunks, last = rows_ * (chunk + 1) / chunks;
      char* to = whole;
      for (size_t i = 0; i < widths_.size(); to += widths_[i++]) {
        const int64_t width = widths_[i];
        const void* part = arguments.at(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i)).get_data_handle();
        for (int64_t row = first; row < last; ++row)
          std::memcpy(to + row * pitch_, static_cast<const char*>(part) + row * width, static_cast<size_t>(width));
      }
    });
  }

 private:
  int64_t rows_, pitch_ = 0;
  std::vector<int64_t> widths_;
};

bool is_channels_last(const dnnl::memory::desc& desc) {
  return desc == dnnl_channels_last(desc.get_dims(), desc.get_data_type());
}

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (c.layouts.empty() || !dnnl_takes(c)) return nullptr;
  std::vector<dnnl::memory::desc> parts;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (!dnnl_is_offered(c, i)) return nullptr;
    parts.push_back(static_cast<const DnnlLayout&>(*c.layouts[i]).desc());
  }
  const Shape& out = c.outputs[0].shape;
  const DnnlDims dims(out.begin(), out.end());
  const DnnlType type = dnnl_type(c.outputs[0].dtype);
  const int axis = normalize_axis(c.params<Params>().dim, out.ndim(), "Concat");
  try {
    const dnnl::concat::primitive_desc desc(dnnl_engine(), dnnl_any(dims, type), axis, parts, dnnl_attributes());
    if (dnnl_reference(desc)) return nullptr;
    std::vector<DnnlKernel::Binding> bindings{{DNNL_ARG_DST, 0, true, dnnl_plain(dims, type), desc.dst_desc()}};
    for (size_t i = 0; i < parts.size(); ++i) {
      const int index = static_cast<int>(i);
      bindings.push_back(
          {DNNL_ARG_MULTIPLE_SRC + index, index, false, dnnl_plain(parts[i].get_dims(), type), parts[i]});
    }
    if (axis == 1 && is_channels_last(desc.dst_desc()) && std::all_of(parts.begin(), parts.end(), is_channels_last)) {
      const int64_t item = dtype_size(c.outputs[0].dtype);
      std::vector<int64_t> widths;
      for (const dnnl::memory::desc& part : parts) widths.push_back(part.get_dims()[1] * item);
      return std::make_unique<RowsKernel>(out.size() / out[1], std::move(widths), std::move(bindings));
    }
    return std::make_unique<DnnlKernel>(dnnl::concat(desc), desc.scratchpad_desc(), std::move(bindings));
  } catch (const dnnl::error&) {
    return nullptr;  // not a case oneDNN knows
  }
}

}  // namespace

void register_dnnl(Registry& registry) { registry.existing("Concat").kernels.emplace_back(Provider::onednn, prepare); }

}  // namespace mixnet::op::concatenate
