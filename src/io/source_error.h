// What a source could not do, told apart from what is wrong with the bytes in it: no example's fault, it ends an epoch whatever its code.
#pragma once
#include "base/error.h"

namespace mixnet {

struct SourceError : Error {
  using Error::Error;
};

}  // namespace mixnet
