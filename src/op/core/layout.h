// An arrangement of a tensor's values in memory other than row-major, that one provider of kernels knows.
//
// Such layouts live inside a bound plan only, between kernels that both want them; every array a user can hold is row-major.
#pragma once
#include <cstdint>
#include <memory>

namespace mixnet {

class Layout;
// Null means row-major.
using LayoutPtr = std::shared_ptr<const Layout>;

class Layout {
 public:
  virtual ~Layout() = default;
  virtual int64_t bytes() const = 0;
  virtual bool same(const Layout& other) const = 0;
  // Nothing but the values: a pointwise kernel may run over it.
  virtual bool gapless() const = 0;
  // The same arrangement of a tensor that has another extent along one axis; null where it has no name.
  virtual LayoutPtr with_extent(int axis, int64_t extent) const = 0;
  // Bytes between neighbours along an axis where they are the same throughout, 0 where they are not.
  virtual int64_t step(int axis) const = 0;
  // Where the values from index `begin` of an axis on lie, where those of any stretch of it lie in one piece; otherwise -1.
  virtual int64_t piece(int axis, int64_t begin) const = 0;
};

inline bool same_layout(const LayoutPtr& a, const LayoutPtr& b) { return a == b || (a && b && a->same(*b)); }

}  // namespace mixnet
