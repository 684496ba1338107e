// Parameters that the iterators over files of numbers share, and what follows from them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "io/data_iter.h"
#include "op/core/param.h"

namespace mixnet {

enum class IterContext { cpu = 0, gpu = 1 };

struct BatchParams {
  int64_t batch_size = 128, prefetch_buffer = 4, num_parts = 1, part_index = 0;
  std::optional<DType> dtype;
  IterContext ctx = IterContext::gpu;
};

std::vector<ParamField> batch_fields();

// A field and its text.
template <class P, class T>
ParamField described(const char* name, T P::* member, const char* doc) {
  ParamField f = make_field(name, member);
  f.doc = doc;
  return f;
}

// A path that scripts may also leave out as "NULL" or "".
std::optional<std::string> given_path(const std::optional<std::string>& path);

// Of a batch whose examples have `shape`; (1,) is left out of labels.
ArrayDesc data_desc(int64_t batch_size, const Shape& shape, DType dtype);
ArrayDesc label_desc(int64_t batch_size, const Shape& shape, DType dtype);

// Throws Code::type "[name] dtype: expected ...".
[[noreturn]] void refuse_dtype(const std::string& name, DType dtype, const char* expected);

}  // namespace mixnet
