#include "op/core/gpu/cudnn_convolution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "device/stopwatch.h"
#include "op/core/gpu/cudnn_choices.h"
#include "op/core/gpu/cudnn_handle.h"
#include "op/core/gpu/cudnn_operations.h"

namespace mixnet::gpu {
namespace cudnn {
namespace {

// Engines that are timed, and how often; plans that a device keeps.
constexpr size_t most_timed = 8, most_plans = 4096;
constexpr int timed_runs = 3;

// A device's handle for convolutions, and what belongs to it.
struct Session : Handle {
  Session(const Functions& f, int index) : Handle(f, index), choices(f.version(), device.model()) {}
  Choices choices;
  std::map<std::string, std::shared_ptr<const ConvolutionPlan>> plans;  // null: refused
};

const char* name_of(Direction direction) {
  switch (direction) {
    case Direction::forward: return "a convolution";
    case Direction::data: return "a convolution's data gradient";
    default: return "a convolution's weight gradient";
  }
}

// The operation graph of a problem.
struct Graph {
  Graph(const Session& s, Direction d, const Convolution& c, const Finish& f)
      : direction(d), finish(f), operations(s.cudnn, d, c, f), it(s.cudnn, Kind::graph) {
    it.set_pointer(Name::graph_handle, Type::handle, s.native());
    it.set(Name::graph_operations, operations.all());
    it.finalize();
  }
  const Direction direction;
  const Finish finish;
  Operations operations;
  Descriptor it;
};

// An engine and its knobs.
struct Config {
  std::vector<Descriptor> parts;  // what it was made of, if we made it
  Descriptor it;
};

class Plan final : public ConvolutionPlan {
 public:
  Plan(Session& session, std::shared_ptr<const Graph> graph, std::shared_ptr<const Config> config)
      : session_(session), graph_(std::move(graph)), config_(std::move(config)), it_(session, config_->it) {}
  size_t workspace() const override { return it_.workspace(); }
  const Descriptor& config() const { return config_->it; }

  void run(Stream& stream, const ConvolutionData& data, void* workspace) const override {
    const std::lock_guard<std::mutex> lock(session_.mutex);
    run_nolock(stream, data, workspace);
  }

  void run_nolock(Stream& stream, const ConvolutionData& data, void* workspace) const {
    int64_t ids[5] = {id_x, id_w, id_y}, count = 3;
    const void* pointers[5] = {data.x, data.w, data.y};
    const auto give = [&](Id id, const void* address) {
      ids[count] = id;
      pointers[count++] = address;
    };
    if (graph_->finish.bias) give(id_bias, data.bias);
    if (graph_->finish.residual) give(id_residual, data.residual);
    const auto given = static_cast<size_t>(count);
    it_.run(stream, {ids, given}, {pointers, given}, workspace, name_of(graph_->direction));
    ++cudnn_counts().runs;
  }

 private:
  Session& session_;
  const std::shared_ptr<const Graph> graph_;
  const std::shared_ptr<const Config> config_;
  const Execution it_;
};

// Memory for the tensors of a problem and a workspace, zero, for timing.
class Buffers {
 public:
  Buffers(Session& s, const Convolution& c, const Finish& finish, size_t workspace) : session_(s) {
    data_ = {take(bytes_of(c, id_x)), take(bytes_of(c, id_w)), take(bytes_of(c, id_y))};
    const int64_t planes = c.groups * std::max(c.filters, c.channels);
    if (finish.bias) data_.bias = take(static_cast<size_t>(planes * dtype_size(c.dtype)));
    if (finish.residual) data_.residual = take(std::max(bytes_of(c, id_x), bytes_of(c, id_y)));
    workspace_ = workspace > 0 ? take(workspace) : nullptr;
    for (const auto& [data, bytes] : blocks_) {
      if (complete_) session_.stream.fill_zero(data, bytes);
    }
  }
  ~Buffers() {
    for (const auto& [data, bytes] : blocks_) {
      try {
        session_.device.deallocate(data, bytes);
      } catch (const Error&) {  // of a lost device, which every later call tells
      }
    }
  }
  Buffers(const Buffers&) = delete;
  // Whether there was enough memory.
  bool complete() const { return complete_; }
  const ConvolutionData& data() const { return data_; }
  void* workspace() const { return workspace_; }

