// What a library behind the kernels needs once, before the first of them: done on the thread that prepares it, never on a worker.
#pragma once

namespace mixnet {

// One for the process. Runs when the first kernel is prepared, so that a program that only looks at operators does not pay for it.
void set_before_first_kernel(void (*hook)());

}  // namespace mixnet
