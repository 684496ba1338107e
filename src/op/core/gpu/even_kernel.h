// Kernels of libraries that want every tensor at a multiple of 16 bytes: what lies elsewhere is copied, for which there is workspace.
#pragma once
#include <vector>

#include "device/stream.h"
#include "op/core/kernel.h"

namespace mixnet::gpu {

class EvenKernel : public Kernel {
 public:
  static constexpr size_t alignment = 16, workspace_alignment = 256;

  // `own`: bytes of workspace that run_even is to have, at a multiple of 256.
  EvenKernel(const PrepareContext& c, size_t own) : own_(room(own)) {
    for (const auto* views : {&c.inputs, &c.outputs}) {
      for (const TensorView& v : *views) copies_ += room(v);
    }
  }
  size_t workspace() const final { return workspace_alignment + own_ + copies_; }

  void run(const RunContext& r) const final {
    constexpr uintptr_t to = workspace_alignment;
    char* const own = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(r.context.workspace) + to - 1) / to * to);
    char* at = own + own_;
    Stream& stream = *r.context.stream;
    std::vector<TensorView> in(r.in.begin(), r.in.end()), out(r.out.begin(), r.out.end());
    for (TensorView& v : in) {
      const void* const from = v.data;
      if (move(v, at) && v.bytes() > 0) stream.copy(v.data, from, static_cast<size_t>(v.bytes()));
    }
    for (TensorView& v : out) move(v, at);
    run_even({in, out, r.context}, own);
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i].data != r.out[i].data) stream.copy(r.out[i].data, out[i].data, static_cast<size_t>(out[i].bytes()));
    }
  }

 protected:
  static size_t room(size_t bytes) { return (bytes + 63) / 64 * 64; }
  virtual void run_even(const RunContext& r, char* own) const = 0;

 private:
  static size_t room(const TensorView& v) { return room(static_cast<size_t>(v.bytes())); }
  // Whether it lay at an odd address.
  static bool move(TensorView& v, char*& at) {
    char* const here = at;
    at += room(v);
    if (!v.data || reinterpret_cast<uintptr_t>(v.data) % alignment == 0) return false;
    v.data = here;
    return true;
  }

  const size_t own_;
  size_t copies_ = 0;
};

}  // namespace mixnet::gpu