 private:
  void* take(size_t bytes) {
    void* const data = session_.device.allocate(bytes);
    if (!data) {
      complete_ = false;
      return nullptr;
    }
    blocks_.emplace_back(data, bytes);
    return data;
  }

  Session& session_;
  std::vector<std::pair<void*, size_t>> blocks_;
  bool complete_ = true;
  ConvolutionData data_;
  void* workspace_ = nullptr;
};

// Seconds of a run; infinite where cuDNN refuses after all.
double time_of(Session& s, const Plan& plan, const Buffers& buffers) {
  const auto run = [&] { plan.run_nolock(s.stream, buffers.data(), buffers.workspace()); };
  try {
    run();
    const auto watch = make_stopwatch(s.stream);
    watch->begin();
    for (int i = 0; i < timed_runs; ++i) run();
    watch->end();
    ++cudnn_counts().timed;
    return watch->seconds() / timed_runs;
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
    return std::numeric_limits<double>::infinity();
  }
}

Choice choice_of(const Descriptor& config) {
  constexpr int64_t most_knobs = 64;
  Choice c;
  c.engine = config.parts(Name::config_engine, Kind::engine, 1).at(0).number(Name::engine_index);
  for (const Descriptor& knob : config.parts(Name::config_knobs, Kind::knob_choice, most_knobs))
    c.knobs.emplace_back(knob.word(Name::knob_type, Type::knob_type), knob.number(Name::knob_value));
  return c;
}

// Finds a plan for one problem.
class Search {
 public:
  Search(Session& session, Direction direction, const Convolution& c, const Finish& finish, const PlanWishes& wishes)
      : s_(session), c_(c), wishes_(wishes), graph_(std::make_shared<Graph>(session, direction, c, finish)) {}

  // Of an engine that was chosen in some run before.
  std::shared_ptr<const Plan> again(const Choice& choice) {
    try {
      auto config = std::make_shared<Config>(Config{{}, {s_.cudnn, Kind::engine_config}});
      Descriptor engine(s_.cudnn, Kind::engine);
      engine.set(Name::engine_graph, graph_->it);
      engine.set(Name::engine_index, choice.engine);
      engine.finalize();
      for (const auto& [type, value] : choice.knobs) {
        Descriptor& knob = config->parts.emplace_back(s_.cudnn, Kind::knob_choice);
        knob.set(Name::knob_type, Type::knob_type, type);
        knob.set(Name::knob_value, value);
        knob.finalize();
      }
      std::vector<const Descriptor*> knobs;
      for (const Descriptor& knob : config->parts) knobs.push_back(&knob);
      config->it.set(Name::config_engine, engine);
      if (!knobs.empty()) config->it.set(Name::config_knobs, knobs);
      config->it.finalize();
      config->parts.push_back(std::move(engine));
      return allowed(config->it) ? plan_of(std::move(config)) : nullptr;
    } catch (const Error&) {
      return nullptr;  // of another cuDNN or GPU after all, or damaged
    }
  }

  // The heuristics' first, or the first few.
  std::vector<std::shared_ptr<const Plan>> proposed(size_t most) {
    std::vector<std::shared_ptr<const Plan>> plans;
    std::vector<Choice> known;
    const Finish& f = graph_->finish;
    const bool rare = f.curve != Curve::none && (f.curve != Curve::relu || !std::isinf(f.most));
    for (Number mode : {by_model, by_rule, by_fallback}) {
      // For curves but relu that is an engine without tensor cores: a kernel behind another is quicker.
      if (mode == by_fallback && (rare || !plans.empty())) break;
      for (Descriptor& d : configs(mode)) {
        if (plans.size() == most) return plans;
        if (!allowed(d)) continue;
        const Choice choice = choice_of(d);
        if (std::find(known.begin(), known.end(), choice) != known.end()) continue;
        known.push_back(choice);
        if (auto plan = plan_of(std::make_shared<Config>(Config{{}, std::move(d)}))) plans.push_back(std::move(plan));
      }
    }
    return plans;
  }

  // The quickest, which is remembered. Without memory for trials: the first.
  std::shared_ptr<const Plan> tuned(const std::string& problem) {
    const auto plans = proposed(most_timed);
    if (plans.size() < 2) return plans.empty() ? nullptr : plans[0];
    size_t workspace = 0;
    for (const auto& plan : plans) workspace = std::max(workspace, plan->workspace());
    const Buffers buffers(s_, c_, graph_->finish, workspace);
    if (!buffers.complete()) return plans[0];
    const size_t best = quickest(plans.size(), [&](size_t i) { return time_of(s_, *plans[i], buffers); });
    if (best == plans.size()) return nullptr;
    s_.choices.keep(problem, choice_of(plans[best]->config()));
    return plans[best];
  }

