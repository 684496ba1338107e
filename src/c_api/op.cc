// Operators: schema, lookup, invocation.
#include "autograd/record.h"
#include "autograd/thread_state.h"
#include "c_api/handles.h"
#include "executor/invoke.h"
#include "op/core/offered.h"

namespace mixnet::c_api {
namespace {

Value make_value(const mxn_arg_t& a, const char* place) {
  switch (a.tag) {
    case MXN_TAG_NONE: return Value();
    case MXN_TAG_INT: return Value(a.integer);
    case MXN_TAG_BOOL: return Value(a.integer != 0);
    case MXN_TAG_FLOAT: return Value(a.real);
    case MXN_TAG_TEXT: return Value(&required(a.text, place, "text"));
    case MXN_TAG_INTS: {
      const Span<const int64_t> ints = list(a.ints, a.count, place, "ints");
      if (a.count > Shape::max_ndim) return Value(std::vector<double>(ints.begin(), ints.end()));
      return Value(Shape(ints.data(), static_cast<int>(ints.size())));
    }
    case MXN_TAG_FLOATS: {
      const Span<const double> reals = list(a.reals, a.count, place, "reals");
      return Value(std::vector<double>(reals.begin(), reals.end()));
    }
    default: fail(Code::invalid, "[", place, "] tag: expected 0 to 6, got ", a.tag);
  }
}

}  // namespace

Attributes make_attributes(const OpSchema& op, Span<const mxn_arg_t> args) {
  Attributes attributes;
  attributes.reserve(args.size());
  for (const mxn_arg_t& a : args) {
    MIXNET_CHECK(a.field >= 0 && a.field < static_cast<int32_t>(op.fields.size()), invalid, "[", op.name,
                 "] field: expected 0 to ", op.fields.size() - 1, ", got ", a.field);
    attributes.emplace_back(op.fields[static_cast<size_t>(a.field)].name, make_value(a, op.name.c_str()));
  }
  return attributes;
}

}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_op_schemas(char** out_json) {
  return guard([&] {
    clear(out_json, "op_schemas", "out_json");
    *out_json = copy_text(registry().to_json().dump());
  });
}

int32_t mxn_op_find(const char* name, const mxn_op_t** out_op) {
  return guard([&] {
    clear(out_op, "op_find", "out_op");
    *out_op = reinterpret_cast<const mxn_op_t*>(&offered_operator(&required(name, "op_find", "name")));
  });
}

int32_t mxn_op_invoke(const mxn_op_t* op, mxn_ndarray_t* const* inputs, int32_t num_inputs, const mxn_arg_t* args,
                      int32_t num_args, int32_t training, int32_t device_kind, int32_t device_index,
                      mxn_ndarray_t** outputs, int32_t capacity, int32_t* num_outputs) {
  return guard([&] {
    const OpSchema& schema = schema_of(op, "op_invoke");
    const char* place = schema.name.c_str();
    required(num_outputs, place, "num_outputs");
    const int32_t given = *num_outputs;
    list(outputs, capacity, place, "outputs");
    MIXNET_CHECK(given >= 0 && given <= capacity, invalid, "[", place, "] num_outputs: expected 0 to ", capacity,
                 ", got ", given);
    Attributes attributes = make_attributes(schema, list(args, num_args, place, "args"));
    if (!schema.variadic.empty()) {
      bool counted = false;
      for (const auto& a : attributes) counted = counted || a.first == schema.variadic;
      if (!counted) attributes.emplace_back(schema.variadic, schema.variadic_count(static_cast<size_t>(num_inputs)));
    }
    InvokeOptions options;
    const autograd::ThreadState& state = autograd::thread_state();
    options.training = training < 0 ? state.training : training != 0;
    options.device = make_device(device_kind, device_index, place);
    const ParamsPtr params = schema.make_params(attributes);
    const auto room = [&](int visible) {
      MIXNET_CHECK(visible <= capacity, invalid, "[", place, "] capacity: expected room for ", visible,
                   " outputs, got ", capacity);
      return visible;
    };
    if (state.watched()) {
      std::vector<autograd::Taped> fresh;
      autograd::invoke(schema, params, read_taped(inputs, num_inputs, place, "inputs"),
                       read_taped(outputs, given, place, "outputs"), fresh, options);
      if (given > 0) return;
      const int visible = room(schema.num_visible(params.get()));
      for (int i = 0; i < visible; ++i) outputs[i] = new mxn_ndarray(std::move(fresh[static_cast<size_t>(i)]));
      *num_outputs = visible;
      return;
    }
    std::vector<NDArray> in = read_arrays(inputs, num_inputs, place, "inputs"),
                         out = read_arrays(outputs, given, place, "outputs");
    invoke(schema, params, in, out, options);
    if (given > 0) return;
    const int visible = room(schema.num_visible(params.get()));
    for (int i = 0; i < visible; ++i) outputs[i] = new mxn_ndarray{std::move(out[static_cast<size_t>(i)])};
    *num_outputs = visible;
  });
}
