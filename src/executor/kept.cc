#include "executor/kept.h"

#include <algorithm>

#include "device/device.h"
#include "op/core/registry.h"

namespace mixnet {

KeptValue::KeptValue(const Entry& value, DeviceId device, LayoutPtr layout, int input,
                     const std::function<TensorView(const Entry&)>& outline,
                     const std::function<NDArray(const Node*)>& array, std::shared_ptr<KeptStore> store)
    : graph_({value}), device_(device), layout_(std::move(layout)), input_(input), store_(std::move(store)) {
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    for (int i = 0; i < graph_.num_outputs(id); ++i) outlines_.push_back(outline({graph_.node(id), i}));
    if (!graph_.node(id)->is_variable()) continue;
    sources_.push_back(array(graph_.node(id).get()));
    source_entries_.push_back(graph_.entry(id, 0));
  }
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
  const std::string key = shared_key();
  if (key.empty()) {
    memory_ = make(reader);
  } else {
    shared_ = store_->find(key, layout_);
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    if (!shared_->memory) shared_->memory = make(reader);
    memory_ = shared_->memory;
  }
  made_ = true;
}

std::shared_ptr<Chunk> KeptValue::make(const Kernel& reader) const {
  if (!layout_) return evaluate();
  const bool plain = graph_.num_nodes() == 1 && graph_.node(0)->is_variable();
  const std::shared_ptr<Chunk> derived = plain ? nullptr : evaluate();
  // Before, this value may have been packed into memory of its own; nobody else reads it.
  const bool own = memory_ && !shared_;
  const auto packed = own ? memory_ : std::make_shared<Chunk>(device_, static_cast<size_t>(layout_->bytes()));
  reader.pack_input(input_, plain ? sources_[0].view().data : derived->data(), packed->data());
  return packed;
}

// How the value is derived, from what and in which versions; empty where it is not shared: without a store, from memory that others
// may write, and by operators that exist in this plan only.
std::string KeptValue::shared_key() const {
  if (!store_) return {};
  std::string key;
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    if (node.is_variable()) continue;
    if (registry().find(node.op->name) != node.op) return {};
    key += concat(node.op->name, "(");
    for (const Entry& e : node.inputs) key += concat(graph_.entry(e), " ");
    for (const auto& [name, value] : node.op->params_text(node.params.get())) key += concat(name, "=", value, " ");
    key += ")";
  }
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].chunk()->exposed()) return {};
    key += concat(" ", source_entries_[i], "=", static_cast<const void*>(sources_[i].variable()), "+",
                  sources_[i].offset_bytes(), sources_[i].shape(), "v", versions_[i]);
  }
  // A node without inputs has the shape that its readers' inputs gave it.
  for (const TensorView& outline : outlines_) key += concat(" ", outline.shape, outline.dtype);
  return key + concat(" -> ", graph_.entry(graph_.heads()[0]));
}

// Runs the derived nodes on temporary memory.
std::shared_ptr<Chunk> KeptValue::evaluate() const {
  std::vector<TensorView> values = outlines_;
  std::vector<std::shared_ptr<Chunk>> memory(values.size());
  for (size_t i = 0; i < sources_.size(); ++i) values[static_cast<size_t>(source_entries_[i])] = sources_[i].view();
  for (int id = 0; id < graph_.num_nodes(); ++id) {
    const Node& node = *graph_.node(id);
    if (node.is_variable()) continue;
    std::vector<TensorView> in, out;
    for (const Entry& e : node.inputs) in.push_back(values[static_cast<size_t>(graph_.entry(e))]);
    const auto wanted = std::make_unique<bool[]>(static_cast<size_t>(graph_.num_outputs(id)));
    for (int o = 0; o < graph_.num_outputs(id); ++o) {
      const size_t e = static_cast<size_t>(graph_.entry(id, o));
      wanted[static_cast<size_t>(o)] = true;
      memory[e] = std::make_shared<Chunk>(values[e].device,
                                          static_cast<size_t>(values[e].size() * dtype_size(values[e].dtype)));
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
    context.stream = get_device(device_).stream();
    kernel->run({in, out, context});
  }
  return memory[static_cast<size_t>(graph_.entry(graph_.heads()[0]))];
}

}  // namespace mixnet
