// Between records and arrays: values of requests as NDArrays, and orders as optimizers.
#pragma once
#include <memory>

#include "base/json.h"
#include "kvstore/dist/wire.h"
#include "ndarray/ndarray.h"
#include "optimizer/optimizer.h"

namespace mixnet {
namespace dist {

// Throws Code::shape or Code::type unless a request is about as many elements of the same dtype.
void check_fits(const Record& record, const NDArray& value);
// The value of a request as a flat array: a view of the message where it lies well and is not coded. For reading only.
NDArray lent_value(const Record& record);
// The same in memory of its own.
NDArray own_value(const Record& record);

NDArray number_array(uint64_t number);
uint64_t array_number(const NDArray& array);

// {"name": "sgd", "options": {"learning_rate": "0.1"}, "multipliers": {"w": [1, 0]}}
std::unique_ptr<Optimizer> make_optimizer(const Json& order);
void configure(Optimizer& optimizer, const Json& order);

}  // namespace dist
}  // namespace mixnet
