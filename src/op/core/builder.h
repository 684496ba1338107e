// How an operator file describes its operator:
//
//   OpBuilder<Params> op(registry, "Activation");
//   op.param("act_type", &Params::act, {"relu", "sigmoid"}).required().doc("...");
//   op.input("data", "any shape").inplace(0, 0).infer_shape(same_shape).kernel(forward);
//
// Lines between `//[full` and `//]` (documentation, gradient, samples) are left out of the one-file predictor.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "op/core/registry.h"
#include "op/core/stored.h"

namespace mixnet {

class SampleBuilder {
 public:
  explicit SampleBuilder(Sample* sample) : sample_(sample) {}
  SampleBuilder& range(double low, double high) {
    sample_->low = low;
    sample_->high = high;
    return *this;
  }
  SampleBuilder& integers(std::vector<int> inputs, int64_t limit) {
    sample_->integer_inputs = std::move(inputs);
    sample_->integer_limit = limit;
    return *this;
  }
  SampleBuilder& not_differentiable() {
    sample_->differentiable = false;
    return *this;
  }
  SampleBuilder& predict() {
    sample_->training = false;
    return *this;
  }
  SampleBuilder& tolerance(double t) {
    sample_->tolerance = t;
    return *this;
  }

 private:
  Sample* sample_;
};

template <class P = NoParams>
class OpBuilder {
 public:
  OpBuilder(Registry& registry, std::string name) : s_(registry.add(std::move(name))) {
    s_.params_type = typeid(P);
    s_.make_default = [] { return std::make_shared<P>(); };
    s_.clone = [](const void* p) { return std::make_shared<P>(*static_cast<const P*>(p)); };
    s_.output_names = [](const void*) { return std::vector<std::string>{"output"}; };
    s_.fixed_outputs = s_.fixed_visible = 1;
    s_.infer_shape = [](InferShape& c) { c.all_same(); };
    s_.infer_type = [](InferType& c) { c.all_same(); };
  }

  OpBuilder& alias(std::string name) {
    s_.aliases.push_back(std::move(name));
    return *this;
  }
  OpBuilder& doc(std::string text) {
    s_.doc = std::move(text);
    return *this;
  }
  OpBuilder& hidden() {
    s_.hidden = true;
    return *this;
  }

  // The member may belong to a base of P.
  template <class T, class B> FieldBuilder param(std::string name, T B::* member) {
    s_.fields.push_back(make_field<P, T>(std::move(name), static_cast<T P::*>(member)));
    return FieldBuilder(&s_.fields.back());
  }
  template <class T, class B> FieldBuilder param(std::string name, T B::* member, Choices choices) {
    s_.fields.push_back(make_field<P, T>(std::move(name), static_cast<T P::*>(member), std::move(choices)));
    return FieldBuilder(&s_.fields.back());
  }
  // Defaults other than the struct's; call it after all parameters.
  OpBuilder& defaults(std::function<void(P&)> set) {
    s_.make_default = [set] {
      auto p = std::make_shared<P>();
      set(*p);
      return p;
    };
    const auto params = s_.make_default();
    for (ParamField& f : s_.fields)
      if (!f.required) f.default_text = f.get(params.get()).str();
    return *this;
  }
  // Relations between parameters; throws Code::invalid with a sentence "name: expected ..., got ...".
  OpBuilder& check(void (*fn)(const P&)) {
    s_.check = [fn](const void* p) { fn(*static_cast<const P*>(p)); };
    return *this;
  }

