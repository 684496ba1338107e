#include "op/core/strips.h"

#include "op/core/strip_kernel.h"

namespace mixnet {
namespace {

size_t inputs_of(const StripMember& m) { return static_cast<size_t>(m.op->num_inputs(m.params.get())); }

// Every member's own rule, one after the other. `values` gets the shapes or dtypes between them, the chain's input first.
template <class Infer, class T>
void infer_chain(const std::vector<StripMember>& members, Infer& c, const std::function<void(Infer&)> OpSchema::* rule,
                 std::vector<T>* values) {
  T value = c.in[0];
  size_t next = 1;
  for (size_t m = 0; m < members.size(); ++m) {
    const StripMember& member = members[m];
    Infer own(*member.op, member.params.get(), "");
    const auto others = c.in.begin() + static_cast<std::ptrdiff_t>(next);
    const auto count = static_cast<std::ptrdiff_t>(inputs_of(member)) - 1;
    own.in.assign(others, others + count);
    own.in.insert(own.in.begin(), value);
    own.out.assign(1, m + 1 == members.size() ? c.out[0] : T(values->front()));
    if constexpr (std::is_same_v<Infer, InferShape>) own.last = c.last;
    (member.op->*rule)(own);
    if (m == 0) c.in[0] = own.in[0];
    std::copy(own.in.begin() + 1, own.in.end(), others);
    values->push_back(value = own.out[0]);
    next += static_cast<size_t>(count);
  }
  c.out[0] = value;
}

// The first item stands for nothing known, then the values between the members follow.
std::vector<Shape> infer_shapes(const std::vector<StripMember>& members, InferShape& c) {
  std::vector<Shape> shapes{Shape::unknown()};
  infer_chain<InferShape, Shape>(members, c, &OpSchema::infer_shape, &shapes);
  shapes[0] = c.in[0];
  return shapes;
}
std::vector<DType> infer_types(const std::vector<StripMember>& members, InferType& c) {
  std::vector<DType> types{DType::unknown};
  infer_chain<InferType, DType>(members, c, &OpSchema::infer_type, &types);
  types[0] = c.in[0];
  return types;
}

std::unique_ptr<Kernel> prepare(const OpSchema& op, const std::vector<StripMember>& members, int64_t height,
                                const PrepareContext& c) {
  InferShape shape(op, nullptr, "");
  InferType type(op, nullptr, "");
  for (const TensorView& v : c.inputs) {
    shape.in.push_back(v.shape);
    type.in.push_back(v.dtype);
  }
  shape.in[0][0] = 1;  // image by image
  shape.out.assign(1, Shape::unknown());
  type.out.assign(1, DType::unknown);
  return std::make_unique<StripKernel>(members, infer_shapes(members, shape), infer_types(members, type), height, c);
}

}  // namespace

std::optional<RowWindow> strip_window(const StripMember& m) {
  if (m.op->draws(m.params.get(), true) || m.op->num_outputs(m.params.get()) != 1) return std::nullopt;
  if (m.op->is_pointwise(m.params.get())) return inputs_of(m) == 1 ? std::make_optional(RowWindow{}) : std::nullopt;
  return m.op->row_window ? m.op->row_window(m.params.get()) : std::nullopt;
}

std::shared_ptr<const OpSchema> make_strips_operator(std::vector<StripMember> list, int64_t height) {
  const auto members = std::make_shared<const std::vector<StripMember>>(std::move(list));
  auto made = std::make_shared<OpSchema>();
  made->fixed_inputs = made->fixed_outputs = made->fixed_visible = 1;
  for (const StripMember& m : *members) {
    made->name += (made->name.empty() ? "strips of " : ", ") + m.op->name;
    made->fixed_inputs += static_cast<int>(inputs_of(m)) - 1;
    made->uses_training = made->uses_training || m.op->uses_training;
  }
  made->hidden = true;
  made->input_names = [members](const void*) {
    std::vector<std::string> names{members->front().op->input_names(members->front().params.get())[0]};
    for (const StripMember& m : *members) {
      const std::vector<std::string> own = m.op->input_names(m.params.get());
      names.insert(names.end(), own.begin() + 1, own.end());
    }
    return names;
  };
  made->output_names = [](const void*) { return std::vector<std::string>{"output"}; };
  made->infer_shape = [members](InferShape& c) { infer_shapes(*members, c); };
  made->infer_type = [members](InferType& c) { infer_types(*members, c); };
  made->portable = [members, height, op = made.get()](const PrepareContext& c) {
    return prepare(*op, *members, height, c);
  };
  return made;
}

}  // namespace mixnet
