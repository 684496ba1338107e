// A convolution in cuDNN's words: tensors, the operation, and one more for each part of its finish, with tensors between them that are nowhere.
#pragma once
#include <list>
#include <string>
#include <vector>

#include "op/core/gpu/convolve.h"
#include "op/core/gpu/cudnn.h"

namespace mixnet::gpu::cudnn {

// Of the tensors, in a plan; those between operations are id_between and the numbers behind it.
enum Id : int64_t { id_x = 1, id_w = 2, id_y = 3, id_bias = 4, id_residual = 5, id_between = 6 };
// Of every address, in bytes.
constexpr int64_t alignment = 16;

class Operations {
 public:
  // Throws Code::unsupported for a problem that cuDNN has no words for.
  Operations(const Functions& cudnn, Direction direction, const Convolution& c, const Finish& finish);
  std::vector<const Descriptor*> all() const;

 private:
  Descriptor& add(Kind kind) { return parts_.emplace_back(cudnn_, kind); }
  // An operation on what the one before it gave, and on another tensor or none.
  struct Step {
    const Descriptor *function, *other;
  };
  const Descriptor& tensor(int64_t id, const std::vector<int64_t>& extents, const std::vector<int64_t>& strides);
  const Descriptor& bias(Direction direction);
  const Descriptor& window();
  const Descriptor& pointwise(int mode, const double* most = nullptr);
  std::vector<Step> steps(Direction direction, const Finish& finish);
  void add_step(const Step& step, const Descriptor& from, const Descriptor& to);

  const Functions& cudnn_;
  const Convolution c_;
  const int dims_;
  std::list<Descriptor> parts_;
  std::vector<const Descriptor*> operations_;
};

// One word that says all that a plan depends on.
std::string problem_text(Direction direction, const Convolution& c, const Finish& finish);

// Bytes from the first element of a tensor to its last.
size_t bytes_of(const Convolution& c, Id id);

}  // namespace mixnet::gpu::cudnn
