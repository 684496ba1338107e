// Which storage kinds an operator's sparse kernel takes and gives, for one call.
//
// Every operator has a kernel for dense arrays. One with a sparse kernel too has a rule that looks at the kinds that come in. Where it
// answers false, all that is sparse is made dense, the dense kernel runs, and what is asked for as sparse is made so afterwards.
#pragma once
#include <vector>

#include "device/tensor_view.h"

namespace mixnet {

struct InferStorage {
  const void* params_ = nullptr;
  // By input: how they come. The rule changes those that the kernel takes otherwise: they are converted before it runs.
  std::vector<StorageKind> in;
  // By output: how they are wanted, where `asked`, else dense. The rule sets what the kernel gives.
  std::vector<StorageKind> out;
  std::vector<bool> asked;

  template <class P> const P& params() const { return *static_cast<const P*>(params_); }
  StorageKind input(int i) const { return in[static_cast<size_t>(i)]; }
  // For a kernel that gives this output as `kind` and as what may be asked for.
  void prefer_out(int i, StorageKind kind) {
    if (!asked[static_cast<size_t>(i)]) out[static_cast<size_t>(i)] = kind;
  }
};

}  // namespace mixnet
