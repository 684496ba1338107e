// The frame of a oneDNN kernel: one primitive, its memory in the layouts it likes, and the reorders at the edges.
//
// Only included by *.dnnl.cc files. Tensors come and go in plain row-major layout. Where the primitive prefers another one, a
// reorder goes through workspace, which also holds the primitive's scratchpad; nothing is allocated when it runs.
#pragma once
#include <dnnl.hpp>

#include <atomic>
#include <cstring>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/contains.h"
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
inline dnnl::memory::desc dnnl_any(const DnnlDims& dims, DnnlType type = DnnlType::f32) {
  return {dims, type, dnnl::memory::format_tag::any};
}

// (N, C, ...) with the channels next to each other.
inline dnnl::memory::desc dnnl_channels_last(const DnnlDims& dims, DnnlType type = DnnlType::f32) {
  DnnlDims strides(dims.size());
  int64_t stride = strides[1] = 1;
  stride *= dims[1];
  for (size_t i = dims.size(); i-- > 2;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[0] = stride;
  return {dims, type, strides};
}

inline dnnl::primitive_attr dnnl_attributes(const dnnl::post_ops& ops = {}) {
  dnnl::primitive_attr attributes;
  if (ops.len() > 0) attributes.set_post_ops(ops);
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
    dnnl::memory at(void* workspace) const {
      return dnnl::memory(desc, dnnl_engine(), static_cast<char*>(workspace) + offset);
    }
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

class DnnlLayout : public Layout {
 public:
  explicit DnnlLayout(const dnnl::memory::desc& desc) : desc_(desc) {}
  const dnnl::memory::desc& desc() const { return desc_; }
  int64_t bytes() const override { return static_cast<int64_t>(desc_.get_size()); }
  bool same(const Layout& other) const override { return desc_ == static_cast<const DnnlLayout&>(other).desc_; }
  bool gapless() const override {
    int64_t values = static_cast<int64_t>(dnnl::memory::data_type_size(desc_.get_data_type()));
    for (int64_t extent : desc_.get_dims()) values *= extent;
    return bytes() == values;
  }
  LayoutPtr with_extent(int axis, int64_t extent) const override {
    const DnnlDims dims = desc_.get_dims();
    DnnlDims other = dims;
    other[static_cast<size_t>(axis)] = extent;
    // Two lists of the layouts that have a name, for both extents.
    const std::vector<dnnl::memory::desc> own = named(dims), wanted = named(other);
    for (size_t i = 0; i < own.size(); ++i) {
      if (own[i] == desc_) return std::make_shared<DnnlLayout>(wanted[i]);
    }
    return nullptr;
  }
  int64_t step(int axis) const override {
    if (desc_.get_format_kind() != dnnl::memory::format_kind::blocked) return 0;
    for (int64_t split : desc_.get_inner_idxs()) {
      if (split == axis) return 0;
    }
    const auto item = static_cast<int64_t>(dnnl::memory::data_type_size(desc_.get_data_type()));
    return desc_.get_strides()[static_cast<size_t>(axis)] * item;
  }
  int64_t piece(int axis, int64_t begin) const override {
    if (desc_.get_format_kind() != dnnl::memory::format_kind::blocked) return -1;
    const DnnlDims strides = desc_.get_strides(), blocks = desc_.get_inner_blks(), split = desc_.get_inner_idxs(),
                   padded = desc_.get_padded_dims();
    const size_t a = static_cast<size_t>(axis);
    int64_t block = 1;
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (split[i] != axis) return -1;
      block *= blocks[i];
    }
    for (size_t i = 0; i < strides.size(); ++i) {
      if (i != a && padded[i] > 1 && strides[i] >= strides[a]) return -1;
    }
    if (begin % block != 0) return -1;
    return begin / block * strides[a] * static_cast<int64_t>(dnnl::memory::data_type_size(desc_.get_data_type()));
  }

 private:
  std::vector<dnnl::memory::desc> named(const DnnlDims& dims) const {
    using Tag = dnnl::memory::format_tag;
    static constexpr Tag blocked[][3] = {{Tag::aBc4b, Tag::aBc8b, Tag::aBc16b},
                                         {Tag::aBcd4b, Tag::aBcd8b, Tag::aBcd16b},
                                         {Tag::aBcde4b, Tag::aBcde8b, Tag::aBcde16b}};
    if (dims.size() < 3 || dims.size() > 5) return {};
    std::vector<dnnl::memory::desc> all{dnnl_plain(dims, desc_.get_data_type()),
                                        dnnl_channels_last(dims, desc_.get_data_type())};
    for (Tag tag : blocked[dims.size() - 3]) all.emplace_back(dims, desc_.get_data_type(), tag);
    return all;
  }

  dnnl::memory::desc desc_;
};

// The layout in which input i is offered, or the plain one.
inline dnnl::memory::desc dnnl_offered(const PrepareContext& c, size_t i, const dnnl::memory::desc& plain) {
  const bool offered = i < c.layouts.size() && c.layouts[i];
  return offered ? static_cast<const DnnlLayout&>(*c.layouts[i]).desc() : plain;
}
// The same, or none.
inline dnnl::memory::desc dnnl_given(const PrepareContext& c, size_t i) { return dnnl_offered(c, i, {}); }
inline bool dnnl_is_offered(const PrepareContext& c, size_t i) { return i < c.layouts.size() && c.layouts[i]; }

// For a result that a kernel has in a layout that the plan did not keep.
inline void dnnl_to_plain(dnnl::memory chosen, void* data) {
  const dnnl::memory::desc desc = chosen.get_desc();
  dnnl::memory plain(dnnl_plain(desc.get_dims(), desc.get_data_type()), dnnl_engine(), data);
  dnnl::reorder(chosen, plain).execute(dnnl_stream(), chosen, plain);
}

class OnednnKernel : public Kernel {
 public:
  bool foreign_threads() const override { return true; }
};

class DnnlKernel : public OnednnKernel {
 public:
  using Arguments = std::unordered_map<int, dnnl::memory>;
  // Makes the chosen form of an input of the row-major one, where that is more than another layout.
  using Convert = std::function<void(const void* plain, void* chosen)>;

  // Which tensor of a run an argument of the primitive is.
  struct Binding {
    using Desc = dnnl::memory::desc;
    int argument;  // DNNL_ARG_SRC, ...
    int index;     // of r.in or r.out
    bool output;
    Desc plain, chosen;
    Desc given;    // of an input: the layout in which it was offered, and is taken even if another is chosen
    bool summand;  // an input that has to lie in the memory of `argument` when the primitive starts
    Convert convert;
    Binding(int arg, int i, bool out, const Desc& row_major, const Desc& liked, const Desc& offered = Desc(),
            bool sum = false)
        : argument(arg), index(i), output(out), plain(row_major), chosen(liked), given(offered), summand(sum) {}
  };

  DnnlKernel(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad, std::vector<Binding> bindings)
      : DnnlKernel(scratchpad, std::move(bindings)) {
    primitive_ = primitive;
  }
  // Without a primitive: for a kernel that has its own execute().
  DnnlKernel(const dnnl::memory::desc& scratchpad, std::vector<Binding> bindings) : scratchpad_(scratchpad) {
    for (Binding& b : bindings) {
      Edge edge{std::move(b), 0, {}, {}};
      edge.outside = edge.binding.given.get_ndims() > 0 ? edge.binding.given : edge.binding.plain;
      edge.connect();
      edges_.push_back(std::move(edge));
    }
    // The first primitives of each kind, reorders too, make statics in oneDNN.
    static std::atomic<int> made{0};
    if (made.load(std::memory_order_relaxed) < 64 && made.fetch_add(1) < 64) renew_before_exit();
    book();
  }
  size_t workspace() const override { return workspace_; }

  bool reads_input(int i) const override { return find(i, false) != nullptr; }
  LayoutPtr input_layout(int i) const override { return layout(find(i, false)); }
  LayoutPtr output_layout(int i) const override { return layout(find(i, true)); }
  void adopt_input(int i) override { adopt(find(i, false)); }
  void adopt_output(int i) override { adopt(find(i, true)); }
  void pack_input(int i, const void* plain, void* packed) const override {
    const Binding& b = find(i, false)->binding;
    if (b.convert) return b.convert(plain, packed);
    dnnl::memory from(b.plain, dnnl_engine(), const_cast<void*>(plain)), to(b.chosen, dnnl_engine(), packed);
    make_reorder(b.plain, b.chosen).execute(dnnl_stream(), from, to);
    dnnl_stream().wait();
  }

  void run(const RunContext& r) const override {
    dnnl::stream& stream = dnnl_stream();
    char* space = static_cast<char*>(r.context.workspace);
    Arguments arguments;
    arguments.emplace(DNNL_ARG_SCRATCHPAD, dnnl::memory(scratchpad_, dnnl_engine(), space));
    for (const Edge& e : edges_) {
      void* data = (e.binding.output ? r.out : r.in)[static_cast<size_t>(e.binding.index)].data;
      if (e.binding.summand) {
        place_summand(e, data, arguments.at(e.binding.argument), space);
        continue;
      }
      if (!e.differs()) {
        arguments.emplace(e.binding.argument, dnnl::memory(e.binding.chosen, dnnl_engine(), data));
        continue;
      }
      dnnl::memory inner(e.binding.chosen, dnnl_engine(), space + e.offset);
      if (e.binding.convert) {
        e.binding.convert(data, inner.get_data_handle());
      } else if (!e.binding.output) {
        dnnl::memory outer(e.outside, dnnl_engine(), data);
        e.reorder.execute(stream, outer, inner);
      }
      arguments.emplace(e.binding.argument, inner);
    }
    execute(arguments);
    for (const Edge& e : edges_) {
      if (!e.reorder || !e.binding.output) continue;
      dnnl::memory inner = arguments.at(e.binding.argument);
      dnnl::memory outer(e.outside, dnnl_engine(), r.out[static_cast<size_t>(e.binding.index)].data);
      e.reorder.execute(stream, inner, outer);
    }
    stream.wait();
  }

 protected:
  virtual void execute(const Arguments& arguments) const { primitive_.execute(dnnl_stream(), arguments); }

 private:
  static dnnl::reorder make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
    return dnnl::reorder(dnnl::reorder::primitive_desc(dnnl_engine(), from, dnnl_engine(), to));
  }
  struct Edge {
    Binding binding;
    size_t offset;
    dnnl::memory::desc outside;  // the layout in which the tensor comes or goes
    dnnl::reorder reorder;       // none where that is what the primitive likes

    bool differs() const { return outside != binding.chosen; }
    void connect() {
      reorder = {};
      if (binding.convert) return;
      if (binding.output ? differs() : differs() || binding.summand)
        reorder = binding.output ? make_reorder(binding.chosen, outside) : make_reorder(outside, binding.chosen);
    }
  };

  // Copies a summand to where the result will be, unless it is there.
  static void place_summand(const Edge& e, void* data, dnnl::memory result, char* space) {
    // In the summand's own type, which may be another of the same size than the result's.
    dnnl::memory given(e.outside, dnnl_engine(), data),
        place(e.binding.chosen, dnnl_engine(), result.get_data_handle());
    if (data != result.get_data_handle()) return e.reorder.execute(dnnl_stream(), given, place);
    if (!e.differs()) return;
    // The planner gave the result the summand's memory, but not its layout.
    dnnl::memory aside(e.binding.chosen, dnnl_engine(), space + e.offset);
    e.reorder.execute(dnnl_stream(), given, aside);
    make_reorder(e.binding.chosen, e.binding.chosen).execute(dnnl_stream(), aside, place);
  }

  // Workspace: the primitive's scratchpad, then a buffer for each tensor that is converted.
  void book() {
    DnnlSpace space;
    space.take(scratchpad_);
    for (Edge& e : edges_) {
      if (e.differs()) e.offset = space.take(e.binding.chosen).offset;
    }
    workspace_ = space.bytes();
  }
  const Edge* find(int index, bool output) const {
    for (const Edge& e : edges_) {
      if (e.binding.index == index && e.binding.output == output) return &e;
    }
    return nullptr;
  }
  static LayoutPtr layout(const Edge* e) {
    if (!e) return nullptr;
    const Binding& b = e->binding;
    if (b.given.get_ndims() > 0) return std::make_shared<DnnlLayout>(b.given);
    return b.plain != b.chosen ? std::make_shared<DnnlLayout>(b.chosen) : nullptr;
  }
  void adopt(const Edge* e) {
    Edge& edge = *const_cast<Edge*>(e);
    if (edge.binding.given.get_ndims() == 0) edge.outside = edge.binding.chosen;
    edge.connect();
    book();
  }

  dnnl::primitive primitive_;
  dnnl::memory::desc scratchpad_;
  std::vector<Edge> edges_;
  size_t workspace_ = 0;
};

