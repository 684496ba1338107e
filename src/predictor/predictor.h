// A trained symbol made ready to predict, on the CPU and on the calling thread.
//
// A model is read once and constant; predictors on it have inputs, outputs and an arena of their own, so each thread may have one.
// Making one infers, plans memory and prepares kernels; forward only launches them. The engine is not asked to run anything.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "executor/plan.h"
#include "symbol/symbol.h"

namespace mixnet {

class Model {
 public:
  // `outputs`: names of entries to stop at, with or without "_output"; empty means those of the symbol. Parameters that nothing
  // needs are dropped. `borrow`: the parameters' bytes outlive the model, unchanged, and are read where they lie. Throws Code::io for what
  // cannot be read, Code::invalid for an unknown output.
  Model(const std::string& symbol_json, const void* params, size_t params_bytes,
        const std::vector<std::string>& outputs, bool borrow = false);

  const Symbol& symbol() const { return symbol_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  const NDArray* parameter(const std::string& name) const;
  const std::vector<std::pair<std::string, NDArray>>& parameters() const { return parameters_; }
  // What predictors on this model keep of its parameters, folded or packed.
  const std::shared_ptr<KeptStore>& kept() const { return kept_; }

 private:
  Symbol symbol_;
  std::vector<std::string> output_names_;
  std::vector<std::pair<std::string, NDArray>> parameters_;
  std::shared_ptr<KeptStore> kept_ = std::make_shared<KeptStore>();
};

struct PredictorInput {
  std::string name;
  Shape shape;
  DType dtype = DType::f32;
};

class Predictor {
 public:
  // Inputs are zero. Throws Code::invalid for an input that the symbol does not have and for a variable without a value.
  Predictor(std::shared_ptr<const Model> model, std::vector<PredictorInput> inputs);

  const std::shared_ptr<const Model>& model() const { return model_; }
  const std::vector<PredictorInput>& inputs() const { return inputs_; }
  const NDArray& input(size_t i) const { return input_arrays_[i]; }
  size_t num_outputs() const { return outputs_.size(); }
  const NDArray& output(size_t i) const { return outputs_[i]; }
  const Plan& plan() const { return *plan_; }

  void forward();
  // Runs up to `count` steps after those run before; returns how many are left. With none left it begins again.
  int forward_steps(int count);

 private:
  void bind();

  std::shared_ptr<const Model> model_;
  std::vector<PredictorInput> inputs_;
  std::vector<NDArray> input_arrays_, outputs_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Chunk> arena_;
  int next_step_ = 0;
  PhiloxKey random_;
};

}  // namespace mixnet
