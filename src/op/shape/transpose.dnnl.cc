// Transpositions between channels last and channels first, (N, ..., C) and (N, C, ...), where what stands on the side of the channels
// first takes it with its channels last: then nothing moves. Otherwise our own kernel runs.
#include "op/shape/transpose.h"

#include "base/thread_pool.h"
#include "op/core/dnnl_kernel.h"

namespace mixnet::op::transpose {
namespace {

class ChannelsLastKernel : public Kernel {
 public:
  // `to_first`: the output is (N, C, ...), otherwise the input.
  ChannelsLastKernel(std::unique_ptr<Kernel> moving, LayoutPtr layout, bool to_first)
      : moving_(std::move(moving)), layout_(std::move(layout)), to_first_(to_first) {}
  LayoutPtr input_layout(int) const override { return to_first_ ? nullptr : layout_; }
  LayoutPtr output_layout(int) const override { return to_first_ ? layout_ : nullptr; }
  void adopt_input(int) override { adopted_ = true; }
  void adopt_output(int) override { adopted_ = true; }
  bool moves_nothing() const override { return adopted_; }
  size_t workspace() const override { return moving_->workspace(); }

  void run(const RunContext& r) const override {
    if (!adopted_) return moving_->run(r);
    const char* from = r.in[0].as<char>();
    char* to = r.out[0].as<char>();
    parallel_for(r.in[0].bytes(), 1 << 16, [=](int64_t first, int64_t last) {
      std::memcpy(to + first, from + first, static_cast<size_t>(last - first));
    });
  }

 private:
  std::unique_ptr<Kernel> moving_;
  LayoutPtr layout_;
  bool to_first_, adopted_ = false;
};

// 1: channels from the last place to the first behind the batch, -1: back, 0: neither. With one other axis both are the same; then an input
// that comes in a layout is (N, C, W).
int channels_move(const Shape& order, bool offered) {
  const int n = order.ndim();
  if (n < 3 || n > 5 || order[0] != 0) return 0;
  bool first = order[1] == n - 1, last = order[n - 1] == 1;
  for (int i = 2; i < n; ++i) {
    first = first && order[i] == i - 1;
    last = last && order[i - 1] == i;
  }
  return first && !(last && offered) ? 1 : last ? -1 : 0;
}

template <class P>
std::unique_ptr<Kernel> prepare_moved(const PrepareContext& c, const char* name) {
  const int move = channels_move(order_of(c.params<P>(), c.inputs[0].ndim()), dnnl_is_offered(c, 0));
  if (move == 0 || !dnnl_takes(c) || c.inputs[0].dtype != c.outputs[0].dtype) return nullptr;
  const TensorView& first = move > 0 ? c.outputs[0] : c.inputs[0];
  const DnnlDims dims(first.shape.begin(), first.shape.end());
  const dnnl::memory::desc last = dnnl_channels_last(dims, dnnl_type(first.dtype));
  if (last == dnnl_plain(dims, dnnl_type(first.dtype))) return nullptr;
  if (dnnl_is_offered(c, 0) && (move > 0 || dnnl_given(c, 0) != last)) return nullptr;
  if (move < 0 && !dnnl_is_offered(c, 0)) return nullptr;
  return std::make_unique<ChannelsLastKernel>(registry().at(name).portable(c), std::make_shared<DnnlLayout>(last),
                                              move > 0);
}
std::unique_ptr<Kernel> prepare_transpose(const PrepareContext& c) { return prepare_moved<Params>(c, "transpose"); }
std::unique_ptr<Kernel> prepare_swap(const PrepareContext& c) { return prepare_moved<SwapParams>(c, "SwapAxis"); }

}  // namespace

void register_dnnl(Registry& registry) {
  registry.existing("transpose").kernels.emplace_back(Provider::onednn, prepare_transpose);
  registry.existing("SwapAxis").kernels.emplace_back(Provider::onednn, prepare_swap);
}

}  // namespace mixnet::op::transpose