// Runs kernels one after the other over one workspace: the parts of a backward pass.
class SequenceKernel : public OnednnKernel {
 public:
  // `inputs` and `outputs` of the whole that the part uses.
  void add(std::unique_ptr<Kernel> kernel, std::vector<int> inputs, std::vector<int> outputs) {
    parts_.push_back({std::move(kernel), std::move(inputs), std::move(outputs)});
  }
  size_t workspace() const override {
    size_t most = 0;
    for (const Part& part : parts_) most = std::max(most, part.kernel->workspace());
    return most;
  }
  void run(const RunContext& r) const override {
    for (const Part& part : parts_) part.kernel->run(r);
  }

  bool reads_input(int i) const override {
    return std::any_of(parts_.begin(), parts_.end(), [i](const Part& part) { return contains(part.inputs, i); });
  }
  // A layout that all parts that use the input want.
  LayoutPtr input_layout(int i) const override {
    LayoutPtr layout;
    bool first = true;
    for (const Part& part : parts_) {
      if (!contains(part.inputs, i)) continue;
      const LayoutPtr own = part.kernel->input_layout(i);
      if (!first && !same_layout(own, layout)) return nullptr;
      layout = own;
      first = false;
    }
    return layout;
  }
  LayoutPtr output_layout(int i) const override {
    for (const Part& part : parts_) {
      if (contains(part.outputs, i)) return part.kernel->output_layout(i);
    }
    return nullptr;
  }
  void adopt_input(int i) override {
    for (Part& part : parts_) {
      if (contains(part.inputs, i)) part.kernel->adopt_input(i);
    }
  }
  void adopt_output(int i) override {
    for (Part& part : parts_) {
      if (contains(part.outputs, i)) part.kernel->adopt_output(i);
    }
  }

