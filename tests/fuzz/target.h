// What a fuzz target gives: one function that takes any bytes, and inputs to start from.
//
// A target must return for every input: an Error of the library is a good answer, everything else (a crash, a sanitizer's report,
// another exception, more than 20 seconds, an allocation of more than 512 MiB) is a finding. Seeds are made by the library itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace mixnet::fuzz {

// Valid inputs, small ones.
std::vector<std::string> seeds();
// Words and numbers worth inserting.
std::vector<std::string> dictionary();

}  // namespace mixnet::fuzz
