// The predictor.
#include <algorithm>
#include <cstring>

#include "c_api/guard.h"
#include "predictor/packed.h"
#include "predictor/predictor.h"

struct mxn_predictor {
  mixnet::Predictor predictor;
  mixnet::c_api::CountedHandle counted{};
};

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

const char* const place = "predictor";

const Predictor& predictor_of(const mxn_predictor_t* handle) { return required(handle, place, "predictor").predictor; }
Predictor& predictor_of(mxn_predictor_t* handle) { return required(handle, place, "predictor").predictor; }

std::vector<std::string> read_names(const char* const* names, int32_t count, const char* what) {
  std::vector<std::string> texts;
  for (const char* name : list(names, count, place, what)) texts.emplace_back(&required(name, place, what));
  return texts;
}

std::vector<PredictorInput> read_inputs(const mxn_predictor_options_t& o) {
  std::vector<PredictorInput> inputs;
  for (const auto& [name, shape] : read_shapes(o.input_names, o.input_ndims, o.input_shapes, o.num_inputs, place)) {
    const DType dtype = o.input_dtypes ? make_dtype(o.input_dtypes[inputs.size()], place) : DType::f32;
    inputs.push_back({name, shape, dtype});
  }
  return inputs;
}

// The symbol and the parameters, from one file or two.
PackedModel read_model(const mxn_predictor_options_t& o) {
  MIXNET_CHECK(o.packed_bytes >= 0 && (o.packed || o.packed_bytes == 0), invalid, "[predictor] packed: expected ",
               o.packed_bytes, " bytes");
  if (o.packed) {
    MIXNET_CHECK(!o.symbol_json && !o.params, invalid,
                 "[predictor] packed: expected either a packed model or symbol_json and params, got both");
    return read_packed(o.packed, static_cast<size_t>(o.packed_bytes));
  }
  required(o.symbol_json, place, "symbol_json");
  MIXNET_CHECK(o.params_bytes >= 0 && (o.params || o.params_bytes == 0), invalid, "[predictor] params: expected ",
               o.params_bytes, " bytes");
  return {o.symbol_json, o.params, static_cast<size_t>(o.params_bytes)};
}

void describe(const std::string& name, const NDArray& array, mxn_tensor_t* out) {
  mxn_tensor_t tensor{};
  tensor.name = name.c_str();
  tensor.data = array.view().data;
  tensor.bytes = array.bytes();
  tensor.dtype = static_cast<int32_t>(array.dtype());
  tensor.ndim = array.shape().ndim();
  for (int i = 0; i < tensor.ndim; ++i) tensor.shape[i] = array.shape()[i];
  give_struct(tensor, out, place, "out_tensor");
}

size_t position(int32_t index, size_t count, const char* what) {
  MIXNET_CHECK(index >= 0 && static_cast<size_t>(index) < count, invalid, "[predictor] ", what, ": expected 0 to ",
               static_cast<int64_t>(count) - 1, ", got ", index);
  return static_cast<size_t>(index);
}

void check_bytes(const NDArray& array, const void* data, int64_t bytes, const std::string& name) {
  MIXNET_CHECK(bytes == array.bytes(), shape, "[predictor] ", name, ": expected ", array.bytes(), " bytes, got ",
               bytes);
  MIXNET_CHECK(data || bytes == 0, invalid, "[predictor] ", name, ": expected data, got NULL");
}

}  // namespace

int32_t mxn_predictor_create(const mxn_predictor_options_t* options, mxn_predictor_t** out_predictor) {
  return guard([&] {
    clear(out_predictor, place, "out_predictor");
    const mxn_predictor_options_t o = take_struct(options, place, "options");
    const PackedModel parts = read_model(o);
    auto model = std::make_shared<Model>(parts.symbol_json, parts.params, parts.params_bytes,
                                         read_names(o.output_names, o.num_outputs, "output_names"), o.borrow != 0);
    *out_predictor = new mxn_predictor{Predictor(std::move(model), read_inputs(o))};
  });
}

int32_t mxn_predictor_clone(const mxn_predictor_t* predictor, mxn_predictor_t** out_predictor) {
  return guard([&] {
    clear(out_predictor, place, "out_predictor");
    const Predictor& p = predictor_of(predictor);
    *out_predictor = new mxn_predictor{Predictor(p.model(), p.inputs())};
  });
}

