// Windows of links that are slow, fast, or far and fast.
#include "kvstore/dist/window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

namespace mixnet {
namespace dist {
namespace {

constexpr int64_t part = 256 << 10, least = 2 * part, most = 2 << 20;

struct Sent {
  double at, arrives;
};

// Keeps as much under way as the window allows over a link of so many bytes a second, for `seconds` from `now` on.
void send_over(Window& window, double rate, double delay_s, double& now, double seconds) {
  std::deque<Sent> sent;
  const double end = now + seconds;
  double free = now;
  while (now < end) {
    while (static_cast<int64_t>(sent.size() + 1) * part <= window.bytes()) {
      free = std::max(free, now) + static_cast<double>(part) / rate;
      sent.push_back({now, free + delay_s});
    }
    const Sent first = sent.front();
    sent.pop_front();
    now = first.arrives;
    window.answered(part, now - first.at, now);
  }
}

TEST_CASE("window: begins with the least, which is never more than the most") {
  CHECK(Window(least, most).bytes() == least);
  CHECK(Window(8 << 20, most).bytes() == most);
}

TEST_CASE("window: a fast link gets the most, near or far") {
  for (const double delay_s : {0.0001, 0.1}) {
    Window window(least, most);
    double now = 0;
    send_over(window, 2e9, delay_s, now, 5);
    CHECK(window.bytes() == most);
  }
}

TEST_CASE("window: a slow link gets little more than the least") {
  Window window(least, most);
  double now = 0;
  send_over(window, 20e6, 0.0001, now, 60);
  CHECK(window.bytes() <= least + part);
}

TEST_CASE("window: a link that becomes slow gets less, and one that becomes far gets the most again") {
  Window window(least, most);
  double now = 0;
  send_over(window, 2e9, 0.0001, now, 1);
  send_over(window, 20e6, 0.0001, now, 5);
  CHECK(window.bytes() <= least + part);
  send_over(window, 2e9, 0.2, now, 60);
  CHECK(window.bytes() == most);
}

TEST_CASE("window: it changes by what was answered") {
  Window window(least, most);
  window.answered(64, 0.001, 1);
  CHECK(window.bytes() == least + 64);
  window.answered(part, 1, 2);
  CHECK(window.bytes() == least);
}

}  // namespace
}  // namespace dist
}  // namespace mixnet
