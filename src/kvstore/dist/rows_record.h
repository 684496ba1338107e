// Rows in records. The value of a push by rows is the numbers of its rows in the part (uint64, ascending, each once), then their elements; that of
// a pull the numbers, and of its answer the elements.
#pragma once
#include <vector>

#include "base/span.h"
#include "kvstore/dist/wire.h"
#include "ndarray/ndarray.h"

namespace mixnet {
namespace dist {

// Rows of an array: their numbers, ascending, and their elements one row after the other.
struct SomeRows {
  Span<const int64_t> numbers;
  const uint8_t* elements = nullptr;
  size_t row_bytes = 0;
};
// Those of `rows` that lie in a part of so many rows from `first` on.
SomeRows rows_within(const SomeRows& rows, int64_t first, int64_t count);
// The value of a push, or without `elements` of a pull; `first`: the part's first row.
Bytes rows_value(const SomeRows& rows, int64_t first);

// What a record names: numbers in the part, elements of a push. Throws Code::net unless it fits the record's size and dtype.
struct NamedRows {
  std::vector<int64_t> numbers;
  const uint8_t* elements = nullptr;
};
NamedRows read_rows(const Record& record);
// The answer to a pull from the part's value.
Bytes taken_rows(const Record& pull, const NDArray& value);
// Writes the answer to a pull of our own into the part's memory.
void put_rows(const Record& pull, const Bytes& answer, uint8_t* part);

}  // namespace dist
}  // namespace mixnet
