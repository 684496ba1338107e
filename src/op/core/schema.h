// Everything the library knows about an operator. Built once by OpBuilder, then constant.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "op/core/gradient.h"
#include "op/core/infer.h"
#include "op/core/infer_storage.h"
#include "op/core/kernel.h"
#include "op/core/param.h"
#include "op/core/rows.h"

namespace mixnet {

// Pieces of a whole along an axis, one after the other from index `begin` on.
struct AxisPieces {
  int axis;
  int64_t begin = 0;
};

struct InputDef {
  std::string name;
  std::string doc;
};

// Concrete inputs for the registry-wide tests.
struct Sample {
  std::vector<Shape> inputs;
  Attributes attributes;
  double low = -1, high = 1;        // inputs are uniform in [low, high)
  std::vector<int> integer_inputs;  // inputs that hold whole numbers in [0, integer_limit)
  int64_t integer_limit = 1;
  bool differentiable = true;  // false: kinks or steps here; the finite-difference check is left out
  bool training = true;
  double tolerance = 1e-2;  // of the finite-difference gradient, relative
};

// A kernel that applies pointwise operators to the values it makes, before it stores them.
struct TailKernel {
  Provider provider;
  bool (*takes)(const FusedGroup& tail);
  PrepareFn prepare;  // gets the tail in PrepareContext::tail
};

struct OpSchema {
  std::string name;
  std::vector<std::string> aliases;
  std::string doc;
  int id = -1;          // position in the registry, by name
  bool hidden = false;  // not offered to bindings: the backward operators

  std::vector<InputDef> inputs;  // the largest set; for a variadic operator the one that repeats
  std::string variadic;          // parameter that counts the inputs ("num_args"); empty otherwise
  int group = 1, trailing = 0;   // variadic: inputs per count, and inputs after all of them
  std::vector<ParamField> fields;
  std::type_index params_type = typeid(void);
  std::function<std::shared_ptr<void>()> make_default;
  std::function<std::shared_ptr<void>(const void*)> clone;
  std::function<void(const void*)> check;  // relations between parameters; may be empty

  // These depend on the parameters (no_bias, output_mean_var).
  std::function<std::vector<std::string>(const void*)> input_names;
  std::function<std::vector<std::string>(const void*)> output_names;
  std::function<int(const void*)> visible_outputs;
  // The same without building names; these are asked on every call.
  int fixed_inputs = -1, fixed_outputs = -1, fixed_visible = -1;  // -1: depends on the parameters
  ParamsPtr default_params;                                       // null when a parameter is required
  int num_inputs(const void* p) const {
    return fixed_inputs >= 0 ? fixed_inputs : static_cast<int>(input_names(p).size());
  }
  int num_outputs(const void* p) const {
    return fixed_outputs >= 0 ? fixed_outputs : static_cast<int>(output_names(p).size());
  }
  int num_visible(const void* p) const { return fixed_visible >= 0 ? fixed_visible : visible_outputs(p); }
  // The count of a variadic operator that is given this many inputs.
  int64_t variadic_count(size_t num_inputs) const { return (static_cast<int64_t>(num_inputs) - trailing) / group; }
  // With groups, `mutates` and `inplace` speak of the first one.
  bool mutates_input(int i) const;
  bool allows_inplace(int input, int output) const;
  std::vector<int> shape_only;  // inputs of which only shape and dtype are used; the kernel gets data == nullptr
  std::vector<int> mutates;     // inputs the kernel changes in place: optimizer states, moving statistics in backward
  std::vector<int> auxiliary;   // inputs that are states although this kernel only reads them (BatchNorm's statistics)

  // Both empty where output 0 is not made of windows of input 0 along axis 2. The part gets its own rows of input 0, of which there are
  // `above` and `below` more in the padding; it takes the number of its output's rows from the output.
  std::function<std::optional<RowWindow>(const void* params)> row_window;
  std::function<RowPart(const void* params, int64_t above, int64_t below)> row_part;

  std::function<void(InferShape&)> infer_shape;
  std::function<void(InferType&)> infer_type;
  std::function<void(GradientContext&)> gradient;
  std::string no_gradient;     // why there is none
  bool zero_gradient = false;  // inputs get zero gradient: piecewise constant operators

