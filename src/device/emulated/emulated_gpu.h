// For tests: what one can do to an emulated GPU that one cannot do to a real one.
#pragma once
#include <string>

namespace mixnet {

// The device is lost once its compute stream gets there.
void break_emulated_gpu(int index, const std::string& why);
// And well again, as after a restart.
void mend_emulated_gpu(int index);

}  // namespace mixnet
