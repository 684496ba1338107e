// A packed model: symbol.json and .params bytes in one file. All numbers are little-endian.
//
//   0  8 bytes   "MXNMODEL"
//   8  uint32    1, the version of this format
//  12  uint32    CRC-32 (of zlib and PNG) of everything from offset 16 on
//  16  uint64    bytes of the JSON
//  24  uint64    bytes of the parameters, possibly 0
//  32  the JSON, then zeros up to a multiple of 64 from the file's beginning, then the parameters, and nothing behind them
//
// The parameters start at a multiple of 64 so that a mapped file may be read in place.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace mixnet {

struct PackedModel {
  std::string symbol_json;
  const void* params = nullptr;  // into the bytes that were given
  size_t params_bytes = 0;
};

// Throws Code::io for what is no such file, is cut off, or has changed since it was written.
PackedModel read_packed(const void* data, size_t bytes);
uint32_t crc32(const void* data, size_t bytes);

}  // namespace mixnet
