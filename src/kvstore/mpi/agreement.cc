#include "kvstore/mpi/agreement.h"

#include <algorithm>

namespace mixnet::mpi {

// FNV-1a, cut to what a positive int32 holds.
void Agreement::meet(const std::string& what) {
  uint64_t hash = 1469598103934665603u;
  for (const char c : what) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  words_[2] = static_cast<int32_t>((hash ^ hash >> 32) % 0x7ffffffe) + 1;
  words_[3] = -words_[2];
}

void Agreement::ready(int32_t slot, int32_t priority) {
  words_[head + static_cast<size_t>(slot)] = std::max(priority, failed + 1);
}

std::vector<Agreement::Ready> Agreement::all_ready() const {
  std::vector<Ready> result;
  for (size_t i = head; i < words_.size(); ++i) {
    if (words_[i] != not_ready) result.push_back({static_cast<int32_t>(i - head), words_[i], words_[i] == failed});
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const Ready& a, const Ready& b) { return a.priority > b.priority; });
  return result;
}

}  // namespace mixnet::mpi
