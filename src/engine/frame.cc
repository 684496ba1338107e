#include "engine/frame.h"

namespace mixnet {

thread_local Frame* Frame::innermost = nullptr;

const Access* Frame::find(const Variable* variable) {
  for (const Frame* frame = innermost; frame; frame = frame->outer_) {
    for (const Access& access : frame->held_) {
      if (access.variable == variable) return &access;
    }
  }
  return nullptr;
}

}  // namespace mixnet
