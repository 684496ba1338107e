#include "c_api/plugin_operator.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "c_api/guard.h"
#include "op/core/field.h"
#include "op/core/offered.h"

namespace mixnet::c_api {
namespace {

struct PluginParams {
  std::vector<Value> values;  // by field, of its kind, or none
};

// Values as the plug-in sees them; lives during one call.
class PluginValues {
 public:
  PluginValues(const OpSchema& op, const void* params) {
    const auto& p = *static_cast<const PluginParams*>(params);
    texts_.reserve(p.values.size());
    ints_.reserve(p.values.size());
    reals_.reserve(p.values.size());
    for (size_t i = 0; i < p.values.size(); ++i) values_.push_back(convert(op.fields[i], p.values[i]));
  }
  const mxn_plugin_value_t* data() const { return values_.data(); }

 private:
  mxn_plugin_value_t convert(const ParamField& field, const Value& value) {
    mxn_plugin_value_t v{};
    switch (value.kind()) {
      case Value::Kind::none: v.none = 1; break;
      case Value::Kind::boolean:
      case Value::Kind::integer:
        v.integer = value.as_int();
        v.real = static_cast<double>(v.integer);
        break;
      case Value::Kind::real: v.real = value.as_real(); break;
      case Value::Kind::text:
        texts_.push_back(value.as_text());
        v.text = texts_.back().c_str();
        v.integer = std::find(field.choices.begin(), field.choices.end(), texts_.back()) - field.choices.begin();
        break;
      case Value::Kind::ints:
        ints_.push_back(value.as_ints());
        v.ints = ints_.back().data();
        v.count = ints_.back().ndim();
        break;
      case Value::Kind::reals:
        reals_.push_back(value.as_reals());
        v.reals = reals_.back().data();
        v.count = static_cast<int64_t>(reals_.back().size());
        break;
    }
    return v;
  }

  std::vector<mxn_plugin_value_t> values_;
  std::vector<std::string> texts_;
  std::vector<Shape> ints_;
  std::vector<std::vector<double>> reals_;
};

using PluginFn = int32_t (*)(mxn_plugin_call_t*);

mxn_plugin_tensor_t outline_of(const Shape& shape, DType dtype) {
  mxn_plugin_tensor_t t{};
  t.dtype = dtype == DType::unknown ? -1 : static_cast<int32_t>(dtype);
  t.ndim = shape.ndim();
  std::copy(shape.begin(), shape.end(), t.shape);
  return t;
}

// Calls a function of the plug-in; throws what it says, without a place.
void call_plugin(PluginFn fn, const mxn_plugin_value_t* params, std::vector<mxn_plugin_tensor_t>& in,
                 std::vector<mxn_plugin_tensor_t>& out, bool training) {
  char message[1024] = "";
  mxn_plugin_call_t call{};
  call.struct_size = sizeof call;
  call.params = params;
  call.inputs = in.data();
  call.outputs = out.data();
  call.num_inputs = static_cast<int32_t>(in.size());
  call.num_outputs = static_cast<int32_t>(out.size());
  call.training = training;
  call.message = message;
  call.message_size = sizeof message;
  int32_t status = 0;
  try {
    status = fn(&call);
  } catch (...) {  // a plug-in in C++ that lets one out
    fail(Code::user, "the plug-in threw an exception");
  }
  message[sizeof message - 1] = '\0';
  MIXNET_CHECK(status == 0, user, message[0] ? std::string(message) : concat("the plug-in returned ", status));
}

void infer_shapes(const OpSchema& op, PluginFn fn, const void* params, InferShape& c) {
  std::vector<mxn_plugin_tensor_t> in, out;
  for (const Shape& s : c.in) in.push_back(outline_of(s, DType::unknown));
  for (const Shape& s : c.out) out.push_back(outline_of(s, DType::unknown));
  const PluginValues values(op, params);
  try {
    call_plugin(fn, values.data(), in, out, false);
  } catch (const Error& e) {
    c.fail(Code::shape, e.what());
  }
  const auto shape = [&c](const mxn_plugin_tensor_t& t) {
    if (t.ndim < 0) return Shape::unknown();
    if (t.ndim > Shape::max_ndim) c.fail(Code::shape, concat("infer_shape: ndim: expected at most 16, got ", t.ndim));
    return Shape(t.shape, t.ndim);
  };
  for (size_t i = 0; i < in.size(); ++i) c.set_in(static_cast<int>(i), shape(in[i]));
  for (size_t i = 0; i < out.size(); ++i) c.set_out(static_cast<int>(i), shape(out[i]));
}

void infer_types(const OpSchema& op, PluginFn fn, const void* params, InferType& c) {
  std::vector<mxn_plugin_tensor_t> in, out;
  for (DType t : c.in) in.push_back(outline_of(Shape::unknown(), t));
  for (DType t : c.out) out.push_back(outline_of(Shape::unknown(), t));
  const PluginValues values(op, params);
  try {
    call_plugin(fn, values.data(), in, out, false);
  } catch (const Error& e) {
    c.fail(Code::type, e.what());
  }
  const auto dtype = [&c](const mxn_plugin_tensor_t& t) {
    if (t.dtype < 0) return DType::unknown;
    if (!dtype_valid(t.dtype)) c.fail(Code::type, concat("infer_type: code ", t.dtype, " is not a dtype"));
    return static_cast<DType>(t.dtype);
  };
  for (size_t i = 0; i < in.size(); ++i) c.set_in(static_cast<int>(i), dtype(in[i]));
  for (size_t i = 0; i < out.size(); ++i) c.set_out(static_cast<int>(i), dtype(out[i]));
}

class PluginKernel : public Kernel {
 public:
  PluginKernel(const OpSchema& op, PluginFn fn, const PrepareContext& c)
      : op_(op), fn_(fn), params_(c.params<PluginParams>()), values_(op, &params_) {}
  void run(const RunContext& r) const override {
    std::vector<mxn_plugin_tensor_t> in = tensors(r.in), out = tensors(r.out);
    try {
      call_plugin(fn_, values_.data(), in, out, r.context.training);
    } catch (const Error& e) {
      fail(e.code(), "[", op_.name, "] ", e.what());
    }
  }

