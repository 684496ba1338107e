#include "kvstore/mpi/gpu_sums.h"

#include <future>

#include "base/error.h"
#include "device/gpu.h"

namespace mixnet::mpi {
namespace {

// Brings a sum to the GPU that waits for it.
class CopyBack : public Completion {
 public:
  CopyBack(NDArray from, NDArray to, std::shared_ptr<Completion> then)
      : from_(std::move(from)), to_(std::move(to)), then_(std::move(then)) {}
  void end() override {
    try {
      StreamDevice& gpu = gpu_device(to_.device().index);
      const TensorView source = from_.view(), target = to_.view();
      gpu.copy_later(get_device({}), gpu, target.data, source.data, static_cast<size_t>(source.bytes()),
                     [from = from_, to = to_, then = then_](const Error* error) {
                       if (error) then->fail(error->code(), error->what());
                       else then->end();
                     });
    } catch (const Error& error) {
      then_->fail(error.code(), error.what());
    }
  }
  void fail(Code code, const std::string& message) override { then_->fail(code, message); }

 private:
  const NDArray from_, to_;
  const std::shared_ptr<Completion> then_;
};

// Something that ends on another thread, waited for.
class Waited {
 public:
  // `used`: stays until then.
  Watcher::Done done(std::vector<NDArray> used) const {
    return [said = said_, used = std::move(used)](const Error* error) {
      if (error) said->set_exception(std::make_exception_ptr(*error));
      else said->set_value();
    };
  }
  void wait() const { said_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<void>> said_ = std::make_shared<std::promise<void>>();
};

}  // namespace

GpuSums::GpuSums(Link& link, int rank, int size, const Deadlines& deadlines)
    : link_(link), rank_(rank), size_(size), deadlines_(deadlines), possible_(Collectives::possible()) {}

bool GpuSums::can(const Reduction& sum) {
  const bool fits = possible_ && sum.sources.size() == 1 && !sum.target.device().host() &&
                    sum.sources[0].device() == sum.target.device() && Collectives::takes(sum.target.dtype());
  if (!fits) return false;
  if (said_gpu_ < 0) said_gpu_ = sum.target.device().index;
  return sum.target.device().index == said_gpu_;
}

bool GpuSums::join(const Reduction& any) {
  if (group_ || !possible_) return group_ != nullptr;
  struct {
    nccl::UniqueId id;
    int32_t made;
  } letter{};
  int32_t joined = 0;
  try {
    if (rank_ == 0) letter = {Collectives::make_id(), 1};
  } catch (const Error&) {
  }
  link_.finish(link_.broadcast(&letter, sizeof letter), 0, [] { return std::string("the broadcast of NCCL's id"); });
  if (letter.made) {
    try {
      gpu_ = any.target.device().index;
      group_ = Collectives::join(letter.id, size_, rank_, gpu_, deadlines_.collective(), deadlines_.collective());
      joined = 1;
    } catch (const Error&) {
    }
  }
  link_.finish_within(link_.reduce(&joined, &joined, 1, Type::i32, Operation::min), 2 * deadlines_.collective(),
                      [] { return std::string("the agreement on NCCL"); });
  possible_ = joined > 0;
  if (!possible_) group_.reset();
  return possible_;
}

void GpuSums::run(const std::vector<Reduction>& sums) {
  std::vector<Collectives::Arrays> all;
  for (const Reduction& sum : sums)
    all.push_back({{sum.sources[0].view().data}, {sum.target.view().data}, sum.target.size(), sum.target.dtype()});
  const Waited over;
  try {
    group_->all_reduce(all, "a sum over workers", over.done({}));
    over.wait();
  } catch (const Error& error) {
    const std::string others = sums.size() > 1 ? concat(" and ", sums.size() - 1, " others") : "";
    fail(Code::net, "[kvstore dist_allreduce] worker ", rank_, ": the sum of key ", sums.front().key, others, ": ",
         error.what());
  }
  for (const Reduction& sum : sums) sum.completion->end();
}

std::vector<Reduction> through_host(const std::vector<Reduction>& sums) {
  std::vector<Reduction> hosted = sums;
  std::vector<Waited> copies;
  for (Reduction& sum : hosted) {
    for (NDArray& source : sum.sources) {
      if (source.device().host()) continue;
      const NDArray here(source.shape(), source.dtype());
      StreamDevice& gpu = gpu_device(source.device().index);
      copies.emplace_back();
      gpu.copy_later(gpu, get_device({}), here.view().data, source.view().data, static_cast<size_t>(source.bytes()),
                     copies.back().done({source, here}));
      source = here;
    }
    if (sum.target.device().host()) continue;
    const NDArray here(sum.target.shape(), sum.target.dtype());
    sum.completion = std::make_shared<CopyBack>(here, sum.target, sum.completion);
    sum.target = here;
  }
  for (const Waited& copy : copies) copy.wait();
  return hosted;
}

}  // namespace mixnet::mpi
