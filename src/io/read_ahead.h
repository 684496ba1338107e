// A source whose next bytes are fetched while those before them are used, for what is far away.
//
// Who reads on where the last read ended, or not a block further on, is given blocks that a few threads fetch ahead; who jumps reads the source
// itself, and nothing is fetched that nobody asked for. At most `ahead` bytes wait, and one block per thread is under way, and the one that is
// needed at once. A block that failed is fetched again when it is asked for.
// Destruction stops what is under way.
#pragma once
#include "io/source.h"

namespace mixnet {

struct ReadAheadOptions {
  int64_t block = 1 << 20;
  int64_t ahead = -1;  // -1: MIXNET_IO_AHEAD_BYTES, 16 MiB unless set
  int threads = 4;
};

// The source itself where nothing is to be read ahead. Threads begin with the second read in a row.
std::shared_ptr<const Source> read_ahead(std::shared_ptr<const Source> source, ReadAheadOptions options = {});

}  // namespace mixnet
