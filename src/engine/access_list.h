// The variables of one task, each once, in order of address: the order in which they are locked.
//
// No allocation up to 12 variables.
#pragma once
#include <vector>

#include "base/span.h"
#include "engine/operation.h"

namespace mixnet {

class AccessList {
 public:
  // Throws Code::invalid, naming `place`, when a variable is null.
  AccessList(Span<Variable* const> reads, Span<Variable* const> writes, const char* place);
  AccessList(const AccessList&) = delete;
  AccessList& operator=(const AccessList&) = delete;

  Span<Access> span() { return Span<Access>(data_, size_); }

 private:
  static constexpr size_t in_place = 12;

  void insert(Variable* variable, bool write);
  void sort_all(Span<Variable* const> reads, Span<Variable* const> writes);

  Access few_[in_place];
  std::vector<Access> many_;
  Access* data_ = few_;
  size_t size_ = 0;
};

}  // namespace mixnet
