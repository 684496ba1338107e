// Lets a kernel that computes in float or double take the 16-bit floats too: they are widened into workspace and narrowed back.
#pragma once
#include <vector>

#include "op/core/builder.h"
#include "op/core/convert.h"

namespace mixnet {

// How a kernel that runs on the host converts; gpu/wide.h has another.
struct HostConversion {
  static void run(const KernelContext&, const TensorView& from, const TensorView& to) { convert(from, to); }
};

// A kernel whose body sees only float32 or float64 tensors.
template <class P, class Conversion = HostConversion>
class WideKernel : public Kernel {
 public:
  // body(params, run, workspace of `scratch` bytes). Inputs in `integer` keep their dtype.
  using Body = void (*)(const P&, const RunContext&);
  WideKernel(const PrepareContext& c, Body body, size_t scratch)
      : params_(c.params<P>()), body_(body), scratch_((scratch + 63) / 64 * 64) {
    for (const TensorView& v : c.inputs) reserve(v);
    for (const TensorView& v : c.outputs) reserve(v);
  }
  size_t workspace() const override { return scratch_ + converted_; }

  void run(const RunContext& r) const override {
    if (converted_ == 0) return body_(params_, r);
    std::vector<TensorView> in(r.in.begin(), r.in.end()), out(r.out.begin(), r.out.end());
    char* at = static_cast<char*>(r.context.workspace) + scratch_;
    for (TensorView& v : in) widen(r.context, v, at, true);
    for (TensorView& v : out) widen(r.context, v, at, false);
    body_(params_, {in, out, r.context});
    for (size_t i = 0; i < out.size(); ++i) narrow(r.context, out[i], r.out[i]);
  }

 private:
  static size_t bytes(const TensorView& v) { return (static_cast<size_t>(v.size()) * 4 + 63) / 64 * 64; }
  void reserve(const TensorView& v) {
    if (is_half(v)) converted_ += bytes(v);
  }

  static void widen(const KernelContext& context, TensorView& v, char*& at, bool copy) {
    if (!is_half(v)) return;
    TensorView wide = v;
    wide.dtype = DType::f32;
    if (v.data) wide.data = at;
    if (copy && v.data) Conversion::run(context, v, wide);
    at += bytes(v);
    v = wide;
  }
  static void narrow(const KernelContext& context, const TensorView& wide, const TensorView& v) {
    if (is_half(v) && v.data) Conversion::run(context, wide, v);
  }

  const P params_;
  Body body_;
  size_t scratch_, converted_ = 0;
};

// Calls f with the type of a float32 or float64 tensor.
template <class F>
void dispatch_wide(DType dtype, const char* place, F&& f) {
  if (dtype == DType::f32) return f(TypeTag<float>{});
  if (dtype == DType::f64) return f(TypeTag<double>{});
  fail(Code::type, "[", place, "] dtype: expected a float dtype, got ", dtype);
}

}  // namespace mixnet
