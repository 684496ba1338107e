// What the layers on 8-bit numbers share on oneDNN: attributes, and a kernel whose result has a scale.
//
// Only included by *.dnnl.cc files. Used where the CPU multiplies 8-bit numbers into int32 (VNNI, AMX): elsewhere oneDNN's pairs
// saturate at 16 bits.
#pragma once
#include "op/core/dnnl_kernel.h"
#include "op/core/int8_finish.h"

namespace mixnet {

inline bool dnnl_has_int8() {
  static const bool has = [] {
    const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    const auto includes = [isa](dnnl::cpu_isa level) {
      return (isa & static_cast<unsigned>(level)) == static_cast<unsigned>(level);
    };
    return includes(dnnl::cpu_isa::avx512_core_vnni) || includes(dnnl::cpu_isa::avx2_vnni);
  }();
  return has;
}
inline DnnlType dnnl_int8_type(DType t) {
  return t == DType::u8    ? DnnlType::u8
         : t == DType::i8  ? DnnlType::s8
         : t == DType::i32 ? DnnlType::s32
                           : DnnlType::f32;
}
inline bool dnnl_takes_int8(const PrepareContext& c) {
  const auto full = [](const TensorView& v) { return v.size() > 0; };
  return dnnl_has_int8() && std::all_of(c.inputs.begin(), c.inputs.end(), full) && full(c.outputs[0]);
}
// oneDNN's sums pass through float32: they are exact only when they stay below 2^24.
inline bool dnnl_sums_exactly(DType data, int64_t depth) {
  return depth * 127 * (data == DType::u8 ? 255 : 128) < (1 << 24);
}

inline dnnl::primitive_attr dnnl_int8_attributes(const Int8Finish& p, int weight_mask, DType summand) {
  dnnl::post_ops ops;
  if (p.sum_step > 0) ops.append_sum(static_cast<float>(p.sum_step), 0, dnnl_int8_type(summand));
  if (p.relu) ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  dnnl::primitive_attr attributes = dnnl_attributes(ops);
  attributes.set_scales_mask(DNNL_ARG_WEIGHTS, weight_mask);
  if (p.out_type != DType::f32) attributes.set_scales_mask(DNNL_ARG_DST, 0);
  return attributes;
}

class DnnlInt8Kernel : public DnnlKernel {
 public:
  DnnlInt8Kernel(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad, std::vector<Binding> bindings,
                 const Int8Finish& p)
      : DnnlKernel(scratchpad, std::move(bindings)),
        primitive_(primitive),
        bytes_(p.out_type != DType::f32),
        out_step_(dnnl_plain({1}), dnnl_engine()) {
    *static_cast<float*>(out_step_.get_data_handle()) = static_cast<float>(p.out_step);
  }

 protected:
  void execute(const Arguments& arguments) const override {
    if (!bytes_) return primitive_.execute(dnnl_stream(), arguments);
    Arguments all = arguments;
    all.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, out_step_);
    primitive_.execute(dnnl_stream(), all);
  }

 private:
  dnnl::primitive primitive_;
  bool bytes_;
  dnnl::memory out_step_;
};

inline DnnlKernel::Binding dnnl_int8_scales(int64_t channels) {
  const auto desc = dnnl_plain({channels});
  return {DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, 2, false, desc, desc};
}

}  // namespace mixnet
