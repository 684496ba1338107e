// Layers whose data are (N, ..., C) and whose weights are (out, kernel..., in): inference and kernels work on shapes in the order
// (N, C, ...), and where a kernel knows no other, its tensors are transposed through workspace.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "op/core/builder.h"
#include "op/core/strided_loop.h"

namespace mixnet::op {

enum class ConvLayout { none, ncdhw, nchw, ncw, ndhwc, nhwc };
inline bool is_channels_last(ConvLayout layout) { return layout == ConvLayout::ndhwc || layout == ConvLayout::nhwc; }

inline bool has_channels(const Shape& s) { return s.ndim() >= 3; }
// The axes of data or weights in the other order; vectors stay.
inline Shape channels_first(const Shape& s) {
  if (!has_channels(s)) return s;
  Shape first{s[0], s.back()};
  for (int i = 1; i + 1 < s.ndim(); ++i) first.push_back(s[i]);
  return first;
}
inline Shape channels_last(const Shape& s) {
  if (!has_channels(s)) return s;
  Shape last{s[0]};
  for (int i = 2; i < s.ndim(); ++i) last.push_back(s[i]);
  last.push_back(s[1]);
  return last;
}

// The layout that says so has as many axes as data.
inline void check_layout(ConvLayout layout, int spatial, bool any) {
  const int meant = layout == ConvLayout::nhwc ? 2 : layout == ConvLayout::ndhwc ? 3 : spatial;
  MIXNET_CHECK(any || meant == spatial, invalid, "layout: expected one with ", spatial, " spatial axes");
}

// A rule for channels first, for parameters with a member `layout`.
template <class P, void (*rule)(InferShape&)>
void infer_in_layout(InferShape& c) {
  if (!is_channels_last(c.params<P>().layout)) return rule(c);
  for (auto* list : {&c.in, &c.out}) {
    for (Shape& s : *list) s = channels_first(s);
  }
  try {
    rule(c);
  } catch (const Error& e) {
    throw Error(e.code(), concat(e.what(), " (with channels as the second axis)"));
  }
  for (auto* list : {&c.in, &c.out}) {
    for (Shape& s : *list) s = channels_last(s);
  }
}

// What a kernel is prepared for, with shapes of channels first and no layouts offered.
struct ChannelsFirstContext {
  std::vector<TensorView> inputs, outputs;
  PrepareContext context;
  explicit ChannelsFirstContext(const PrepareContext& c)
      : inputs(c.inputs.begin(), c.inputs.end()), outputs(c.outputs.begin(), c.outputs.end()), context(c) {
    for (auto* list : {&inputs, &outputs}) {
      for (TensorView& v : *list) v.shape = channels_first(v.shape);
    }
    context.inputs = inputs;
    context.outputs = outputs;
    context.layouts = {};
  }
};

class TransposedKernel : public Kernel {
 public:
  TransposedKernel(std::unique_ptr<Kernel> kernel, const ChannelsFirstContext& c) : kernel_(std::move(kernel)) {
    bytes_ = aligned(kernel_->workspace());
    for (const auto* list : {&c.inputs, &c.outputs}) {
      for (const TensorView& v : *list) bytes_ += has_channels(v.shape) ? aligned(static_cast<size_t>(v.bytes())) : 0;
    }
  }
  size_t workspace() const override { return bytes_; }

  void run(const RunContext& r) const override {
    std::vector<TensorView> in(r.in.begin(), r.in.end()), out(r.out.begin(), r.out.end());
    char* at = static_cast<char*>(r.context.workspace) + aligned(kernel_->workspace());
    for (auto* list : {&in, &out}) {
      for (TensorView& v : *list) {
        if (!has_channels(v.shape)) continue;
        v.shape = channels_first(v.shape);
        if (v.data && list == &in) move(v, at, v.data, true);
        if (v.data) v.data = at;
        at += aligned(static_cast<size_t>(v.bytes()));
      }
    }
    kernel_->run({in, out, r.context});
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i].data && has_channels(out[i].shape)) move(out[i], r.out[i].data, out[i].data, false);
    }
  }

 private:
  static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
  static void move(const TensorView& first, void* to, const void* from, bool to_first) {
    const int n = first.ndim();
    const auto inner = row_major_strides(first.shape), outer = row_major_strides(channels_last(first.shape));
    StridedLoop<2> loop;
    for (int i = 0; i < n; ++i) {
      const int64_t f = inner[static_cast<size_t>(i)], l = outer[static_cast<size_t>(i == 0   ? 0
                                                                                     : i == 1 ? n - 1
                                                                                              : i - 1)];
      if (to_first) loop.add(first.shape[i], {f, l});
      else loop.add(first.shape[i], {l, f});
    }
    copy_strided(loop, to, from, dtype_size(first.dtype));
  }

  std::unique_ptr<Kernel> kernel_;
  size_t bytes_ = 0;
};

template <class P>
std::unique_ptr<Kernel> prepare_in_layout(const PrepareContext& c, PrepareFn prepare) {
  P params = c.params<P>();
  if (!is_channels_last(params.layout)) return prepare(c);
  params.layout = ConvLayout::none;
  ChannelsFirstContext first(c);
  first.context.params_ = &params;
  return std::make_unique<TransposedKernel>(prepare(first.context), first);
}

}  // namespace mixnet::op
