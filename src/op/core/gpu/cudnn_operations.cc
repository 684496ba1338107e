#include "op/core/gpu/cudnn_operations.h"

#include <cmath>
#include <sstream>

namespace mixnet::gpu::cudnn {
namespace {

using Numbers = std::vector<int64_t>;

int data_type(DType dtype) {
  switch (dtype) {
    case DType::f64: return data_double;
    case DType::f16: return data_half;
    case DType::bf16: return data_bfloat16;
    default: return data_float;
  }
}
int compute_type(DType dtype) { return dtype == DType::f64 ? data_double : data_float; }

// cuDNN knows two spatial axes and three.
int spatial_axes(const Convolution& c) {
  return c.in[0] == 1 && c.out[0] == 1 && c.kernel[0] == 1 && c.pad[0] == 0 ? 2 : 3;
}

Numbers spatial(int dims, const int64_t (&values)[3]) { return Numbers(values + 3 - dims, values + 3); }

Numbers with_planes(int64_t images, int64_t planes, int dims, const int64_t (&extents)[3]) {
  Numbers all{images, planes};
  all.insert(all.end(), extents + 3 - dims, extents + 3);
  return all;
}
Numbers strides_of(const Convolution::Steps& s, int dims, const int64_t (&extents)[3]) {
  int64_t at[3] = {s.at[0], s.at[1], s.at[2]};
  // An axis that the operator does not have, of extent 1.
  for (int d = 1; d >= 0; --d) {
    if (at[d] == 0) at[d] = at[d + 1] * extents[d + 1];
  }
  return with_planes(s.image, s.channel, dims, at);
}

struct Tensor {
  Numbers extents, strides;
};
Tensor tensor_of(const Convolution& c, Id id, int dims) {
  const int64_t filters = c.groups * c.filters;
  switch (id) {
    case id_x: return {with_planes(c.images, c.groups * c.channels, dims, c.in), strides_of(c.x, dims, c.in)};
    case id_w: return {with_planes(filters, c.channels, dims, c.kernel), strides_of(c.weight, dims, c.kernel)};
    default: return {with_planes(c.images, filters, dims, c.out), strides_of(c.y, dims, c.out)};
  }
}

Id result_of(Direction direction) {
  return direction == Direction::forward ? id_y : direction == Direction::data ? id_x : id_w;
}

// Zeros behind the last pixel: as many as before the first, unless windows end elsewhere.
int64_t pad_after(const Convolution& c, int d) {
  const int64_t reach = (c.kernel[d] - 1) * c.dilate[d] + 1, room = c.in[d] + 2 * c.pad[d] - reach;
  if (room >= 0 && room / c.stride[d] + 1 == c.out[d]) return c.pad[d];
  const int64_t after = (c.out[d] - 1) * c.stride[d] + reach - c.in[d] - c.pad[d];
  MIXNET_CHECK(after >= 0, unsupported, "[gpu] cuDNN: windows that leave out the last pixels");
  return after;
}

// The names of the parts of an operation, which are others for every direction.
struct Names {
  Kind kind;
  Name convolution, x, w, y, alpha, beta;
};
Names names_of(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return {Kind::convolve_forward, Name::forward_convolution, Name::forward_x,   Name::forward_w,
              Name::forward_y,        Name::forward_alpha,       Name::forward_beta};
    case Direction::data:
      return {Kind::convolve_data, Name::data_convolution, Name::data_dx,  Name::data_w,
              Name::data_dy,       Name::data_alpha,       Name::data_beta};
    default:
      return {Kind::convolve_weight, Name::weight_convolution, Name::weight_x,   Name::weight_dw,
              Name::weight_dy,       Name::weight_alpha,       Name::weight_beta};
  }
}

}  // namespace

const Descriptor& Operations::tensor(int64_t id, const Numbers& extents, const Numbers& strides) {
  Descriptor& t = add(Kind::tensor);
  const bool is_virtual = id >= id_between;
  t.set(Name::tensor_dtype, Type::dtype, is_virtual ? compute_type(c_.dtype) : data_type(c_.dtype));
  t.set(Name::tensor_extents, extents);
  t.set(Name::tensor_strides, strides);
  t.set(Name::tensor_id, id);
  t.set(Name::tensor_alignment, alignment);
  t.set(Name::tensor_is_virtual, Type::boolean, 1, &is_virtual);
  t.finalize();
  return t;
}

const Descriptor& Operations::window() {
  Descriptor& w = add(Kind::convolution);
  Numbers after;
  for (int d = 3 - dims_; d < 3; ++d) after.push_back(pad_after(c_, d));
  w.set(Name::convolution_dims, int64_t{dims_});
  w.set(Name::convolution_compute, Type::dtype, compute_type(c_.dtype));
  w.set(Name::convolution_mode, Type::convolution_mode, cross_correlation);
  w.set(Name::convolution_pads_before, spatial(dims_, c_.pad));
  w.set(Name::convolution_pads_after, after);
  w.set(Name::convolution_strides, spatial(dims_, c_.stride));
  w.set(Name::convolution_dilations, spatial(dims_, c_.dilate));
  w.finalize();
  return w;
}

// It lies as the result does.
const Descriptor& Operations::bias(Direction direction) {
  const int64_t planes = c_.groups * (direction == Direction::forward ? c_.filters : c_.channels);
  const bool last = (direction == Direction::forward ? c_.y : c_.x).channel == 1;
  Numbers extents(static_cast<size_t>(dims_ + 2), 1), strides(static_cast<size_t>(dims_ + 2), last ? planes : 1);
  extents[1] = planes;
  strides[0] = planes;
  strides[1] = 1;
  return tensor(id_bias, extents, strides);
}

