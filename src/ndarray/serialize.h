// MXNet's .params files: lists of arrays, with or without names. Writes V2; reads V0 to V3.
//
// Files are untrusted: every length is checked against what is left of the file before memory is taken. Writing goes to a temporary
// file beside the target and is renamed, so that a crash never leaves half a checkpoint.
#pragma once
#include <string>
#include <vector>

#include "ndarray/ndarray.h"

namespace mixnet {

struct NamedArrays {
  std::vector<NDArray> arrays;
  std::vector<std::string> names;  // empty, or one per array
};

// Throws Code::io naming the file and the byte offset.
NamedArrays load_arrays(const std::string& path);
// `borrow`: the bytes outlive the arrays, which are views of them for reading only; values that lie askew are copied all the same.
NamedArrays load_arrays_from_memory(const void* data, size_t bytes, const std::string& place, bool borrow = false);
void save_arrays(const std::string& path, const NamedArrays& list);
std::string save_arrays_to_memory(const NamedArrays& list);
// One bare record without list header (the pickle form).
std::string save_record(const NDArray& array);
NDArray load_record(const void* data, size_t bytes, const std::string& place);

}  // namespace mixnet
