// What operators that run subgraphs share: names, keys of random draws, rows of tensors, a condition's value. The same code runs on the host
// and for a GPU, whose stream it waits for where a value decides what is run.
#pragma once
#include <cstring>
#include <string>
#include <vector>

#include "device/stream.h"
#include "op/core/builder.h"
#include "op/core/max_parts.h"

namespace mixnet::op::control {

inline std::vector<std::string> input_names(int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back("data" + std::to_string(i));
  return names;
}

// "output", or output0, output1, ... of several, as MXNet names them; then what is kept for backward.
inline std::vector<std::string> output_names(int64_t visible, int64_t kept, const char* last) {
  std::vector<std::string> names(visible == 1 ? 1 : 0, "output");
  for (int64_t i = 0; visible != 1 && i < visible; ++i) names.push_back("output" + std::to_string(i));
  for (int64_t i = 0; i < kept; ++i) names.push_back("kept" + std::to_string(i));
  if (last) names.push_back(last);
  return names;
}

// Every run of a subgraph draws numbers of its own: the key's numbers are the seeds of the runs.
inline PhiloxKey run_key(const PhiloxKey& key, int64_t run) {
  const PhiloxBlock block = philox(key, static_cast<uint64_t>(run));
  return {(static_cast<uint64_t>(block.word[0]) << 32) | block.word[1], 0};
}

inline void copy(const RunContext& r, void* to, const void* from, int64_t bytes) {
  if (bytes <= 0) return;
  if (r.context.stream) r.context.stream->copy(to, from, static_cast<size_t>(bytes));
  else std::memcpy(to, from, static_cast<size_t>(bytes));
}
// The same for a number of the host, which may go afterwards.
inline void exchange(const RunContext& r, void* to, const void* from, int64_t bytes) {
  copy(r, to, from, bytes);
  if (r.context.stream) r.context.stream->synchronize();
}
inline int64_t read_count(const RunContext& r, const TensorView& v) {
  int64_t count = 0;
  exchange(r, &count, v.data, sizeof count);
  return count;
}
inline void write_count(const RunContext& r, const TensorView& v, int64_t count) {
  if (v.data) exchange(r, v.data, &count, sizeof count);
}

inline bool is_true(const RunContext& r, TensorView v) {
  int64_t number = 0;
  exchange(r, &number, v.data, dtype_size(v.dtype));
  v.data = &number;
  return dispatch_all(v.dtype, "condition", [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<double>(static_cast<accumulator_t<T>>(*v.as<T>())) != 0;
  });
}

inline void set_zero(const RunContext& r, const TensorView& v, int64_t first_byte = 0) {
  if (!v.data || v.bytes() <= first_byte) return;
  const size_t bytes = static_cast<size_t>(v.bytes() - first_byte);
  if (r.context.stream) r.context.stream->fill_zero(v.as<char>() + first_byte, bytes);
  else std::memset(v.as<char>() + first_byte, 0, bytes);
}

// A row: what one run reads or writes of a tensor whose first axis counts the runs. Of a vector it is not known: MXNet, which has no
// scalars, makes rows of one element of it.
inline Shape row_of(const Shape& whole) {
  if (whole.ndim() < 2) return Shape::unknown();
  return Shape(whole.begin() + 1, whole.ndim() - 1);
}
inline Shape with_rows(int64_t rows, const Shape& row) {
  if (!row.ndim_known()) return Shape::unknown();
  Shape whole{rows};
  for (int64_t extent : row) whole.push_back(extent);
  return whole;
}
inline TensorView row_view(const TensorView& whole) {
  TensorView row = whole;
  row.shape = Shape(whole.shape.begin() + 1, whole.shape.ndim() - 1);
  return row;
}
inline void* row_at(const TensorView& whole, int64_t row, int64_t row_bytes) {
  return whole.data ? whole.as<char>() + row * row_bytes : nullptr;
}

inline size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

inline const SubgraphPtr& required(const SubgraphPtr& graph, const InferContext& c) {
  if (!graph)
    c.fail(Code::invalid,
           "expected a node with subgraphs: it is made by foreach, while_loop and cond of mx.sym.contrib");
  return graph;
}

}  // namespace mixnet::op::control