const Descriptor& Operations::pointwise(int mode, const double* most) {
  Descriptor& p = add(Kind::pointwise);
  p.set(Name::pointwise_mode, Type::pointwise_mode, mode);
  p.set(Name::pointwise_precision, Type::dtype, compute_type(c_.dtype));
  if (mode == pointwise_relu) p.set(Name::pointwise_nan, Type::nan_propagation, propagate_nan);
  if (most) p.set(Name::relu_most, Type::float64, 1, most);
  p.finalize();
  return p;
}

// The residual before the bias: for this order cuDNN has engines of its own, others make any.
std::vector<Operations::Step> Operations::steps(Direction direction, const Finish& f) {
  std::vector<Step> all;
  if (f.residual) {
    const Tensor t = tensor_of(c_, result_of(direction), dims_);
    all.push_back({&pointwise(pointwise_add), &tensor(id_residual, t.extents, t.strides)});
  }
  if (f.bias) all.push_back({&pointwise(pointwise_add), &bias(direction)});
  switch (f.curve) {
    case Curve::none: break;
    case Curve::relu:
      all.push_back({&pointwise(pointwise_relu, std::isinf(f.most) ? nullptr : &f.most), nullptr});
      break;
    case Curve::sigmoid: all.push_back({&pointwise(pointwise_sigmoid), nullptr}); break;
    case Curve::tanh: all.push_back({&pointwise(pointwise_tanh), nullptr}); break;
  }
  return all;
}

void Operations::add_step(const Step& step, const Descriptor& from, const Descriptor& to) {
  Descriptor& o = add(Kind::pointwise_operation);
  o.set(Name::operation_pointwise, *step.function);
  o.set(Name::operation_x, from);
  if (step.other) o.set(Name::operation_b, *step.other);
  o.set(Name::operation_y, to);
  o.finalize();
  operations_.push_back(&o);
}

Operations::Operations(const Functions& cudnn, Direction direction, const Convolution& c, const Finish& finish)
    : cudnn_(cudnn), c_(c), dims_(spatial_axes(c)) {
  const Id result = result_of(direction);
  const auto of = [&](Id like, int64_t id) -> const Descriptor& {
    const Tensor t = tensor_of(c, like, dims_);
    return tensor(id, t.extents, t.strides);
  };
  const Descriptor &x = of(id_x, id_x), &w = of(id_w, id_w), &y = of(id_y, id_y);
  const Descriptor& to = result == id_x ? x : result == id_w ? w : y;
  const std::vector<Step> steps = this->steps(direction, finish);
  const Descriptor* sum = steps.empty() ? &to : &of(result, id_between);
  const Names n = names_of(direction);
  const Descriptor& window = this->window();
  Descriptor& o = add(n.kind);
  o.set(n.convolution, window);
  o.set(n.x, result == id_x ? *sum : x);
  o.set(n.w, result == id_w ? *sum : w);
  o.set(n.y, result == id_y ? *sum : y);
  const double one = 1, zero = 0;
  const float one_f = 1, zero_f = 0;
  const bool wide = c.dtype == DType::f64;
  o.set(n.alpha, wide ? Type::float64 : Type::float32, 1, wide ? static_cast<const void*>(&one) : &one_f);
  o.set(n.beta, wide ? Type::float64 : Type::float32, 1, wide ? static_cast<const void*>(&zero) : &zero_f);
  o.finalize();
  operations_.push_back(&o);
  for (size_t k = 0; k < steps.size(); ++k) {
    const Descriptor& next = k + 1 == steps.size() ? to : of(result, id_between + 1 + static_cast<int64_t>(k));
    add_step(steps[k], *sum, next);
    sum = &next;
  }
}

std::vector<const Descriptor*> Operations::all() const { return operations_; }

std::string problem_text(Direction direction, const Convolution& c, const Finish& f) {
  const char* const curves[] = {"", ":relu", ":sigmoid", ":tanh"};
  std::ostringstream out;
  out << (direction == Direction::forward ? "forward"
          : direction == Direction::data  ? "data"
                                          : "weight")
      << ':' << dtype_name(c.dtype) << (f.bias ? ":bias" : "") << (f.residual ? ":residual" : "")
      << curves[static_cast<int>(f.curve)];
  if (!std::isinf(f.most)) out << ":most" << f.most;
  const auto put = [&](const char* name, std::initializer_list<int64_t> values) {
    out << ':' << name;
    const char* comma = "";
    for (int64_t v : values) {
      out << comma << v;
      comma = ",";
    }
  };
  const auto three = [&](const char* name, const int64_t(&v)[3]) { put(name, {v[0], v[1], v[2]}); };
  const auto steps = [&](const char* name, const Convolution::Steps& s) {
    put(name, {s.image, s.channel, s.at[0], s.at[1], s.at[2]});
  };
  put("n", {c.images, c.groups, c.filters, c.channels});
  three("in", c.in);
  three("out", c.out);
  three("k", c.kernel);
  three("s", c.stride);
  three("d", c.dilate);
  three("p", c.pad);
  steps("x", c.x);
  steps("y", c.y);
  steps("w", c.weight);
  return out.str();
}

size_t bytes_of(const Convolution& c, Id id) {
  const Tensor t = tensor_of(c, id, 3);
  int64_t last = 0;
  for (size_t i = 0; i < t.extents.size(); ++i) last += (t.extents[i] - 1) * t.strides[i];
  return static_cast<size_t>((last + 1) * dtype_size(c.dtype));
}

}  // namespace mixnet::gpu::cudnn
