// The node that runs a loop's gradient: a _foreach in the other direction, put together from what the gradient of a body reads and gives.
#pragma once
#include <algorithm>
#include <memory>

#include "op/control/foreach.h"
#include "op/core/gradient.h"

namespace mixnet::op::control {

class GradientNode {
 public:
  explicit GradientNode(const SubgraphGradient& gradient) : params_(std::make_shared<foreach::Params>()) {
    params_->body = gradient.backward;
  }
  foreach
    ::Params& params() { return *params_; }
  // The next input of the body, read from the node's input `value`.
  void data(Entry value) { put(params_->in_data_locs, data_, std::move(value)); }
  void state(Entry value) { put(params_->in_state_locs, states_, std::move(value)); }
  void shared(Entry value) { put(params_->remain_locs, shared_, std::move(value)); }

  std::vector<Entry> make(GradientContext& g, int num_out_data, Entry count) {
    std::vector<Entry> inputs = data_;
    inputs.insert(inputs.end(), states_.begin(), states_.end());
    inputs.insert(inputs.end(), shared_.begin(), shared_.end());
    params_->num_args = static_cast<int64_t>(inputs.size()) + 1;
    params_->num_out_data = num_out_data;
    params_->num_outputs = num_out_data + params_->num_states();
    params_->counted = bool(count);
    if (count) inputs.push_back(std::move(count));
    return g.make_with("_foreach", params_, std::move(inputs));
  }

 private:
  void put(Places& places, std::vector<Entry>& entries, Entry value) {
    places.push_back(next_++);
    entries.push_back(std::move(value));
  }

  std::shared_ptr<foreach::Params> params_;
  std::vector<Entry> data_, states_, shared_;
  int64_t next_ = 0;
};

}  // namespace mixnet::op::control
