// The frame of a oneDNN kernel: one primitive, its memory in the layouts it likes, and the reorders at the edges.
//
// Only included by *.dnnl.cc files. Tensors come and go in plain row-major layout. Where the primitive prefers another one, a
// reorder goes through workspace, which also holds the primitive's scratchpad; nothing is allocated when it runs.
#pragma once
#include <dnnl.hpp>

#include <atomic>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "base/exit.h"
#include "op/core/kernel.h"

namespace mixnet {

using DnnlDims = dnnl::memory::dims;

inline dnnl::engine& dnnl_engine() {
  static dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

using DnnlType = dnnl::memory::data_type;
inline DnnlType dnnl_type(DType dtype) { return dtype == DType::bf16 ? DnnlType::bf16 : DnnlType::f32; }

inline dnnl::memory::desc dnnl_plain(const DnnlDims& dims, DnnlType type = DnnlType::f32) {
  DnnlDims strides(dims.size());
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return {dims, type, strides};
}
inline dnnl::memory::desc dnnl_any(const DnnlDims& dims, DnnlType type = DnnlType::f32) { return {dims, type, dnnl::memory::format_tag::any}; }

inline dnnl::primitive_attr dnnl_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

inline dnnl::stream& dnnl_stream() {
  static thread_local dnnl::stream stream(dnnl_engine());
  return stream;
}

// Gives out workspace, one memory after the other.
class DnnlSpace {
 public:
  struct Place {
    dnnl::memory::desc desc;
    size_t offset = 0;
    dnnl::memory at(void* workspace) const { return dnnl::memory(desc, dnnl_engine(), static_cast<char*>(workspace) + offset); }
  };
  Place take(const dnnl::memory::desc& desc) { return {desc, take(desc.get_size())}; }
  size_t take(size_t bytes) {
    const size_t offset = bytes_;
    bytes_ += (bytes + 63) / 64 * 64;
    return offset;
  }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

class OnednnKernel : public Kernel {
 public:
  bool foreign_threads() const override { return true; }
};

class DnnlKernel : public OnednnKernel {
 public:
  // Which tensor of a run an argument of the primitive is.
  struct Binding {
    int argument;  // DNNL_ARG_SRC, ...
    int index;     // of r.in or r.out
    bool output;
    dnnl::memory::desc plain, chosen;
  };

  DnnlKernel(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad, std::vector<Binding> bindings)
      : primitive_(primitive), scratchpad_(scratchpad) {
    // The first primitives of each kind make statics in oneDNN.
    static std::atomic<int> made{0};
    if (made.load(std::memory_order_relaxed) < 64 && made.fetch_add(1) < 64) renew_before_exit();
    workspace_ = aligned(scratchpad.get_size());
    for (Binding& b : bindings) {
      Edge edge{std::move(b), 0, {}};
      if (edge.binding.plain != edge.binding.chosen) {
        edge.offset = workspace_;
        workspace_ += aligned(edge.binding.chosen.get_size());
        const auto &from = edge.binding.output ? edge.binding.chosen : edge.binding.plain, &to = edge.binding.output ? edge.binding.plain : edge.binding.chosen;
        edge.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(dnnl_engine(), from, dnnl_engine(), to));
      }
      edges_.push_back(std::move(edge));
    }
  }
  size_t workspace() const override { return workspace_; }

  void run(const RunContext& r) const override {
    static thread_local dnnl::stream stream(dnnl_engine());
    char* space = static_cast<char*>(r.context.workspace);
    std::unordered_map<int, dnnl::memory> arguments;
    arguments.emplace(DNNL_ARG_SCRATCHPAD, dnnl::memory(scratchpad_, dnnl_engine(), space));
    for (const Edge& e : edges_) {
      void* data = (e.binding.output ? r.out : r.in)[static_cast<size_t>(e.binding.index)].data;
      if (!e.reorder) {
        arguments.emplace(e.binding.argument, dnnl::memory(e.binding.plain, dnnl_engine(), data));
        continue;
      }
      dnnl::memory inner(e.binding.chosen, dnnl_engine(), space + e.offset);
      if (!e.binding.output) {
        dnnl::memory outer(e.binding.plain, dnnl_engine(), data);
        e.reorder.execute(stream, outer, inner);
      }
      arguments.emplace(e.binding.argument, inner);
    }
    primitive_.execute(stream, arguments);
    for (const Edge& e : edges_) {
      if (!e.reorder || !e.binding.output) continue;
      dnnl::memory inner = arguments.at(e.binding.argument);
      dnnl::memory outer(e.binding.plain, dnnl_engine(), r.out[static_cast<size_t>(e.binding.index)].data);
      e.reorder.execute(stream, inner, outer);
    }
    stream.wait();
  }

 private:
  struct Edge {
    Binding binding;
    size_t offset;
    dnnl::reorder reorder;
  };
  static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

  dnnl::primitive primitive_;
  dnnl::memory::desc scratchpad_;
  std::vector<Edge> edges_;
  size_t workspace_ = 0;
};

// Runs kernels one after the other over one workspace: the parts of a backward pass.
class SequenceKernel : public OnednnKernel {
 public:
  void add(std::unique_ptr<Kernel> kernel) {
    workspace_ = std::max(workspace_, kernel->workspace());
    parts_.push_back(std::move(kernel));
  }
  size_t workspace() const override { return workspace_; }
  void run(const RunContext& r) const override {
    for (const auto& part : parts_) part->run(r);
  }

 private:
  std::vector<std::unique_ptr<Kernel>> parts_;
  size_t workspace_ = 0;
};

// oneDNN kernels exist for tensors with elements of float32, and of bfloat16 where the CPU multiplies it.
inline bool dnnl_takes(const PrepareContext& c) {
  static const bool bf16 = (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16)) ==
                           static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  for (const auto* list : {&c.inputs, &c.outputs}) {
    for (const TensorView& v : *list) if ((v.dtype != DType::f32 && (v.dtype != DType::bf16 || !bf16)) || v.size() == 0) return false;
  }
  return true;
}
// oneDNN's own fallbacks are slower than our kernels.
template <class PrimitiveDesc>
bool dnnl_reference(const PrimitiveDesc& desc) { return std::strncmp(desc.impl_info_str(), "ref", 3) == 0; }

// Below so many elements an operator that only passes over its tensors is done sooner by our own kernel.
constexpr int64_t dnnl_least_elements = 4096;

}  // namespace mixnet