  OpBuilder& input(std::string name, std::string doc = "") {
    s_.inputs.push_back({std::move(name), std::move(doc)});
    return *this;
  }
  // One input repeated as often as the integer parameter `count` (a field of P) says.
  OpBuilder& variadic(std::string name, std::string count, int64_t P::* member) {
    s_.inputs.push_back({name, ""});
    s_.variadic = std::move(count);
    s_.input_names = [name, member](const void* p) {
      std::vector<std::string> names;
      for (int64_t i = 0; i < static_cast<const P*>(p)->*member; ++i) names.push_back(name + std::to_string(i));
      return names;
    };
    return *this;
  }
  // A group of inputs repeated that often (weight_0, grad_0, weight_1, ...), then `trailing` once; an output for every group.
  // The inputs of `mutates` and `inplace` are those of the first group.
  OpBuilder& variadic_groups(std::vector<std::string> group, std::vector<std::string> trailing, std::string count,
                             int64_t P::* member) {
    s_.variadic = std::move(count);
    s_.group = static_cast<int>(group.size());
    s_.trailing = static_cast<int>(trailing.size());
    s_.input_names = [group, trailing, member](const void* p) {
      std::vector<std::string> names;
      for (int64_t i = 0; i < static_cast<const P*>(p)->*member; ++i) {
        for (const std::string& name : group) names.push_back(name + "_" + std::to_string(i));
      }
      names.insert(names.end(), trailing.begin(), trailing.end());
      return names;
    };
    s_.fixed_outputs = s_.fixed_visible = -1;
    s_.output_names = [member](const void* p) {
      const int64_t n = static_cast<const P*>(p)->*member;
      std::vector<std::string> names(n == 1 ? 1 : 0, "output");
      for (int64_t i = 0; n != 1 && i < n; ++i) names.push_back("output" + std::to_string(i));
      return names;
    };
    return *this;
  }
  // Inputs that depend on the parameters.
  OpBuilder& input_names(std::vector<std::string> (*fn)(const P&)) {
    s_.input_names = [fn](const void* p) { return fn(*static_cast<const P*>(p)); };
    return *this;
  }
  OpBuilder& outputs(std::vector<std::string> names, int visible = -1) {
    s_.output_names = [names](const void*) { return names; };
    s_.fixed_outputs = static_cast<int>(names.size());
    s_.fixed_visible = visible >= 0 ? visible : s_.fixed_outputs;
    return *this;
  }
  OpBuilder& output_names(std::vector<std::string> (*fn)(const P&)) {
    s_.fixed_outputs = s_.fixed_visible = -1;
    s_.output_names = [fn](const void* p) { return fn(*static_cast<const P*>(p)); };
    return *this;
  }
  OpBuilder& visible_outputs(int (*fn)(const P&)) {
    s_.fixed_visible = -1;
    s_.visible_outputs = [fn](const void* p) { return fn(*static_cast<const P*>(p)); };
    return *this;
  }
  OpBuilder& mutates(std::vector<int> inputs) {
    s_.mutates = std::move(inputs);
    return *this;
  }

  OpBuilder& auxiliary(std::vector<int> inputs) {
    s_.auxiliary = std::move(inputs);
    return *this;
  }
  // Inputs whose values are never read, so that nobody keeps them alive for this operator.
  OpBuilder& shape_only(std::vector<int> inputs) {
    s_.shape_only = std::move(inputs);
    return *this;
  }

  OpBuilder& infer_shape(void (*fn)(InferShape&)) {
    s_.infer_shape = fn;
    return *this;
  }
  OpBuilder& infer_type(void (*fn)(InferType&)) {
    s_.infer_type = fn;
    return *this;
  }
  OpBuilder& gradient(void (*fn)(GradientContext&)) {
    s_.gradient = fn;
    return *this;
  }
  OpBuilder& no_gradient(std::string why) {
    s_.no_gradient = std::move(why);
    return *this;
  }
  OpBuilder& zero_gradient() {
    s_.zero_gradient = true;
    return *this;
  }

  OpBuilder& inplace(int input, int output) {
    s_.inplace.emplace_back(input, output);
    return *this;
  }
  OpBuilder& same_bytes(int input, int output) {
    s_.alias.emplace_back(input, output);
    return *this;
  }
  // See OpSchema::joins and cuts.
  OpBuilder& joins(AxisPieces (*fn)(const P&, const Shape& whole)) {
    s_.joins = [fn](const void* p, const Shape& whole) { return fn(*static_cast<const P*>(p), whole); };
    return *this;
  }
  OpBuilder& cuts(AxisPieces (*fn)(const P&, const Shape& whole)) {
    s_.cuts = [fn](const void* p, const Shape& whole) { return fn(*static_cast<const P*>(p), whole); };
    return *this;
  }
  // Where all inputs and the output have one shape and dtype, element i depends on elements i alone, and the kernel may be given any
  // part of the tensors as flat ones: such operators are fused. `when`: with which parameters.
  OpBuilder& pointwise(bool (*when)(const P&) = nullptr) {
    s_.pointwise = true;
    if (when) s_.pointwise_with = [when](const void* p) { return when(*static_cast<const P*>(p)); };
    return *this;
  }
  // See OpSchema::row_window; `pad` sets the padding above and below.
  OpBuilder& rows(std::optional<RowWindow> (*window)(const P&), void (*pad)(P&, int64_t above, int64_t below)) {
    s_.row_window = [window](const void* p) { return window(*static_cast<const P*>(p)); };
    s_.row_part = [op = &s_, pad](const void* p, int64_t above, int64_t below) {
      auto params = std::make_shared<P>(*static_cast<const P*>(p));
      pad(*params, above, below);
      return RowPart{op, std::move(params)};
    };
    return *this;
  }
  // May draw random numbers; `draws`: when it does.
  OpBuilder& random(bool (*draws)(const P&, bool training) = nullptr) {
    s_.random = true;
    if (draws) s_.draws_with = [draws](const void* p, bool t) { return draws(*static_cast<const P*>(p), t); };
    return *this;
  }
  OpBuilder& optional_outputs() {
    s_.optional_outputs = true;
    return *this;
  }
  OpBuilder& uses_training() {
    s_.uses_training = true;
    return *this;
  }
  OpBuilder& head() {
    s_.head = true;
    return *this;
  }
  // Why there is none for GPUs and never will be.
  OpBuilder& no_gpu(std::string why) {
    s_.no_gpu = std::move(why);
    return *this;
  }
  OpBuilder& no_empty(std::string why) {
    s_.no_empty = std::move(why);
    return *this;
  }

