// Callbacks of hosts that foreign threads may not enter.
#include "c_api/handles.h"

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_queue_open(void) {
  return guard([&] { HostQueue::open(); });
}

int32_t mxn_queue_poll(const mxn_wait_t* wait, int64_t* out_ran) {
  return guard([&] {
    clear(out_ran, "queue_poll", "out_ran");
    const std::shared_ptr<HostQueue> queue = HostQueue::current();
    MIXNET_CHECK(queue, invalid, "[queue_poll] queue: expected this thread to have opened one, got none");
    const WaitOptions options = make_wait(wait);
    if (wait && !queue->has_work()) queue->wait_for_work(options);
    *out_ran = queue->drain();
  });
}

int32_t mxn_queue_close(void) {
  return guard([&] { HostQueue::close(); });
}
