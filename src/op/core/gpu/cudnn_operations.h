// A convolution in cuDNN's words: tensors, the operation, and the addition of the bias where there is one.
#pragma once
#include <list>
#include <string>
#include <vector>

#include "op/core/gpu/convolve.h"
#include "op/core/gpu/cudnn.h"

namespace mixnet::gpu::cudnn {

// Of the tensors, in a plan.
enum Id : int64_t { id_x = 1, id_w = 2, id_y = 3, id_bias = 4, id_sum = 5 };
// Of every address, in bytes.
constexpr int64_t alignment = 16;

class Operations {
 public:
  // Throws Code::unsupported for a problem that cuDNN has no words for.
  Operations(const Functions& cudnn, Direction direction, const Convolution& c, bool bias);
  std::vector<const Descriptor*> all() const;

 private:
  Descriptor& add(Kind kind) { return parts_.emplace_back(cudnn_, kind); }
  const Descriptor& tensor(Id id, const std::vector<int64_t>& extents, const std::vector<int64_t>& strides);
  const Descriptor& window();
  void add_bias(const Descriptor& sum, const Descriptor& y);

  const Functions& cudnn_;
  const Convolution c_;
  const int dims_;
  std::list<Descriptor> parts_;
  std::vector<const Descriptor*> operations_;
};

// One word that says all that a plan depends on.
std::string problem_text(Direction direction, const Convolution& c, bool bias);

// Bytes from the first element of a tensor to its last.
size_t bytes_of(const Convolution& c, Id id);

}  // namespace mixnet::gpu::cudnn
