// Span: from arrays, vectors and parts, const and not.
#include "base/span.h"

#include <doctest/doctest.h>

#include <numeric>

namespace mixnet {
namespace {
int sum(Span<const int> s) { return std::accumulate(s.begin(), s.end(), 0); }
}  // namespace

TEST_CASE("span: what it is made from") {
  int array[] = {1, 2, 3};
  std::vector<int> vector{4, 5};
  const std::vector<int> constant{6};
  CHECK(sum(array) == 6);
  CHECK(sum(vector) == 9);
  CHECK(sum(constant) == 6);
  CHECK(sum(Span<int>(array, 2)) == 3);
  CHECK(sum({}) == 0);
  CHECK(Span<int>().empty());
  CHECK(Span<int>().data() == nullptr);
}

TEST_CASE("span: parts share the elements") {
  std::vector<int> v{1, 2, 3, 4};
  const Span<int> all(v), middle = all.subspan(1, 2);
  middle[0] = 20;
  CHECK(v[1] == 20);
  CHECK(middle.size() == 2);
  CHECK(middle.front() == 20);
  CHECK(middle.back() == 3);
  CHECK(all.subspan(4, 0).empty());
}

}  // namespace mixnet
