// A test that makes handles must free them: HandleCount compares before and after.
#pragma once

#include <doctest/doctest.h>

#include <mixnet/mixnet.hpp>

struct HandleCount {
  HandleCount() : before(count()) {}
  ~HandleCount() { CHECK_EQ(count(), before); }
  static int64_t count() {
    int64_t handles = 0;
    mixnet::check(mxn_handle_count(&handles));
    return handles;
  }
  int64_t before;
};