int32_t mxn_predictor_reshape(mxn_predictor_t* predictor, const char* const* names, const int32_t* ndims,
                              const int64_t* shapes, int32_t count) {
  return guard([&] {
    Predictor& p = predictor_of(predictor);
    std::vector<PredictorInput> inputs = p.inputs();
    for (const auto& [name, shape] : read_shapes(names, ndims, shapes, count, place)) {
      auto is_it = [&name = name](const PredictorInput& i) { return i.name == name; };
      auto it = std::find_if(inputs.begin(), inputs.end(), is_it);
      MIXNET_CHECK(it != inputs.end(), invalid, "[predictor] ", name, ": expected the name of an input");
      it->shape = shape;
    }
    p = Predictor(p.model(), std::move(inputs));
  });
}

int32_t mxn_predictor_info(const mxn_predictor_t* predictor, mxn_predictor_info_t* out_info) {
  return guard([&] {
    known_size(out_info, place, "out_info");
    const Predictor& p = predictor_of(predictor);
    mxn_predictor_info_t info{};
    info.num_inputs = static_cast<int32_t>(p.inputs().size());
    info.num_outputs = static_cast<int32_t>(p.num_outputs());
    info.num_steps = p.plan().num_steps();
    for (const auto& parameter : p.model()->parameters()) info.parameter_bytes += parameter.second.bytes();
    info.arena_bytes = p.plan().memory().arena_bytes;
    info.naive_bytes = p.plan().naive_bytes(0);
    info.lower_bound_bytes = p.plan().memory().lower_bound;
    info.kept_bytes = p.plan().kept_bytes(0);
    give_struct(info, out_info, place, "out_info");
  });
}

int32_t mxn_predictor_input(const mxn_predictor_t* predictor, int32_t index, mxn_tensor_t* out_tensor) {
  return guard([&] {
    known_size(out_tensor, place, "out_tensor");
    const Predictor& p = predictor_of(predictor);
    const size_t i = position(index, p.inputs().size(), "input");
    describe(p.inputs()[i].name, p.input(i), out_tensor);
  });
}

int32_t mxn_predictor_output(const mxn_predictor_t* predictor, int32_t index, mxn_tensor_t* out_tensor) {
  return guard([&] {
    known_size(out_tensor, place, "out_tensor");
    const Predictor& p = predictor_of(predictor);
    const size_t i = position(index, p.num_outputs(), "output");
    describe(p.model()->output_names()[i], p.output(i), out_tensor);
  });
}

int32_t mxn_predictor_set_input(mxn_predictor_t* predictor, const char* name, const void* data, int64_t bytes) {
  return guard([&] {
    const Predictor& p = predictor_of(predictor);
    const std::string key = &required(name, place, "name");
    size_t i = 0;
    while (i < p.inputs().size() && p.inputs()[i].name != key) ++i;
    MIXNET_CHECK(i < p.inputs().size(), invalid, "[predictor] ", key, ": expected the name of an input");
    check_bytes(p.input(i), data, bytes, key);
    if (bytes > 0) std::memcpy(p.input(i).view().data, data, static_cast<size_t>(bytes));
  });
}

int32_t mxn_predictor_get_output(const mxn_predictor_t* predictor, int32_t index, void* data, int64_t bytes) {
  return guard([&] {
    const Predictor& p = predictor_of(predictor);
    const size_t i = position(index, p.num_outputs(), "output");
    check_bytes(p.output(i), data, bytes, p.model()->output_names()[i]);
    if (bytes > 0) std::memcpy(data, p.output(i).view().data, static_cast<size_t>(bytes));
  });
}

int32_t mxn_predictor_forward(mxn_predictor_t* predictor) {
  return guard([&] { predictor_of(predictor).forward(); });
}

int32_t mxn_predictor_forward_steps(mxn_predictor_t* predictor, int32_t steps, int32_t* out_left) {
  return guard([&] {
    clear(out_left, place, "out_left");
    *out_left = predictor_of(predictor).forward_steps(steps);
  });
}

void mxn_predictor_free(mxn_predictor_t* predictor) { delete predictor; }
