#include "op/core/gpu/cudnn_attention.h"

#include <algorithm>
#include <limits>

#include "op/core/gpu/attention_operations.h"
#include "op/core/gpu/cudnn_handle.h"

namespace mixnet::gpu {
namespace cudnn {
namespace {

constexpr size_t most_plans = 1024;
constexpr size_t most_workspace = size_t{1} << 30;

class Compiled;

// A device's handle for attention, and its plans.
struct Session : Handle {
  using Handle::Handle;
  std::map<std::string, std::shared_ptr<const Compiled>> plans;  // null: refused
};

// The operation graph of a problem.
struct Graph {
  Graph(const Session& s, const Attention& a, bool backward)
      : problem(a), operations(s.cudnn, a, backward), it(s.cudnn, Kind::graph) {
    it.set_pointer(Name::graph_handle, Type::handle, s.native());
    it.set(Name::graph_operations, operations.all());
    it.finalize();
  }
  const Attention problem;
  AttentionOperations operations;
  Descriptor it;
};

// A plan of cuDNN's.
class Compiled {
 public:
  Compiled(Session& session, std::shared_ptr<const Graph> graph, Descriptor config)
      : session_(session), graph_(std::move(graph)), config_(std::move(config)), it_(session, config_) {}
  size_t workspace() const { return it_.workspace(); }

  // With the tensors' addresses by their ids; those of numbers are added.
  void run(Stream& stream, double scale_by, std::vector<std::pair<int64_t, const void*>> tensors, const void* mask,
           void* workspace) const {
    using Operations = AttentionOperations;
    const Attention& a = graph_->problem;
    const float scale = static_cast<float>(scale_by), lowest = -std::numeric_limits<float>::infinity();
    tensors.emplace_back(Operations::id_scale, &scale);
    if (a.masked()) tensors.emplace_back(Operations::id_mask, mask);
    if (a.causal) tensors.emplace_back(Operations::id_lowest, &lowest);
    std::vector<int64_t> ids;
    std::vector<const void*> pointers;
    for (const auto& [id, address] : tensors) {
      ids.push_back(id);
      pointers.push_back(address);
    }
    const std::lock_guard<std::mutex> lock(session_.mutex);
    it_.run(stream, ids, pointers, workspace, "attention");
    ++attention_counts().runs;
  }

 private:
  Session& session_;
  const std::shared_ptr<const Graph> graph_;
  const Descriptor config_;
  const Execution it_;
};

class Forward final : public AttentionPlan {
 public:
  Forward(std::shared_ptr<const Compiled> plan, double scale) : plan_(std::move(plan)), scale_(scale) {}
  size_t workspace() const override { return plan_->workspace(); }
  void run(Stream& stream, const AttentionData& d, void* workspace) const override {
    using Operations = AttentionOperations;
    plan_->run(stream, scale_,
               {{Operations::id_q, d.q},
                {Operations::id_k, d.k},
                {Operations::id_v, d.v},
                {Operations::id_y, d.y},
                {Operations::id_sums, d.sums}},
               d.mask, workspace);
  }

 private:
  const std::shared_ptr<const Compiled> plan_;
  const double scale_;
};

class Backward final : public AttentionBackwardPlan {
 public:
  Backward(std::shared_ptr<const Compiled> plan, double scale) : plan_(std::move(plan)), scale_(scale) {}
  size_t workspace() const override { return plan_->workspace(); }
  void run(Stream& stream, const AttentionSlopes& d, float* dots, void* workspace) const override {
    using Operations = AttentionOperations;
    plan_->run(stream, scale_,
               {{Operations::id_q, d.q},
                {Operations::id_k, d.k},
                {Operations::id_v, d.v},
                {Operations::id_y, d.y},
                {Operations::id_sums, d.sums},
                {Operations::id_dy, d.dy},
                {Operations::id_dots, dots},
                {Operations::id_dq, d.dq},
                {Operations::id_dk, d.dk},
                {Operations::id_dv, d.dv}},
               d.mask, workspace);
  }

