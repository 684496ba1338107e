// Concat and its gradient on GPUs, of tensors that lie with their channels last in a plan; others are moved as on CPUs. See concatenate.cc.
#include "op/shape/concatenate.h"

#include "op/core/builder.h"
#include "op/core/gpu/channels_last.h"
#include "op/core/gpu/register.h"
#include "op/core/movement.h"

namespace mixnet::op::concatenate {
namespace {

class JoinLast final : public Kernel {
 public:
  explicit JoinLast(const PrepareContext& c)
      : in_(c.layouts.begin(), c.layouts.end()), out_(gpu::channels_last(c.outputs[0].shape, c.outputs[0].dtype)) {}
  LayoutPtr input_layout(int i) const override { return in_[static_cast<size_t>(i)]; }
  LayoutPtr output_layout(int) const override { return out_; }
  void adopt_output(int) override { last_ = true; }

  void run(const RunContext& r) const override {
    const Shape& whole = r.out[0].shape;
    const int64_t item = dtype_size(r.out[0].dtype), pixels = whole.size(2, whole.ndim()), all = whole[1];
    char* to = r.out[0].as<char>();
    for (const TensorView& part : r.in) {
      const int64_t own = part.shape[1];
      StridedLoop<2> loop;
      loop.add(whole[0], {pixels * all, pixels * own});
      loop.add(pixels, {last_ ? all : 1, own});
      loop.add(own, {last_ ? 1 : pixels, 1});
      copy_strided(r.context.stream, loop, to, part.data, item);
      to += own * (last_ ? 1 : pixels) * item;
    }
  }

 private:
  const std::vector<LayoutPtr> in_;
  const LayoutPtr out_;
  bool last_ = false;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) {
  if (normalize_axis(c.params<Params>().dim, c.outputs[0].ndim(), "Concat") != 1) return nullptr;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (!gpu::comes_last(c, i)) return nullptr;
  }
  return std::make_unique<JoinLast>(c);
}

// A gradient into the parts that are wanted.
class CutLast final : public Kernel {
 public:
  explicit CutLast(const PrepareContext& c) : in_(c.layouts[0]), last_(c.outputs.size()) {
    for (const TensorView& v : c.outputs) out_.push_back(gpu::channels_last(v.shape, v.dtype));
  }
  LayoutPtr input_layout(int i) const override { return i == 0 ? in_ : nullptr; }
  LayoutPtr output_layout(int i) const override { return out_[static_cast<size_t>(i)]; }
  void adopt_output(int i) override { last_[static_cast<size_t>(i)] = true; }

  void run(const RunContext& r) const override {
    const Shape& whole = r.in[0].shape;
    const int64_t item = dtype_size(r.in[0].dtype), pixels = whole.size(2, whole.ndim()), all = whole[1];
    const char* from = r.in[0].as<char>();
    for (size_t i = 0; i < r.out.size(); ++i) {
      const int64_t own = r.out[i].shape[1];
      if (r.out[i].data) {
        StridedLoop<2> loop;
        loop.add(whole[0], {pixels * own, pixels * all});
        loop.add(pixels, {last_[i] ? own : 1, all});
        loop.add(own, {last_[i] ? 1 : pixels, 1});
        copy_strided(r.context.stream, loop, r.out[i].data, from, item);
      }
      from += own * item;
    }
  }

 private:
  const LayoutPtr in_;
  std::vector<LayoutPtr> out_;
  std::vector<bool> last_;
};

std::unique_ptr<Kernel> prepare_backward(const PrepareContext& c) {
  if (normalize_axis(c.params<Params>().dim, c.inputs[0].ndim(), "Concat") != 1 || !gpu::comes_last(c, 0))
    return nullptr;
  return std::make_unique<CutLast>(c);
}

void first(Registry& registry, const char* op, PrepareFn prepare) {
  auto& kernels = registry.existing(op).gpu_kernels;
  kernels.insert(kernels.begin(), prepare);
}

}  // namespace

void register_gpu(Registry& registry) {
  first(registry, "Concat", prepare);
  first(registry, "_backward_Concat", prepare_backward);
}

}  // namespace mixnet::op::concatenate
