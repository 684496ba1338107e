#include "executor/kept.h"

#include <algorithm>

namespace mixnet {

KeptValue::KeptValue(const Entry& value, DeviceId device, LayoutPtr layout, int input,
                     const std::function<TensorView(const Entry&)>& outline,
                     const std::function<NDArray(const Node*)>& array)
    : graph_({value}), device_(device), layout_(std::move(layout)), input_(input) {
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (int i = 0; i < graph_.num_outputs(id); ++i) outlines_.push_back(outline({graph_.node(id), i}));
    if (!graph_.node(id)->is_variable()) continue;
    sources_.push_back(array(graph_.node(id).get()));
    source_entries_.push_back(graph_.entry(id, 0));
  }
  if (layout_) memory_ = std::make_shared<Chunk>(device_, static_cast<size_t>(layout_->bytes()));
}

int64_t KeptValue::bytes() const {
  const TensorView& v = outlines_[static_cast<size_t>(graph_.entry(graph_.heads()[0]))];
  return layout_ ? layout_->bytes() : v.size() * dtype_size(v.dtype);
}

bool KeptValue::changed() const {
  if (!made_) return true;
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].chunk()->exposed() || engine().version(sources_[i].variable()) != versions_[i]) return true;
  }
  return false;
}

void KeptValue::refresh(const Kernel& reader) {
  if (!changed()) return;
  made_ = false;  // an error leaves it so
  versions_.clear();
  for (const NDArray& source : sources_) versions_.push_back(engine().version(source.variable()));
  if (!layout_) memory_ = evaluate();
  else if (graph_.node(0)->is_variable() && graph_.num_nodes() == 1)
    reader.pack_input(input_, sources_[0].view().data, memory_->data());
  else reader.pack_input(input_, evaluate()->data(), memory_->data());
  made_ = true;
}

// Runs the derived nodes on temporary memory.
std::shared_ptr<Chunk> KeptValue::evaluate() const {
  std::vector<TensorView> values = outlines_;
  std::vector<std::shared_ptr<Chunk>> memory(values.size());
  for (size_t i = 0; i < sources_.size(); ++i)
    values[static_cast<size_t>(source_entries_[i])].data = sources_[i].view().data;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    if (node.is_variable()) continue;
    std::vector<TensorView> in, out;
    for (const Entry& e : node.inputs) in.push_back(values[static_cast<size_t>(graph_.entry(e))]);
    const auto wanted = std::make_unique<bool[]>(static_cast<size_t>(graph_.num_outputs(id)));
    for (int o = 0; o < graph_.num_outputs(id); ++o) {
      const size_t e = static_cast<size_t>(graph_.entry(id, o));
      wanted[static_cast<size_t>(o)] = true;
      memory[e] = std::make_shared<Chunk>(device_, static_cast<size_t>(values[e].size() * dtype_size(values[e].dtype)));
      values[e].data = memory[e]->data();
      out.push_back(values[e]);
    }
    PrepareContext prepare;
    prepare.params_ = node.params.get();
    prepare.inputs = in;
    prepare.outputs = out;
    prepare.wanted = {wanted.get(), out.size()};
    prepare.device = device_;
    const auto kernel = node.op->prepare(prepare);
    Chunk workspace(device_, kernel->workspace());
    KernelContext context;
    context.workspace = workspace.data();
    kernel->run({in, out, context});
  }
  return memory[static_cast<size_t>(graph_.entry(graph_.heads()[0]))];
}

}  // namespace mixnet