 private:
  const std::shared_ptr<const Compiled> plan_;
  const double scale_;
};

std::vector<Descriptor> configs(const Session& s, const Graph& graph, Number mode) {
  constexpr int64_t most_configs = 16;
  try {
    Descriptor heuristics(s.cudnn, Kind::heuristics);
    heuristics.set(Name::heuristics_graph, graph.it);
    heuristics.set(Name::heuristics_mode, Type::heuristics_mode, mode);
    heuristics.finalize();
    return heuristics.parts(Name::heuristics_results, Kind::engine_config, most_configs);
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
    return {};
  }
}

// By what cuDNN notes on the engine.
bool allowed(const Descriptor& config) {
  constexpr int64_t most_notes = 16;
  const auto engines = config.parts(Name::config_engine, Kind::engine, 1);
  const std::vector<int> notes = engines.at(0).words(Name::engine_notes, Type::note, most_notes);
  const auto noted = [&](Number note) { return std::count(notes.begin(), notes.end(), note) > 0; };
  return !noted(note_reduced_precision) && !noted(note_down_convert) && !noted(note_nondeterministic);
}

// Null where cuDNN cannot after all, for whatever reason, or needs too much memory, as gradients of long sequences do.
std::shared_ptr<const Compiled> plan_of(Session& s, const std::shared_ptr<const Graph>& graph, Descriptor config) {
  try {
    auto plan = std::make_shared<const Compiled>(s, graph, std::move(config));
    return plan->workspace() <= most_workspace ? plan : nullptr;
  } catch (const Error&) {
    return nullptr;
  }
}

std::shared_ptr<const Compiled> find_plan(Session& s, const Attention& a, bool backward) {
  try {
    const auto graph = std::make_shared<const Graph>(s, a, backward);
    for (Number mode : {by_rule, by_fallback}) {
      for (Descriptor& config : configs(s, *graph, mode)) {
        if (!allowed(config)) continue;
        if (auto plan = plan_of(s, graph, std::move(config))) return plan;
      }
    }
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
  }
  return nullptr;
}

// Rows begin at multiples of 16 bytes, and there is something to do.
bool fits(const Attention& a) {
  const bool half = a.dtype == DType::f16 || a.dtype == DType::bf16;
  return half && a.depth % 8 == 0 && a.width % 8 == 0 && a.batch * a.heads * a.queries * a.keys * a.depth * a.width > 0;
}

std::shared_ptr<const Compiled> known_plan(int device, const Attention& a, bool backward) {
  const Functions* const f = fits(a) ? functions() : nullptr;
  if (!f) return nullptr;
  Session& s = session_of<Session>(*f, device);
  const std::string problem = concat(problem_text(a), backward ? ":backward" : "");
  const std::lock_guard<std::mutex> lock(s.mutex);
  s.use(s.stream);
  const auto known = s.plans.find(problem);
  if (known != s.plans.end()) return known->second;
  if (s.plans.size() >= most_plans) s.plans.clear();
  auto plan = find_plan(s, a, backward);
  ++(plan ? attention_counts().made : attention_counts().refused);
  return s.plans[problem] = std::move(plan);
}

}  // namespace
}  // namespace cudnn

std::shared_ptr<const AttentionPlan> cudnn_attention(int device, const Attention& a) {
  auto plan = cudnn::known_plan(device, a, false);
  return plan ? std::make_shared<cudnn::Forward>(std::move(plan), a.scale) : nullptr;
}

std::shared_ptr<const AttentionBackwardPlan> cudnn_attention_backward(int device, const Attention& a) {
  auto plan = cudnn::known_plan(device, a, true);
  return plan ? std::make_shared<cudnn::Backward>(std::move(plan), a.scale) : nullptr;
}

AttentionCounts& attention_counts() {
  static AttentionCounts counts;
  return counts;
}

}  // namespace mixnet::gpu
