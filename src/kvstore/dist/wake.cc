#include "kvstore/dist/wake.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"

namespace mixnet {
namespace dist {

Wake::Wake() {
  MIXNET_CHECK(pipe(ends_) == 0, net, "[kvstore] expected a pipe from the system, got none");
  for (int end : ends_) {
    fcntl(end, F_SETFL, O_NONBLOCK);
    fcntl(end, F_SETFD, FD_CLOEXEC);
  }
}

Wake::~Wake() {
  for (int end : ends_) close(end);
}

void Wake::call() {
  if (called_.exchange(true)) return;
  const char byte = 0;
  // A full pipe wakes as well.
  if (write(ends_[1], &byte, 1) < 0) return;
}

void Wake::clear() {
  called_ = false;
  char bytes[256];
  while (read(ends_[0], bytes, sizeof bytes) > 0) {
  }
}

}  // namespace dist
}  // namespace mixnet
