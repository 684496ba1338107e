#include "engine/access_list.h"

#include <algorithm>
#include <functional>

namespace mixnet {
namespace {

constexpr std::less<Variable*> before{};

}  // namespace

AccessList::AccessList(Span<Variable* const> reads, Span<Variable* const> writes, const char* place) {
  for (Span<Variable* const> list : {reads, writes}) {
    for (Variable* variable : list) MIXNET_CHECK(variable, invalid, "[", place, "] variable: expected one, got null");
  }
  if (reads.size() + writes.size() > in_place) {
    sort_all(reads, writes);
    return;
  }
  for (Variable* variable : reads) insert(variable, false);
  for (Variable* variable : writes) insert(variable, true);
}

void AccessList::insert(Variable* variable, bool write) {
  size_t i = size_;
  while (i > 0 && before(variable, few_[i - 1].variable)) --i;
  if (i > 0 && few_[i - 1].variable == variable) {
    few_[i - 1].write |= write;
    return;
  }
  for (size_t j = size_++; j > i; --j) few_[j] = few_[j - 1];
  few_[i] = {variable, nullptr, nullptr, !write, write};
}

void AccessList::sort_all(Span<Variable* const> reads, Span<Variable* const> writes) {
  many_.reserve(reads.size() + writes.size());
  for (Variable* variable : reads) many_.push_back({variable, nullptr, nullptr, true, false});
  for (Variable* variable : writes) many_.push_back({variable, nullptr, nullptr, false, true});
  std::sort(many_.begin(), many_.end(),
            [](const Access& a, const Access& b) { return before(a.variable, b.variable); });
  for (const Access& access : many_) {
    if (size_ && many_[size_ - 1].variable == access.variable) {
      many_[size_ - 1].read |= access.read;
      many_[size_ - 1].write |= access.write;
    } else {
      many_[size_++] = access;
    }
  }
  data_ = many_.data();
}

}  // namespace mixnet
