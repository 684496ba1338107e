// Makes scaled dot-product attention one node on GPUs: the product of queries and keys, a factor and a mask, softmax over the keys, and the product with the
// values become _contrib_sdp_attention; on interleaved projections (_contrib_interleaved_matmul_*), _interleaved_attention. The
// matrix of scores is then nobody's value.
//
// Between the products may also stand reshapes that keep queries and keys apart, casts between float dtypes, copies, and a
// Dropout that does nothing in predictions; each value there is read by the next node alone and is no head. The second product may be of float32, as
// AMP has it, where its result is cast back to 16 bits. 16-bit operands are taken
// where a library computes the whole: by kernels of ours two products on tensor cores are quicker. Predictions only. Linear. Results differ by rounding,
// and by queries to which -inf hides every key, which softmax makes NaN and attention 0.
#pragma once
#include <vector>

#include "device/device_id.h"
#include "pass/typed.h"

namespace mixnet {

// The heads of the new graph, in the order of the old ones.
std::vector<Entry> join_attention(const Typed& typed, DeviceId device);

}  // namespace mixnet
