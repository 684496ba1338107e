#include "kvstore/dist/rows_record.h"

#include <algorithm>
#include <cstring>

namespace mixnet {
namespace dist {
namespace {

size_t row_bytes_of(const Record& record) {
  return static_cast<size_t>(record.width) * static_cast<size_t>(dtype_size(record.dtype));
}

int64_t number_at(const Bytes& value, size_t i) {
  uint64_t number;
  std::memcpy(&number, value.data + i * sizeof number, sizeof number);
  return static_cast<int64_t>(number);
}

}  // namespace

SomeRows rows_within(const SomeRows& rows, int64_t first, int64_t count) {
  const auto begin = std::lower_bound(rows.numbers.begin(), rows.numbers.end(), first);
  const auto end = std::lower_bound(begin, rows.numbers.end(), first + count);
  const auto skipped = static_cast<size_t>(begin - rows.numbers.begin());
  const uint8_t* elements = rows.elements ? rows.elements + skipped * rows.row_bytes : nullptr;
  return {rows.numbers.subspan(skipped, static_cast<size_t>(end - begin)), elements, rows.row_bytes};
}

Bytes rows_value(const SomeRows& rows, int64_t first) {
  const size_t count = rows.numbers.size(), tail = rows.elements ? count * rows.row_bytes : 0;
  std::string text;
  text.reserve(count * sizeof(uint64_t) + tail);
  for (const int64_t row : rows.numbers) {
    const auto number = static_cast<uint64_t>(row - first);
    text.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  if (tail) text.append(reinterpret_cast<const char*>(rows.elements), tail);
  return Bytes::of(std::move(text));
}

NamedRows read_rows(const Record& record) {
  const bool fits = record.codes == Codes::none && record.width > 0 && record.width <= record.size &&
                    record.size <= (uint64_t{1} << 48) && record.size % record.width == 0;
  MIXNET_CHECK(fits, net, "[kvstore] key ", record.key, " rows: expected some of plain elements that ", record.size,
               " is a multiple of, got ", record.width, record.codes == Codes::none ? "" : " in codes");
  const size_t each = sizeof(uint64_t) + (record.ask == Ask::push ? row_bytes_of(record) : 0);
  MIXNET_CHECK(record.value.size % each == 0, net, "[kvstore] key ", record.key, " rows: expected a multiple of ", each,
               " bytes, got ", record.value.size);
  const auto rows = static_cast<int64_t>(record.size / record.width);
  NamedRows named;
  named.numbers.resize(record.value.size / each);
  int64_t least = 0;
  for (size_t i = 0; i < named.numbers.size(); ++i) {
    const int64_t number = named.numbers[i] = number_at(record.value, i);
    MIXNET_CHECK(number >= least && number < rows, net, "[kvstore] key ", record.key,
                 " rows: expected ascending numbers below ", rows, ", got ", static_cast<uint64_t>(number),
                 " as number ", i);
    least = number + 1;
  }
  named.elements = record.value.data + named.numbers.size() * sizeof(uint64_t);
  return named;
}

Bytes taken_rows(const Record& pull, const NDArray& value) {
  const NamedRows named = read_rows(pull);
  const size_t each = row_bytes_of(pull);
  const char* const from = value.view().as<char>();
  std::string text;
  text.reserve(named.numbers.size() * each);
  for (const int64_t row : named.numbers) text.append(from + static_cast<size_t>(row) * each, each);
  return Bytes::of(std::move(text));
}

void put_rows(const Record& pull, const Bytes& answer, uint8_t* part) {
  const size_t each = row_bytes_of(pull);
  for (size_t i = 0; i < pull.value.size / sizeof(uint64_t); ++i) {
    std::memcpy(part + static_cast<size_t>(number_at(pull.value, i)) * each, answer.data + i * each, each);
  }
}

}  // namespace dist
}  // namespace mixnet
