#include "executor/subgraph_maker.h"

#include <mutex>

#include "executor/head_maker.h"
#include "executor/plan.h"
#include "symbol/body.h"

namespace mixnet {
namespace {

NDArray like(const TensorView& v) { return NDArray(v.shape, v.dtype, v.device); }

class BodyRunner : public SubgraphRunner {
 public:
  BodyRunner(const SubgraphPtr& graph, Span<const TensorView> in, Span<const TensorView> out, Span<const bool> wanted,
             DeviceId device, bool training)
      : graph_(graph),
        in_(in.begin(), in.end()),
        out_(out.begin(), out.end()),
        wanted_(wanted.begin(), wanted.end()),
        device_(device),
        training_(training) {
    idle_.push_back(make());
    const Plan& plan = *idle_.back()->plan;
    workspace_ = static_cast<size_t>(plan.arena_bytes());
    for (int i = 0; i < plan.num_steps(); ++i)
      foreign_threads_ = foreign_threads_ || plan.step(i).kernel->foreign_threads();
  }

  size_t workspace() const override { return workspace_; }
  bool foreign_threads() const override { return foreign_threads_; }

  void run(Span<void* const> in, Span<void* const> out, void* workspace, const PhiloxKey& random) const override {
    std::unique_ptr<Prepared> p = take();
    for (size_t i = 0; i < p->places.size(); ++i) {
      const int place = p->places[i];
      p->addresses[i] = place >= 0 ? in[static_cast<size_t>(place)] : out[static_cast<size_t>(-1 - place)];
    }
    // A plan that has failed is as good as before: it holds nothing of a run.
    try {
      p->plan->run_at(static_cast<char*>(workspace), random, p->addresses);
    } catch (...) {
      give(std::move(p));
      throw;
    }
    give(std::move(p));
  }

 private:
  struct Prepared {
    std::unique_ptr<Plan> plan;
    std::vector<int> places;  // by external array: an input, or -1 - an output
    std::vector<void*> addresses;
  };

  std::unique_ptr<Prepared> make() const {
    const GraphBody& body = body_of(*graph_);
    PlanRequest request;
    std::vector<NDArray> arrays;
    std::vector<int> places;
    for (size_t i = 0; i < in_.size(); ++i) {
      const Node* variable = body.inputs()[i].get();
      if (!body.graph().contains(variable)) continue;
      arrays.push_back(like(in_[i]));
      places.push_back(static_cast<int>(i));
      request.variables.emplace_back(variable, arrays.back());
      request.inputs.push_back(variable);
    }
    HeadMaker maker;
    for (size_t i = 0; i < out_.size(); ++i) {
      if (!wanted_[i]) continue;
      arrays.push_back(like(out_[i]));
      places.push_back(-1 - static_cast<int>(i));
      maker.add(body.graph().heads()[i], arrays.back());
    }
    request.heads = maker.heads;
    request.head_arrays = maker.arrays;
    request.num_forward_heads = static_cast<int>(maker.heads.size());
    request.device = device_;
    request.training = training_;
    auto p = std::make_unique<Prepared>();
    p->plan = std::make_unique<Plan>(std::move(request));
    for (int i = 0; i < p->plan->num_externals(); ++i) {
      size_t number = 0;
      while (!arrays[number].same_memory(p->plan->external(i))) ++number;
      p->places.push_back(places[number]);
    }
    p->addresses.resize(p->places.size());
    return p;
  }

  std::unique_ptr<Prepared> take() const {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Prepared> p = std::move(idle_.back());
        idle_.pop_back();
        return p;
      }
    }
    return make();
  }

  void give(std::unique_ptr<Prepared> p) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(p));
  }

  const SubgraphPtr graph_;
  const std::vector<TensorView> in_, out_;
  const std::vector<bool> wanted_;
  const DeviceId device_;
  const bool training_;
  size_t workspace_ = 0;
  bool foreign_threads_ = false;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Prepared>> idle_;
};

class BodyMaker : public SubgraphMaker {
 public:
  std::unique_ptr<SubgraphRunner> make(const SubgraphPtr& graph, Span<const TensorView> in, Span<const TensorView> out,
                                       Span<const bool> wanted, DeviceId device, bool training) const override {
    return std::make_unique<BodyRunner>(graph, in, out, wanted, device, training);
  }
};

}  // namespace

const SubgraphMaker& subgraph_maker() {
  static const BodyMaker maker;
  return maker;
}

}  // namespace mixnet
