#include "io/batch_rows.h"

#include <cstring>

namespace mixnet {

BatchRows::BatchRows(const std::vector<ArrayDesc>& data, const std::vector<ArrayDesc>& label) {
  batch_.data = make(data);
  batch_.label = make(label);
  rows_.resize(static_cast<size_t>(data.at(0).shape[0]));
}

std::vector<NDArray> BatchRows::make(const std::vector<ArrayDesc>& descs) {
  std::vector<NDArray> arrays;
  for (const ArrayDesc& desc : descs) {
    arrays.emplace_back(desc.shape, desc.dtype);
    const auto row = static_cast<size_t>(desc.shape.size(1, desc.shape.ndim()) * dtype_size(desc.dtype));
    lines_.push_back({static_cast<uint8_t*>(arrays.back().view().data), row});
  }
  return arrays;
}

ExampleRow BatchRows::row(int64_t i) const {
  ExampleRow row;
  for (size_t k = 0; k < lines_.size(); ++k) {
    (k < batch_.data.size() ? row.data : row.label)
        .push_back(lines_[k].memory + static_cast<size_t>(i) * lines_[k].bytes);
  }
  return row;
}

void BatchRows::set_written(int64_t i, uint64_t id) {
  State& state = rows_[static_cast<size_t>(i)];
  state.written = true;
  state.id = id;
}

void BatchRows::set_hole(int64_t i, std::string fault) { rows_[static_cast<size_t>(i)].fault = std::move(fault); }

void BatchRows::copy_row(int64_t from, int64_t to) {
  if (from == to) return;
  for (const Line& line : lines_) {
    if (line.bytes == 0) continue;
    std::memcpy(line.memory + static_cast<size_t>(to) * line.bytes,
                line.memory + static_cast<size_t>(from) * line.bytes, line.bytes);
  }
  batch_.index[static_cast<size_t>(to)] = batch_.index[static_cast<size_t>(from)];
}

BatchRows::Finished BatchRows::finish(int64_t own) {
  Finished f;
  for (const State& state : rows_) batch_.index.push_back(state.id);
  int64_t kept = 0;
  for (int64_t i = 0; i < count(); ++i) {
    State& state = rows_[static_cast<size_t>(i)];
    if (!state.fault.empty()) f.faults.push_back(std::move(state.fault));
    if (!state.written) continue;
    copy_row(i, kept++);
    if (i < own) ++f.examples;
  }
  if (kept > 0) {
    for (int64_t i = kept; i < count(); ++i) copy_row(0, i);
  }
  batch_.pad = count() - f.examples;
  f.batch = std::move(batch_);
  return f;
}

}  // namespace mixnet
