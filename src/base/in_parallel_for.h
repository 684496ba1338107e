// Whether the calling thread runs the body of a parallel_for: then the cores are taken, and libraries should not start threads.
#pragma once

namespace mixnet {

bool in_parallel_for();

}  // namespace mixnet