  std::vector<std::pair<int, int>> inplace;  // (input, output): the output may take over the input's memory
  std::vector<std::pair<int, int>> alias;    // (input, output): same bytes, other shape; the kernel is a copy
  // Where inputs are the pieces of output 0 (joins), or outputs are pieces of input 0 (cuts) with nothing changed.
  std::function<AxisPieces(const void* params, const Shape& whole)> joins, cuts;
  bool pointwise = false;  // element i of the output depends on element i of every input, where all have one shape
  std::function<bool(const void* params)> pointwise_with;  // empty: with any
  bool is_pointwise(const void* params) const { return pointwise && (!pointwise_with || pointwise_with(params)); }
  bool random = false;                                                // may draw numbers: KernelContext::random is set
  std::function<bool(const void* params, bool training)> draws_with;  // empty: does so with any
  bool draws(const void* params, bool training) const {
    return random && (!draws_with || draws_with(params, training));
  }
  bool optional_outputs = false;  // unwanted outputs may be null, but not the first of a forward operator
  bool may_leave_out(int output) const { return optional_outputs && (hidden || output > 0); }
  bool uses_training = false;  // does something else in training mode
  bool head = false;           // a loss: ignores the gradient of its output, may start backward

  std::vector<std::pair<Provider, PrepareFn>> kernels;  // oneDNN kernels stand beside the portable one
  std::function<std::unique_ptr<Kernel>(const PrepareContext&)> portable;
  // Asked in this order on a GPU; each may be none for what the next one takes. Or why there is no kernel for GPUs.
  std::vector<std::function<std::unique_ptr<Kernel>(const PrepareContext&)>> gpu_kernels;
  std::string no_gpu;
  bool many_kernels = false;  // on a GPU it is many small ones: worth a graph by itself (executor/step_graphs.h)
  std::vector<TailKernel> tail_kernels;
  std::shared_ptr<const FusedGroup> fused;  // of an operator made of several: those
  // Both empty where only dense arrays are known. True: `sparse` takes and gives the kinds that the rule has set; it runs on a CPU and
  // gets memory for sparse outputs from KernelContext::memory.
  bool (*infer_storage)(InferStorage&) = nullptr;
  std::function<std::unique_ptr<Kernel>(const PrepareContext&)> sparse;
  bool late_shape =
      false;  // shapes of outputs depend on values: the kernel allocates them, and no graph can be bound with it
  std::vector<Sample> samples;
  std::string no_empty;  // why empty inputs are not allowed

  // Of operators that carry graphs: how many, and where they are in the parameters. What they mutate and which inputs are states depends on
  // the graphs. `extends`: a node with such parameters was made to run instead of its origin, whose outputs are its first ones.
  int num_subgraphs = 0;
  std::function<std::vector<SubgraphPtr>(const void*)> subgraphs;
  std::function<void(void*, std::vector<SubgraphPtr>)> set_subgraphs;
  std::function<bool(const void*, int)> subgraph_mutates, subgraph_state;
  bool (*extends)(const void*) = nullptr;
  bool mutates_input(const void* params, int i) const {
    return mutates_input(i) || (subgraph_mutates && subgraph_mutates(params, i));
  }
  // The parameters with these graphs; throws as make_params does.
  ParamsPtr with_subgraphs(const ParamsPtr& params, std::vector<SubgraphPtr> graphs, const std::string& where) const;
  std::function<void(const void*)> check_subgraphs;

  // Parameters from names and values. Throws `[Convolution conv0] kernel: expected ..., got ...` for unknown names,
  // bad values and missing required ones. `where` is the node's name or empty.
  ParamsPtr make_params(const Attributes& attributes, const std::string& where = "") const;
  // All parameters as text, in order, as files store them.
  std::vector<std::pair<std::string, std::string>> params_text(const void* params) const;
  const ParamField* field(const std::string& field_name) const;
  std::string place(const std::string& where) const { return where.empty() ? name : name + " " + where; }
  // Asks the providers in order of preference; never nullptr. Throws Code::unsupported when nobody can.
  std::unique_ptr<Kernel> prepare(const PrepareContext& context) const;
};

// Whether kernels of this provider are asked for on a device.
bool provider_serves(Provider provider, DeviceId device);

// Takes oneDNN out of the choice (tests compare it with the portable kernels). MIXNET_ONEDNN=0 does so from the start.
void set_onednn_enabled(bool enabled);
bool onednn_enabled();

}  // namespace mixnet
