// Which edges of the parsers an input reached, for compilers without libFuzzer: GCC's -fsanitize-coverage=trace-pc calls us per block.
#include "coverage.h"

#include <bitset>

namespace mixnet::fuzz {
namespace {

constexpr size_t slots = 1 << 16;
std::bitset<slots>& seen() {
  static std::bitset<slots>& bits = *new std::bitset<slots>;
  return bits;
}
bool fresh = false;
uintptr_t previous = 0;

}  // namespace

bool take_fresh_coverage() {
  const bool result = fresh;
  fresh = false;
  previous = 0;
  return result;
}

size_t coverage() { return seen().count(); }

}  // namespace mixnet::fuzz

extern "C" void __sanitizer_cov_trace_pc() {
  using namespace mixnet::fuzz;
  const uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  const size_t slot = (here ^ (previous << 1)) * 0x9E3779B97F4A7C15u >> 48;
  previous = here;
  if (seen()[slot]) return;
  seen()[slot] = true;
  fresh = true;
}
