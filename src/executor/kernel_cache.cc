#include "executor/kernel_cache.h"

namespace mixnet {
namespace {

template <class T>
void append(std::string& key, T v) {
  key.append(reinterpret_cast<const char*>(&v), sizeof v);
}

void append_text(std::string& key, const std::string& text) {
  append(key, text.size());
  key += text;
}

void append_extents(std::string& key, const Shape& shape) {
  append(key, shape.ndim());
  key.append(reinterpret_cast<const char*>(shape.begin()),
             static_cast<size_t>(shape.end() - shape.begin()) * sizeof(int64_t));
}

void append_value(std::string& key, const Value& v) {
  append(key, v.kind());
  switch (v.kind()) {
    case Value::Kind::none: return;
    case Value::Kind::boolean: return append(key, v.as_bool());
    case Value::Kind::integer: return append(key, v.as_int());
    case Value::Kind::real: return append(key, v.as_real());
    default: return append_text(key, v.str());
  }
}

void append_views(std::string& key, Span<const TensorView> views) {
  append(key, views.size());
  for (const TensorView& v : views) {
    append(key, v.dtype);
    append_extents(key, v.shape);
  }
}

}  // namespace

std::shared_ptr<const Kernel> KernelCache::find(const std::string& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

std::shared_ptr<const Kernel> KernelCache::get(const std::string& key, Make make) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (auto kernel = find(key)) {
      ++hits_;
      return kernel;
    }
  }
  std::shared_ptr<const Kernel> kernel = make();
  std::shared_ptr<const Kernel> dropped;  // destroyed without the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  if (auto other = find(key)) return other;
  entries_.emplace_front(key, kernel);
  index_.emplace(key, entries_.begin());
  if (entries_.size() > capacity_) {
    index_.erase(entries_.back().first);
    dropped = std::move(entries_.back().second);
    entries_.pop_back();
  }
  return kernel;
}

size_t KernelCache::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_.size();
}

int64_t KernelCache::hits() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return hits_;
}

std::string kernel_key(const OpSchema& op, const PrepareContext& context) {
  std::string key;
  key.reserve(512);
  append(key, op.id);
  append(key, context.training);
  append(key, onednn_enabled());
  append(key, context.device.kind);
  append(key, context.device.index);
  for (const ParamField& f : op.fields) append_value(key, f.get(context.params_));
  append_views(key, context.inputs);
  append_views(key, context.outputs);
  for (bool wanted : context.wanted) append(key, wanted);
  return key;
}

}  // namespace mixnet
