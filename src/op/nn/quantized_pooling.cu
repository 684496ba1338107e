// _contrib_quantized_pooling on GPUs: Pooling on float copies, as on CPUs. See quantized_pooling.cc.
#include "op/core/gpu/launch.h"
#include "op/core/gpu/register.h"
#include "op/core/quantized.h"
#include "op/nn/pooling.h"

namespace mixnet::op::quantized_pooling {
namespace {

template <class Q>
struct Widen {
  const Q* x;
  float* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = static_cast<float>(x[i]); }
};
template <class Q>
struct Narrow {
  const float* x;
  Q* y;
  MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = quantized::saturate<Q>(x[i]); }
};

class WidenedPooling : public Kernel {
 public:
  explicit WidenedPooling(const PrepareContext& c) {
    TensorView in = c.inputs[0], out = c.outputs[0];
    in.dtype = out.dtype = DType::f32;
    PrepareContext own = c;
    own.inputs = {&in, 1};
    own.outputs = {&out, 1};
    own.layouts = {};
    kernel_ = registry().at("Pooling").prepare(own);
    in_ = lines(in.bytes());
    out_ = lines(out.bytes());
  }
  size_t workspace() const override { return in_ + out_ + kernel_->workspace(); }
  void run(const RunContext& r) const override {
    Stream& stream = *r.context.stream;
    char* space = static_cast<char*>(r.context.workspace);
    TensorView in = r.in[0], out = r.out[0];
    in.dtype = out.dtype = DType::f32;
    in.data = space;
    out.data = space + in_;
    KernelContext context = r.context;
    context.workspace = space + in_ + out_;
    quantized::dispatch_bytes(r.in[0].dtype, [&](auto tag) {
      using Q = typename decltype(tag)::type;
      gpu::map(stream, in.size(), Widen<Q>{r.in[0].as<Q>(), in.as<float>()});
      kernel_->run({{&in, 1}, {&out, 1}, context});
      gpu::map(stream, out.size(), Narrow<Q>{out.as<float>(), r.out[0].as<Q>()});
    });
    for (size_t o : {size_t{1}, size_t{2}}) {
      if (r.out[o].data) stream.copy(r.out[o].data, r.in[o].data, static_cast<size_t>(r.out[o].bytes()));
    }
  }

 private:
  static size_t lines(int64_t bytes) { return static_cast<size_t>((bytes + 63) / 64 * 64); }
  std::unique_ptr<Kernel> kernel_;
  size_t in_ = 0, out_ = 0;
};

std::unique_ptr<Kernel> prepare(const PrepareContext& c) { return std::make_unique<WidenedPooling>(c); }

}  // namespace

void register_gpu(Registry& registry) { gpu::prepared(registry, "_contrib_quantized_pooling", prepare); }

}  // namespace mixnet::op::quantized_pooling
