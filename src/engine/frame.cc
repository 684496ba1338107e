#include "engine/frame.h"

namespace mixnet {

thread_local Frame* Frame::innermost = nullptr;

thread_local Frame::Adopted* Frame::Adopted::latest = nullptr;

const Access* Frame::find(const Variable* variable) { return find_from(innermost, variable); }

bool Frame::interrupted(const Variable* variable) {
  for (const Adopted* a = Adopted::latest; a; a = a->outer_) {
    if (find_from(a->own_, variable)) return true;
  }
  return false;
}

const Access* Frame::find_from(const Frame* frame, const Variable* variable) {
  for (; frame; frame = frame->outer_) {
    for (const Access& access : frame->held_) {
      if (access.variable == variable) return &access;
    }
  }
  return nullptr;
}

}  // namespace mixnet
