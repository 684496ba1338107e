// Rows of dense arrays by number: taken out, added in. Engine tasks; the stored value has at least one axis.
//
// Row numbers are arrays of any numeric dtype, in any order, also repeated. Wrong ones fail the task, before anything is written.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kvstore/kvstore.h"

namespace mixnet {

// What one device pushed: values has a row for each of `ids`.
struct PushedRows {
  NDArray ids, values;
};

// Throw unless row numbers and values fit the key's array; `what` names the call.
void check_row_ids(const std::string& key, const NDArray& ids, const Shape& array, const char* what);
void check_pushed_rows(const std::string& key, const PushedRows& pushed, const Shape& array, DType dtype);

// Of arrays that are there: the numbers that are named, of rows below `count`, ascending and each once.
std::vector<int64_t> distinct_rows(const NDArray& ids, int64_t count, const std::string& place);
// The rows pushed, added up by number from the first device to the last.
struct RowSums {
  std::vector<int64_t> numbers;  // ascending
  NDArray values;
};
RowSums sum_rows(const std::vector<PushedRows>& pushed, const Shape& array, DType dtype, const std::string& place);

// out = stored in the rows named, zero elsewhere. `place` opens error messages.
std::unique_ptr<Task> make_take_rows(NDArray stored, NDArray ids, NDArray out, std::string place);
// target = the rows pushed, added up from the first device to the last; zero elsewhere.
std::unique_ptr<Task> make_spread_rows(std::vector<PushedRows> pushed, NDArray target, std::string place);
// Calls the updater once with the rows pushed, added up by number, and the same rows of `stored`, and writes those back. Callback lane.
std::unique_ptr<Task> make_update_rows(std::shared_ptr<const KVStore::Updater> updater, std::string key,
                                       std::vector<PushedRows> pushed, NDArray stored, std::string place);

}  // namespace mixnet
