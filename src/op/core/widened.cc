#include "op/core/widened.h"

#include <algorithm>
#include <vector>

#include "op/core/convert.h"

namespace mixnet {
namespace {

using Views = std::vector<TensorView>;

class WidenedKernel : public Kernel {
 public:
  WidenedKernel(std::unique_ptr<Kernel> kernel, const PrepareContext& c) : kernel_(std::move(kernel)) {
    bytes_ = start_ = rounded(kernel_->workspace());
    for (const TensorView& v : c.inputs) book(v);
    for (const TensorView& v : c.outputs) book(v);
  }
  size_t workspace() const override { return bytes_; }
  bool foreign_threads() const override { return kernel_->foreign_threads(); }
  bool reads_input(int i) const override { return kernel_->reads_input(i); }

  void run(const RunContext& r) const override {
    Views in(r.in.begin(), r.in.end()), out(r.out.begin(), r.out.end());
    char* at = static_cast<char*>(r.context.workspace) + start_;
    for (size_t i = 0; i < in.size(); ++i) {
      if (place(in[i], at) && kernel_->reads_input(static_cast<int>(i))) convert(r.in[i], in[i]);
    }
    for (TensorView& v : out) place(v, at);
    kernel_->run({in, out, r.context});
    for (size_t i = 0; i < out.size(); ++i) {
      if (r.out[i].data && is_half(r.out[i])) convert(out[i], r.out[i]);
    }
  }

 private:
  static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }
  static size_t wide_bytes(const TensorView& v) { return rounded(static_cast<size_t>(v.size()) * sizeof(float)); }
  void book(const TensorView& v) {
    if (is_half(v)) bytes_ += wide_bytes(v);
  }
  // Makes a 16-bit view one of float32 in workspace; whether it was one, with data.
  static bool place(TensorView& v, char*& at) {
    if (!is_half(v)) return false;
    char* own = at;
    at += wide_bytes(v);
    v.dtype = DType::f32;
    if (v.data) v.data = own;
    return v.data != nullptr;
  }

  std::unique_ptr<Kernel> kernel_;
  size_t start_ = 0, bytes_ = 0;
};

Views widened(Span<const TensorView> views) {
  Views wide(views.begin(), views.end());
  for (TensorView& v : wide) {
    if (is_half(v)) v.dtype = DType::f32;
  }
  return wide;
}

}  // namespace

std::unique_ptr<Kernel> prepare_widened(PrepareFn prepare, const PrepareContext& context) {
  if (std::none_of(context.inputs.begin(), context.inputs.end(), is_half)) return nullptr;
  const Views in = widened(context.inputs), out = widened(context.outputs);
  PrepareContext c = context;
  c.inputs = in;
  c.outputs = out;
  c.layouts = {};
  std::unique_ptr<Kernel> kernel = prepare(c);
  return kernel ? std::make_unique<WidenedKernel>(std::move(kernel), context) : nullptr;
}

}  // namespace mixnet