 private:
  struct Part {
    std::unique_ptr<Kernel> kernel;
    std::vector<int> inputs, outputs;
  };
  std::vector<Part> parts_;
};

// Whether the CPU multiplies tiles of bfloat16 (AMX), many times faster than float32.
inline bool dnnl_has_tiles() {
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) &
          static_cast<unsigned>(dnnl::cpu_isa::avx512_core_amx)) ==
         static_cast<unsigned>(dnnl::cpu_isa::avx512_core_amx);
}

// Whether oneDNN's blocks have 16 channels.
inline bool dnnl_has_wide_vectors() {
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & static_cast<unsigned>(dnnl::cpu_isa::avx512_core)) ==
         static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
}

// oneDNN kernels exist for tensors with elements of float32, and of bfloat16 where the CPU multiplies it.
inline bool dnnl_takes(const PrepareContext& c) {
  static const bool bf16 =
      (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16)) ==
      static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  for (const auto* list : {&c.inputs, &c.outputs}) {
    for (const TensorView& v : *list)
      if ((v.dtype != DType::f32 && (v.dtype != DType::bf16 || !bf16)) || v.size() == 0) return false;
  }
  return true;
}
// oneDNN's own fallbacks are slower than our kernels.
template <class PrimitiveDesc>
bool dnnl_reference(const PrimitiveDesc& desc) {
  return std::strncmp(desc.impl_info_str(), "ref", 3) == 0;
}

// Set by tests, which compare the kernels on small tensors.
inline std::atomic<bool> dnnl_takes_any_size{false};
// Whether there is so much work that oneDNN is done sooner than our own kernel.
inline bool dnnl_pays(int64_t work, int64_t least) {
  return work >= least || dnnl_takes_any_size.load(std::memory_order_relaxed);
}
// For an operator that only passes over its tensors: elements.
constexpr int64_t dnnl_least_elements = 4096;

}  // namespace mixnet
