// A symbol planned for arrays of certain shapes, to be run on ever other arrays.
//
// The forward part and, where gradients are wanted, the backward part of one Plan. Arrays of inputs, outputs and gradients are handed to each
// run; parameters are bound. A run takes an arena; backward needs the one of its forward run. Runs are pushed to the engine, or done at
// once when they are small and everything is free; the engine keeps runs of one plan apart.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/plan.h"
#include "op/core/custom.h"
#include "symbol/symbol.h"

namespace mixnet::autograd {

struct ReplayRequest {
  Symbol symbol;
  std::vector<NDArray> values;  // of arguments, then states: the shapes, and the parameters themselves
  std::vector<bool> bound;      // which of them are parameters
  std::vector<bool> wants;      // which arguments want gradients
  bool training = false;
  DeviceId device;
};

class ReplayPlan : public std::enable_shared_from_this<ReplayPlan> {
 public:
  explicit ReplayPlan(const ReplayRequest& request);
  ~ReplayPlan();

  bool has_backward() const { return has_backward_; }
  std::shared_ptr<Chunk> take_arena();
  void give_arena(std::shared_ptr<Chunk> arena);

  // Arrays of one run by external index; `values` are arguments, then states.
  std::vector<NDArray> externals(const std::vector<NDArray>& values, const std::vector<NDArray>& outputs) const;
  std::vector<NDArray> make_outputs() const;
  // The same with fresh outputs and copies of the states, for a forward part that is to leave both alone.
  std::vector<NDArray> apart(std::vector<NDArray> externals) const;
  // `operators`: those that the program defines, which a run shares with its backward part.
  void forward(const std::vector<NDArray>& externals, const std::shared_ptr<Chunk>& arena, const PhiloxKey& draw,
               const std::shared_ptr<OperatorStates>& operators);
  // Fills in `externals` for the gradients. One array per output, none() meaning zeros; returns one per argument that wants one, else none().
  std::vector<NDArray> backward(std::vector<NDArray> externals, const std::vector<NDArray>& output_grads,
                                const std::shared_ptr<Chunk>& arena, const PhiloxKey& draw,
                                const std::shared_ptr<OperatorStates>& operators);
  uint64_t num_draws() const { return plan_->num_draws(); }
  std::string describe() const { return plan_->describe(); }

 private:
  enum class Role { value, output, output_grad, gradient };
  // Pushed as one task.
  struct Piece {
    int first = 0, last = 0;
    std::vector<int> reads, writes;  // externals
  };
  // All of a direction, and what of it is pushed: one piece, but for the program's own operators.
  struct Part : Piece {
    std::vector<Piece> pieces;
  };
  struct Maker;

  void find_roles(const std::vector<std::pair<Role, NDArray>>& placeholders);
  void push(const Piece& piece, const std::vector<NDArray>& externals, const std::shared_ptr<Chunk>& arena,
            const PhiloxKey& draw, bool fresh, const std::shared_ptr<OperatorStates>& operators);

  std::unique_ptr<Plan> plan_;
  std::string name_;
  DeviceId device_;
  std::vector<NDArray> placeholder_outputs_, placeholder_grads_;  // by output; by argument
  std::vector<std::pair<Role, int>> roles_;                       // by external
  std::vector<NodePtr> made_;
  Part forward_, backward_;
  bool has_backward_ = false;
  bool small_ = false;  // done in microseconds, on the thread that asks
  Variable* turn_;      // runs of this plan, one after the other
  std::mutex mutex_;
  std::vector<std::shared_ptr<Chunk>> arenas_;  // not in use; a few
};

}  // namespace mixnet::autograd