 private:
  std::vector<Descriptor> configs(Number mode) {
    constexpr int64_t most_configs = 32;
    try {
      Descriptor heuristics(s_.cudnn, Kind::heuristics);
      heuristics.set(Name::heuristics_graph, graph_->it);
      heuristics.set(Name::heuristics_mode, Type::heuristics_mode, mode);
      heuristics.finalize();
      return heuristics.parts(Name::heuristics_results, Kind::engine_config, most_configs);
    } catch (const Error& error) {
      if (error.code() != Code::unsupported) throw;
      return {};
    }
  }

  // By what cuDNN notes on the engine.
  bool allowed(const Descriptor& config) const {
    constexpr int64_t most_notes = 16;
    const auto engines = config.parts(Name::config_engine, Kind::engine, 1);
    const std::vector<int> notes = engines.at(0).words(Name::engine_notes, Type::note, most_notes);
    const auto noted = [&](Number note) { return std::count(notes.begin(), notes.end(), note) > 0; };
    if (noted(note_reduced_precision) || (wishes_.deterministic && noted(note_nondeterministic))) return false;
    return c_.dtype != DType::f32 ||
           (!noted(note_down_convert) && (wishes_.tensor_float32 || !noted(note_tensor_core)));
  }

  // Null where cuDNN cannot after all, for whatever reason, or needs too much memory.
  std::shared_ptr<const Plan> plan_of(std::shared_ptr<const Config> config) {
    try {
      auto plan = std::make_shared<Plan>(s_, graph_, std::move(config));
      const bool fits = wishes_.tuning == Tuning::fastest || plan->workspace() <= wishes_.workspace;
      return fits ? plan : nullptr;
    } catch (const Error&) {
      return nullptr;
    }
  }

  Session& s_;
  const Convolution c_;
  const PlanWishes wishes_;
  const std::shared_ptr<const Graph> graph_;
};

std::shared_ptr<const Plan> find_plan(Session& s, Direction direction, const Convolution& c, const Finish& finish,
                                      const PlanWishes& wishes, const std::string& problem) {
  try {
    Search search(s, direction, c, finish, wishes);
    if (wishes.tuning == Tuning::off) {
      const auto plans = search.proposed(1);
      return plans.empty() ? nullptr : plans[0];
    }
    if (const auto choice = s.choices.find(problem)) {
      if (auto plan = search.again(*choice)) {
        ++cudnn_counts().recalled;
        return plan;
      }
    }
    return search.tuned(problem);
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
    return nullptr;
  }
}

}  // namespace
}  // namespace cudnn

std::shared_ptr<const ConvolutionPlan> cudnn_plan(int device, Direction direction, const Convolution& c,
                                                  const Finish& finish, const PlanWishes& wishes) {
  using namespace cudnn;
  const Functions* const f = functions();
  if (!f) return nullptr;
  Session& s = session_of<Session>(*f, device);
  const std::string problem =
      concat(problem_text(direction, c, finish), ":tuning", static_cast<int>(wishes.tuning), ",", wishes.workspace,
             ":tf32_", wishes.tensor_float32, ":deterministic_", wishes.deterministic);
  const std::lock_guard<std::mutex> lock(s.mutex);
  s.use(s.stream);
  const auto known = s.plans.find(problem);
  if (known != s.plans.end()) return known->second;
  if (s.plans.size() >= most_plans) s.plans.clear();
  const std::shared_ptr<const ConvolutionPlan> plan = find_plan(s, direction, c, finish, wishes, problem);
  ++(plan ? cudnn_counts().made : cudnn_counts().refused);
  return s.plans[problem] = plan;
}

CudnnCounts& cudnn_counts() {
  static CudnnCounts counts;
  return counts;
}

size_t quickest(size_t n, FunctionRef<double(size_t)> cost) {
  size_t best = n;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < n; ++i) {
    const double seconds = cost(i);
    if (seconds < least) {
      least = seconds;
      best = i;
    }
  }
  return best;
}

}  // namespace mixnet::gpu