 private:
  static std::vector<mxn_plugin_tensor_t> tensors(Span<const TensorView> views) {
    std::vector<mxn_plugin_tensor_t> all;
    for (const TensorView& v : views) {
      all.push_back(outline_of(v.shape, v.dtype));
      all.back().data = v.data;
    }
    return all;
  }

  const OpSchema& op_;
  const PluginFn fn_;
  const PluginParams params_;
  const PluginValues values_;
};

// ---- gradients ----

struct GradientState : mxn_plugin_gradient_t {
  GradientState() : mxn_plugin_gradient_t{} {}

  const OpSchema* op = nullptr;
  GradientContext* context = nullptr;
  std::vector<Entry> entries;

  int64_t add(const Entry& e) {
    entries.push_back(e);
    return static_cast<int64_t>(entries.size()) - 1;
  }
  const Entry& at(int64_t number, const char* what) const {
    MIXNET_CHECK(number >= 0 && number < static_cast<int64_t>(entries.size()), user, what,
                 ": expected an entry of this gradient, got ", number);
    return entries[static_cast<size_t>(number)];
  }
};

std::vector<Entry> make_node(GradientState& s, const char* name, Span<const int64_t> inputs,
                             Span<const char* const> keys, const char* const* values) {
  const OpSchema& op = registry().at(&required(name, "gradient", "op"));
  std::vector<Entry> in;
  for (int64_t i : inputs) in.push_back(s.at(i, "make: inputs"));
  Attributes attributes;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string key = &required(keys[i], "gradient", "keys");
    if (values && values[i]) {
      attributes.emplace_back(key, std::string(values[i]));
      continue;
    }
    const auto field =
        std::find_if(s.op->fields.begin(), s.op->fields.end(), [&](const auto& f) { return f.name == key; });
    MIXNET_CHECK(field != s.op->fields.end(), user, "make: the forward operator has no parameter ", key);
    attributes.emplace_back(key, field->get(&s.context->params<PluginParams>()));
  }
  if (!op.variadic.empty()) attributes.emplace_back(op.variadic, op.variadic_count(in.size()));
  const int expected = op.num_inputs(op.make_params(attributes).get());
  MIXNET_CHECK(static_cast<int>(in.size()) == expected, user, "make: ", op.name, ": expected ", expected,
               " inputs, got ", in.size());
  return s.context->make_all(op.name.c_str(), std::move(in), attributes);
}

int32_t make(mxn_plugin_gradient_t* gradient, const char* op, const int64_t* inputs, int32_t num_inputs,
             const char* const* keys, const char* const* values, int32_t num_params, int64_t* out_entries,
             int32_t capacity) {
  auto& s = *static_cast<GradientState*>(gradient);
  try {
    const std::vector<Entry> made = make_node(s, op, list(inputs, num_inputs, "gradient", "inputs"),
                                              list(keys, num_params, "gradient", "keys"), values);
    for (int32_t i = 0; i < capacity && i < static_cast<int32_t>(made.size()); ++i)
      out_entries[i] = s.add(made[static_cast<size_t>(i)]);
    return 0;
  } catch (const std::exception& e) {
    const size_t length = std::min(std::strlen(e.what()), gradient->message_size - 1);
    std::memcpy(gradient->message, e.what(), length);
    gradient->message[length] = '\0';
    return -1;
  }
}

void run_gradient(int32_t (*fn)(mxn_plugin_gradient_t*), GradientContext& g) {
  GradientState s;
  mxn_plugin_gradient_t& call = s;
  s.op = &g.op();
  s.context = &g;
  const PluginValues values(g.op(), &g.params<PluginParams>());
  const int num_outputs = g.op().num_outputs(&g.params<PluginParams>());
  std::vector<int64_t> inputs, outputs, output_grads, input_grads(static_cast<size_t>(g.num_inputs()), -1);
  std::vector<int32_t> wanted;
  for (int i = 0; i < g.num_inputs(); ++i) {
    inputs.push_back(s.add(g.input(i)));
    wanted.push_back(g.wants(i));
  }
  for (int i = 0; i < num_outputs; ++i) {
    outputs.push_back(s.add(g.output(i)));
    output_grads.push_back(s.add(g.output_grad(i)));
  }
  char message[1024] = "";
  call = {sizeof call,
          values.data(),
          inputs.data(),
          outputs.data(),
          output_grads.data(),
          wanted.data(),
          input_grads.data(),
          static_cast<int32_t>(inputs.size()),
          num_outputs,
          make,
          message,
          sizeof message};
  int32_t status = 0;
  try {
    status = fn(&call);
  } catch (...) {
    fail(Code::user, "[", g.op().name, "] gradient: the plug-in threw an exception");
  }
  message[sizeof message - 1] = '\0';
  MIXNET_CHECK(status == 0, user, "[", g.op().name,
               "] gradient: ", message[0] ? std::string(message) : concat("the plug-in returned ", status));
  for (size_t i = 0; i < input_grads.size(); ++i) {
    if (input_grads[i] >= 0) g.set(static_cast<int>(i), s.at(input_grads[i], "[plug-in] input_grads"));
  }
}

// ---- descriptions ----

bool identifier(const char* name) {
  if (!name || !*name || std::isdigit(static_cast<unsigned char>(*name))) return false;
  for (const char* c = name; *c; ++c) {
    if (!std::isalnum(static_cast<unsigned char>(*c)) && *c != '_') return false;
  }
  return true;
}

std::string text(const char* t) { return t ? t : ""; }

// The value in the form that the kind has.
Value normal(const ParamField& f, int32_t kind, const Value& v) {
  if (f.optional && v.says_none()) return Value();
  switch (kind) {
    case MXN_PLUGIN_INT: return v.as_int();
    case MXN_PLUGIN_FLOAT: return v.as_real();
    case MXN_PLUGIN_BOOL: return v.as_bool();
    case MXN_PLUGIN_INTS: return v.as_ints();
    case MXN_PLUGIN_FLOATS: return v.as_reals();
    default: break;
  }
  const std::string word = v.as_text();
  if (kind == MXN_PLUGIN_CHOICE && std::find(f.choices.begin(), f.choices.end(), word) == f.choices.end()) {
    std::string all;
    for (const std::string& c : f.choices) all += (all.empty() ? "'" : ", '") + c + "'";
    fail(Code::invalid, "expected one of ", all, ", got '", word, "'");
  }
  return word;
}

ParamField make_param(const mxn_plugin_param_t& p, size_t index) {
  static const char* const types[] = {"", "int", "float", "boolean", "string", "tuple", "float tuple", "enum"};
  MIXNET_CHECK(identifier(p.name), invalid, "params[", index, "].name: expected an identifier, got '", text(p.name),
               "'");
  MIXNET_CHECK(p.kind >= MXN_PLUGIN_INT && p.kind <= MXN_PLUGIN_CHOICE, invalid, p.name, ".kind: expected 1 to 7, got ",
               p.kind);
  ParamField f;
  f.name = p.name;
  f.doc = text(p.doc);
  f.type = types[p.kind];
  f.required = p.value == nullptr;
  f.optional = p.value && std::string(p.value) == "None";
  for (const char* c : list(p.choices, p.num_choices, p.name, "choices")) f.choices.push_back(text(c));
  MIXNET_CHECK((p.kind == MXN_PLUGIN_CHOICE) == !f.choices.empty(), invalid, p.name,
               ".choices: expected some for a CHOICE, and for nothing else");
  if (p.has_range) {
    MIXNET_CHECK(p.minimum <= p.maximum, invalid, p.name, ": expected minimum <= maximum");
    f.minimum = p.minimum;
    f.maximum = p.maximum;
  }
  f.get = [index](const void* params) { return static_cast<const PluginParams*>(params)->values[index]; };
  const ParamField like = f;
  f.set = [like, index, kind = p.kind](void* params, const Value& v) {
    static_cast<PluginParams*>(params)->values[index] = normal(like, kind, v);
  };
  return f;
}

std::vector<std::string> names_of(Span<const mxn_plugin_name_t> given, const char* what) {
  std::vector<std::string> names;
  for (const mxn_plugin_name_t& n : given) {
    MIXNET_CHECK(identifier(n.name), invalid, what, ": expected an identifier, got '", text(n.name), "'");
    MIXNET_CHECK(std::find(names.begin(), names.end(), n.name) == names.end(), invalid, what, ": ", n.name,
                 " stands there twice");
    names.push_back(n.name);
  }
  return names;
}

void fill_params(OpSchema& s, Span<const mxn_plugin_param_t> given) {
  auto defaults = std::make_shared<PluginParams>();
  defaults->values.resize(given.size());
  std::set<std::string> seen;
  for (size_t i = 0; i < given.size(); ++i) {
    s.fields.push_back(make_param(take_struct(&given[i], "params", "param"), i));
    ParamField& f = s.fields.back();
    MIXNET_CHECK(seen.insert(f.name).second, invalid, "params: ", f.name, " stands there twice");
    if (f.required) continue;
    set_field(f, defaults.get(), std::string(given[i].value), "default");
    f.default_text = f.get(defaults.get()).str();
  }
  s.params_type = typeid(PluginParams);
  s.make_default = [defaults] { return std::make_shared<PluginParams>(*defaults); };
  s.clone = [](const void* p) { return std::make_shared<PluginParams>(*static_cast<const PluginParams*>(p)); };
}

void fill_functions(OpSchema& s, const mxn_plugin_operator_t& op) {
  s.infer_shape = [](InferShape& c) { c.all_same(); };
  s.infer_type = [](InferType& c) { c.all_same(); };
  if (op.infer_shape)
    s.infer_shape = [&s, fn = op.infer_shape](InferShape& c) { infer_shapes(s, fn, &c.params<PluginParams>(), c); };
  if (op.infer_type)
    s.infer_type = [&s, fn = op.infer_type](InferType& c) { infer_types(s, fn, &c.params<PluginParams>(), c); };
  MIXNET_CHECK(op.run, invalid, "run: expected a function, got NULL");
  s.portable = [&s, fn = op.run](const PrepareContext& c) { return std::make_unique<PluginKernel>(s, fn, c); };
  s.no_gpu = "its plug-in runs on arrays of the host";
  if (op.gradient) s.gradient = [fn = op.gradient](GradientContext& g) { run_gradient(fn, g); };
  else s.no_gradient = op.no_gradient ? op.no_gradient : "its plug-in defines none";
}

void fill(OpSchema& s, const mxn_plugin_operator_t& op) {
  s.doc = text(op.doc);
  s.hidden = (op.flags & MXN_PLUGIN_HIDDEN) != 0;
  MIXNET_CHECK((op.flags & ~(MXN_PLUGIN_HIDDEN | MXN_PLUGIN_INPLACE)) == 0, invalid, "flags: expected 0 to 3, got ",
               op.flags);
  const auto inputs = list(op.inputs, op.num_inputs, "add_operator", "inputs");
  names_of(inputs, "inputs");
  for (const mxn_plugin_name_t& n : inputs) s.inputs.push_back({n.name, text(n.doc)});
  std::vector<std::string> outputs = names_of(list(op.outputs, op.num_outputs, "add_operator", "outputs"), "outputs");
  if (outputs.empty()) outputs = {"output"};
  s.fixed_outputs = s.fixed_visible = static_cast<int>(outputs.size());
  s.output_names = [outputs](const void*) { return outputs; };
  fill_params(s, list(op.params, op.num_params, "add_operator", "params"));
  for (int32_t i : list(op.mutates, op.num_mutates, "add_operator", "mutates")) {
    MIXNET_CHECK(i >= 0 && i < op.num_inputs, invalid, "mutates: expected inputs below ", op.num_inputs, ", got ", i);
    s.mutates.push_back(i);
  }
  if (op.flags & MXN_PLUGIN_INPLACE) {
    MIXNET_CHECK(op.num_inputs > 0, invalid, "flags: INPLACE needs an input");
    s.inplace.emplace_back(0, 0);
  }
  fill_functions(s, op);
}

}  // namespace

void add_plugin_operator(Registry& registry, const mxn_plugin_operator_t* given) {
  const mxn_plugin_operator_t op = take_struct(given, "add_operator", "op");
  MIXNET_CHECK(identifier(op.name), invalid, "operator name: expected an identifier, got '", text(op.name), "'");
  MIXNET_CHECK(!mixnet::registry().find(op.name), invalid, "operator ", op.name, ": there is one called so already");
  try {
    fill(registry.add(op.name), op);
  } catch (const Error& e) {
    fail(Code::invalid, "operator ", op.name, ": ", e.what());
  }
}

}  // namespace mixnet::c_api