  // An operator that carries graphs: pointers to members of P, in the order in which files have them. `check` relates them to the other
  // parameters; mutates(p, i) and state(p, i) say so of the node's inputs.
  OpBuilder& subgraphs(std::vector<SubgraphPtr P::*> members, void (*check)(const P&), bool (*mutates)(const P&, int),
                       bool (*state)(const P&, int)) {
    s_.num_subgraphs = static_cast<int>(members.size());
    s_.subgraphs = [members](const void* p) {
      std::vector<SubgraphPtr> graphs;
      for (const auto member : members) graphs.push_back(static_cast<const P*>(p)->*member);
      return graphs;
    };
    s_.set_subgraphs = [members](void* p, std::vector<SubgraphPtr> graphs) {
      for (size_t i = 0; i < members.size(); ++i) static_cast<P*>(p)->*members[i] = std::move(graphs[i]);
    };
    s_.check_subgraphs = [check](const void* p) { check(*static_cast<const P*>(p)); };
    s_.subgraph_mutates = [mutates](const void* p, int i) { return mutates(*static_cast<const P*>(p), i); };
    s_.subgraph_state = [state](const void* p, int i) { return state(*static_cast<const P*>(p), i); };
    s_.extends = [](const void* p) { return static_cast<const P*>(p)->extends; };
    return *this;
  }

  // The portable kernel.
  OpBuilder& kernel(void (*fn)(const P&, const RunContext&)) {
    s_.portable = [fn](const PrepareContext& c) -> std::unique_ptr<Kernel> {
      return std::make_unique<FunctionKernel<P>>(c.params<P>(), fn);
    };
    return *this;
  }
  // A kernel for GPUs that needs no code of its own there: copies and the like on r.context.stream. Others stand in the .cu sibling.
  OpBuilder& gpu_kernel(void (*fn)(const P&, const RunContext&)) {
    s_.gpu_kernels.push_back([fn](const PrepareContext& c) -> std::unique_ptr<Kernel> {
      return std::make_unique<FunctionKernel<P>>(c.params<P>(), fn);
    });
    return *this;
  }
  OpBuilder& prepare(PrepareFn fn) {
    s_.portable = fn;
    return *this;
  }
  // See OpSchema::infer_storage.
  OpBuilder& sparse(bool (*rule)(InferStorage&), void (*fn)(const P&, const RunContext&)) {
    s_.infer_storage = rule;
    s_.sparse = [fn](const PrepareContext& c) -> std::unique_ptr<Kernel> {
      return std::make_unique<FunctionKernel<P>>(c.params<P>(), fn);
    };
    return *this;
  }
  // Of one input, and zero where that is zero: sparse inputs give outputs of their kind, for which the portable kernel, which may be given
  // tensors of any shape, runs on the stored values.
  OpBuilder& keeps_zeros(bool (*rule)(InferStorage&) = stored::same_kind) {
    s_.infer_storage = rule;
    s_.sparse = [op = &s_](const PrepareContext& c) -> std::unique_ptr<Kernel> {
      return std::make_unique<stored::ValuesKernel>(op->portable(c));
    };
    return *this;
  }
  OpBuilder& late_shape() {
    s_.late_shape = true;
    return *this;
  }

  SampleBuilder sample(std::vector<Shape> inputs, Attributes attributes = {}) {
    Sample sample;
    sample.inputs = std::move(inputs);
    sample.attributes = std::move(attributes);
    s_.samples.push_back(std::move(sample));
    return SampleBuilder(&s_.samples.back());
  }

 private:
  OpSchema& s_;
};

}  // namespace mixnet
