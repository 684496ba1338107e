#include "op/core/broadcast.h"

namespace mixnet {

Shape broadcast_shape(const InferContext& c, const Shape& a, const Shape& b) {
  if (!a.ndim_known() || !b.ndim_known()) return Shape::unknown();
  Shape out = Shape::filled(std::max(a.ndim(), b.ndim()), -1);
  for (int i = 1; i <= out.ndim(); ++i) {
    const int64_t x = i <= a.ndim() ? a[a.ndim() - i] : 1, y = i <= b.ndim() ? b[b.ndim() - i] : 1;
    int64_t& z = out[out.ndim() - i];
    if (x == y) z = x;
    else if (x == 1) z = y;
    else if (y == 1) z = x;
    else if (x < 0) z = y;  // whatever x is, it must fit y
    else if (y < 0) z = x;
    else c.fail(Code::shape, concat("cannot broadcast ", a, " with ", b));
  }
  return out;
}

void infer_broadcast(InferShape& c) { c.set_out(0, broadcast_shape(c, c.in[0], c.in[1])); }

}  // namespace mixnet
